// The page: an editor, a worker that runs its program, the output, and the conversations.
import { python } from "@codemirror/lang-python";
import { syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { classHighlighter } from "@lezer/highlight";
import { basicSetup, EditorView } from "codemirror";

import buttons from "./programs/buttons.py";
import conversation from "./programs/conversation.py";
import echoBot from "./programs/echo.py";
import errors from "./programs/errors.py";
import pages from "./programs/pages.py";
import switchboard from "./programs/switchboard.py";

const PROGRAMS = [
  ["First conversation", conversation],
  ["Pages", pages],
  ["Errors", errors],
  ["Echo bot", echoBot],
  ["Buttons", buttons],
  ["Switchboard", switchboard],
];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const choices = PROGRAMS.map(([title], index) => {
  const choice = element("button", { type: "button", "aria-pressed": "false" }, title);
  choice.addEventListener("click", () => choose(index));
  return choice;
});
const editorBox = element("div", { class: "try-editor" });
const runButton = element("button", { type: "button", class: "try-run" }, "Run");
const stopButton = element("button", { type: "button" }, "Stop");
const resetButton = element("button", { type: "button" }, "Reset");
const progress = element("progress", { "aria-label": "Loading", max: TOTAL_BYTES });
const state = element("span", { role: "status", class: "try-state" });
const output = element("pre", { class: "try-output", tabindex: "0", "aria-label": "Output" });
const chats = element("div", { class: "try-chats", tabindex: "0", "aria-label": "Conversations" });
chats.setAttribute("role", "region");
output.setAttribute("role", "region");

const root = document.getElementById("try");
root.replaceChildren(
  element("div", { class: "try-choices", role: "group", "aria-label": "Programs" }, ...choices),
  editorBox,
  element("div", { class: "try-bar" }, runButton, stopButton, resetButton, progress, state),
  element(
    "div",
    { class: "try-results" },
    element("section", {}, element("p", { class: "try-title" }, "Output"), output),
    element("section", {}, element("p", { class: "try-title" }, "Conversation"), chats),
  ),
);

const editor = new EditorView({
  parent: editorBox,
  extensions: [
    Prec.high(keymap.of([{ key: "Mod-Enter", run: () => (run(), true) }])),
    basicSetup,
    EditorState.tabSize.of(4),
    python(),
    syntaxHighlighting(classHighlighter),
    EditorView.contentAttributes.of({ "aria-label": "Program" }),
  ],
});

editor.scrollDOM.tabIndex = 0; // so that the keyboard scrolls it everywhere

let chosen = 0;
let worker = null;
let ready = false;
let running = false;
let queued = null;

function choose(index) {
  chosen = index;
  choices.forEach((choice, at) => choice.setAttribute("aria-pressed", String(at === index)));
  editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: PROGRAMS[index][1] } });
  editor.scrollDOM.scrollTop = 0;
  output.replaceChildren();
  chats.replaceChildren();
  root.dataset.result = "";
}

function update(text) {
  state.textContent = text;
  progress.hidden = ready || worker === null;
  stopButton.disabled = !running;
  runButton.disabled = running || worker === null;
}

function giveUp(reason) {
  worker?.terminate();
  worker = null;
  running = false;
  root.dataset.state = "broken";
  update(
    `This browser cannot run Python: ${reason} Current versions of Chrome, Edge, Firefox and ` +
      "Safari can. The programs are below.",
  );
}

function start() {
  ready = false;
  root.dataset.state = "loading";
  if (typeof WebAssembly !== "object") return giveUp("it has no WebAssembly.");
  try {
    worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  } catch (error) {
    return giveUp(String(error.message));
  }
  worker.addEventListener("error", (event) => giveUp(event.message || "a script did not load."));
  worker.addEventListener("message", ({ data: { type, value } }) => receive[type](value));
  progress.removeAttribute("value");
  update("Loading Python…");
}

const receive = {
  received(bytes) {
    progress.value += bytes;
    const mb = (number) => (number / 1e6).toFixed(1);
    update(`Loading Python: ${mb(progress.value)} of ${mb(TOTAL_BYTES)} MB`);
  },
  ready() {
    ready = true;
    root.dataset.state = "ready";
    if (queued !== null) send(queued);
    else update("Ready. Ctrl+Enter runs the program, too.");
  },
  broken: giveUp,
  output(text) {
    output.append(text);
    output.scrollTop = output.scrollHeight;
  },
  conversations(all) {
    chats.replaceChildren(...all.map(chat));
    chats.scrollTop = chats.scrollHeight;
  },
  done({ succeeded, seconds }) {
    running = false;
    root.dataset.result = succeeded ? "succeeded" : "failed";
    update(`${succeeded ? "Done" : "Failed"} after ${seconds.toFixed(2)} s`);
  },
};

function send(source) {
  queued = null;
  worker.postMessage(source);
  update("Running…");
}

function run() {
  if (running || worker === null) return;
  running = true;
  root.dataset.result = "";
  output.replaceChildren();
  chats.replaceChildren();
  const source = editor.state.doc.toString();
  if (ready) send(source);
  else {
    queued = source;
    update("Loading Python, then running…");
  }
}

function stop() {
  worker?.terminate();
  running = false;
  queued = null;
  root.dataset.result = "stopped";
  start();
}

function chat({ title, control, messages }) {
  const heading = element("p", { class: "try-chat-title" }, title);
  if (control) heading.append(element("span", {}, `in control: ${control}`));
  return element("div", { class: "try-chat" }, heading, ...messages.map(bubble));
}

function bubble({ author, content }) {
  const made = element("div", { class: `try-bubble try-${author}` });
  const kind = content.type;
  if (kind === "carousel" || kind === "list") {
    made.append(...content.items.map(card));
  } else if (kind === "image" || kind === "file") {
    made.append(element("p", {}, `${kind}: ${content.mediaUrl}`));
  } else if (content.text) {
    made.append(element("p", {}, content.text));
  } else {
    made.append(element("p", {}, `(${kind})`));
  }
  made.append(actions(content));
  return made;
}

function card(item) {
  const made = element("div", { class: "try-card" }, element("strong", {}, item.title));
  if (item.description) made.append(element("span", {}, item.description));
  made.append(actions(item));
  return made;
}

function actions(holder) {
  const labels = (holder.actions ?? []).map((action) => action.text ?? action.type);
  return element("div", { class: "try-actions" }, ...labels.map((text) => element("span", {}, text)));
}

runButton.addEventListener("click", run);
stopButton.addEventListener("click", stop);
resetButton.addEventListener("click", () => choose(chosen));
choose(0);
start();
