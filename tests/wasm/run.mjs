// Runs pytest in CPython in WebAssembly: node run.mjs PYODIDE PACKAGES PROJECT ARGUMENTS...
// PYODIDE is the folder of the npm package, PACKAGES a folder of installed pure Python packages.
import { pathToFileURL } from "node:url";
import { join, resolve } from "node:path";

const [pyodide, packages, project, ...args] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(join(resolve(pyodide), "pyodide.mjs")));
const python = await loadPyodide({ env: { HOME: "/tmp", PYTHONDONTWRITEBYTECODE: "1" } });
for (const [folder, source] of [["/packages", packages], ["/project", project]]) {
  python.FS.mkdirTree(folder);
  python.FS.mount(python.FS.filesystems.NODEFS, { root: resolve(source) }, folder);
}
python.globals.set("arguments", python.toPy(args));
try {
  process.exitCode = python.runPython(`
import os, sys
sys.path[:0] = ["/packages", "/project/docs/_try", "/project/tests"]
os.chdir("/project")
import timer_loop
import pytest
with timer_loop.installed():
    code = pytest.main(["-p", "no:cacheprovider", "-p", "wasm.plugin", *arguments])
int(code)
`);
} catch (error) {
  console.error(String(error.message).slice(-4000));
  console.error(`The last test was ${globalThis.lastTest}`);
  process.exitCode = 1;
}
