import { h } from "./dom.js";
import { store } from "./store.js";
import "./conversations.js";
import "./chat.js";
import "./inspector.js";

const status = document.querySelector("#connection");
store.start((state) => {
  status.textContent = state;
  status.dataset.state = state;
});

const app = document.querySelector("#app");
store.on("overview", () => {
  app.replaceChildren(
    ...store.apps.map((one) => h("option", { value: one.id, selected: one.id === store.app }, one.displayName || one.id)),
  );
});
app.addEventListener("change", () => {
  store.app = app.value;
  store.search = "";
  store.conversation = "";
  store.refresh();
});

const root = document.documentElement;
root.dataset.theme = localStorage.getItem("sunco-theme") ?? "";
document.querySelector("#theme").addEventListener("click", () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("sunco-theme", root.dataset.theme);
});

const panes = document.querySelector(".panes");
export function showPane(name) {
  panes.dataset.pane = name;
  for (const button of document.querySelectorAll(".pane-switch button"))
    button.setAttribute("aria-pressed", String(button.dataset.show === name));
}
for (const button of document.querySelectorAll(".pane-switch button"))
  button.addEventListener("click", () => showPane(button.dataset.show));
store.on("conversation", () => showPane("chat"));
