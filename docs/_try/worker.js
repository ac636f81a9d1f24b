// Runs the reader's programs, in Python in WebAssembly.
import createPyodideModule from "./pyodide/pyodide.asm.mjs";
import { loadPyodide } from "./pyodide/pyodide.mjs";

const here = (path) => new URL(path, import.meta.url).href;
const send = (type, value) => postMessage({ type, value });

async function download(path) {
  const response = await fetch(here(path));
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

function unpack(response) {
  return new Response(response.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

async function start() {
  // The memory of a Python that has imported everything: `snapshot.mjs` saved it.
  const snapshot = download("snapshot.bin").then(unpack);
  const packages = download("packages.zip").then((response) => response.arrayBuffer());
  const python = await loadPyodide({
    indexURL: here("pyodide/"),
    env: { HOME: "/tmp" },
    _loadSnapshot: snapshot,
    async createPyodideModule(settings) {
      const module = await createPyodideModule(settings);
      // The memory grows, so that the snapshot fits.
      module._free(module._malloc((await snapshot).byteLength));
      return module;
    },
  });
  python.FS.writeFile("/lib/packages.zip", new Uint8Array(await packages));
  return python.pyimport("runner");
}

// Counts what is loaded, and leaves the responses to the browser, which caches what it compiles.
new PerformanceObserver((files) => {
  for (const { initiatorType, encodedBodySize } of files.getEntries())
    if (initiatorType === "fetch") send("received", encodedBodySize);
}).observe({ type: "resource", buffered: true });

const started = start();
started.then(
  () => send("ready"),
  (error) => send("broken", String(error?.message ?? error)),
);
self.addEventListener("message", async ({ data }) => {
  const runner = await started;
  const begun = performance.now();
  const write = (text) => send("output", text);
  const show = (conversations) => send("conversations", JSON.parse(conversations));
  const succeeded = runner.run(data, write, show);
  send("done", { succeeded, seconds: (performance.now() - begun) / 1000 });
});
