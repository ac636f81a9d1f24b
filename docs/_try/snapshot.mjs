// Saves the memory of a Python that has imported everything: node snapshot.mjs FOLDER PROGRAM
// FOLDER is that of the page. The program is run, so that the snapshot has its compiled readers.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const [folder, program] = process.argv.slice(2).map((path) => resolve(path));
const pyodide = join(folder, "pyodide");
const { loadPyodide } = await import(pathToFileURL(join(pyodide, "pyodide.mjs")));
const python = await loadPyodide({ indexURL: pyodide, env: { HOME: "/tmp" }, _makeSnapshot: true });
python.FS.writeFile("/lib/packages.zip", readFileSync(join(folder, "packages.zip")));
python.globals.set("source", readFileSync(program, "utf8"));
python.runPython(`
import gc, sys
sys.path.insert(0, "/lib/packages.zip")
import runner
if not runner.run(source, [].append, [].append):
    raise SystemExit(1)
del source
gc.collect()
`);
writeFileSync(join(folder, "snapshot.bin"), gzipSync(python.makeMemorySnapshot(), { level: 9 }));
