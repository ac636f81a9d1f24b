// Runs the reader's programs, in Python in WebAssembly.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const here = (path) => new URL(path, import.meta.url).href;
const send = (type, value) => postMessage({ type, value });

function reportDownloads() {
  const download = self.fetch;
  let received = 0;
  self.fetch = async (...args) => {
    const response = await download(...args);
    if (!response.ok || !response.body) return response;
    const counted = response.body.pipeThrough(
      new TransformStream({
        transform(chunk, controller) {
          received += chunk.byteLength;
          send("received", received);
          controller.enqueue(chunk);
        },
      }),
    );
    return new Response(counted, { status: response.status, headers: response.headers });
  };
}

async function start() {
  reportDownloads();
  const packages = fetch(here("packages.zip")).then((response) => {
    if (!response.ok) throw new Error(`packages.zip: ${response.status}`);
    return response.arrayBuffer();
  });
  const python = await loadPyodide({ indexURL: here("pyodide/"), env: { HOME: "/tmp" } });
  python.FS.writeFile("/lib/packages.zip", new Uint8Array(await packages));
  python.runPython("import sys; sys.path.insert(0, '/lib/packages.zip')");
  send("importing");
  return python.pyimport("runner");
}

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
