// Compiles Python files, next to each and without docstrings: node compile.mjs PYODIDE FOLDER
// Python's bytecode is bound to a version, so Pyodide's own Python compiles it.
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [pyodide, folder] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(resolve(pyodide), "pyodide.mjs")));
const python = await loadPyodide();
python.FS.mkdir("/folder");
python.FS.mount(python.FS.filesystems.NODEFS, { root: resolve(folder) }, "/folder");
const compiled = python.runPython(`
import compileall, py_compile
compileall.compile_dir(
    "/folder", maxlevels=20, quiet=1, legacy=True, optimize=2, stripdir="/folder",
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
)
`);
process.exitCode = compiled ? 0 : 1;
