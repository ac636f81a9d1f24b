// Elements are built from data with text nodes only: what users write never becomes HTML.
export function h(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SAFE = new Set(["http:", "https:"]);

// A URL that may be shown as a link or a picture, else undefined.
export function safeUrl(text) {
  try {
    const url = new URL(text, location.href);
    return SAFE.has(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

export function time(text) {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime())
    ? ""
    : moment.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

export function toast(message) {
  let region = document.querySelector(".toasts");
  if (!region) {
    region = h("div", { class: "toasts", role: "alert" });
    document.body.append(region);
  }
  const note = h("p", { class: "toast" }, message);
  region.append(note);
  setTimeout(() => note.remove(), 5000);
}

export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message);
    return undefined;
  }
}

const MOST = 500;

// JSON as a tree that opens and closes.
export function tree(value, name = "", open = true) {
  if (value === null || typeof value !== "object") {
    const kind = value === null ? "null" : typeof value;
    const label = name === "" ? null : h("span", { class: "key" }, `${name}: `);
    return h("div", { class: "leaf" }, label, h("span", { class: `value ${kind}` }, JSON.stringify(value)));
  }
  const entries = Object.entries(value);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const opened = open && entries.length > 0;
  const element = h("details", { class: "tree", open: opened }, h("summary", {}, name === "" ? size : `${name} ${size}`));
  // What is closed is built when it is opened: a state can have a hundred thousand messages.
  const build = () => element.append(...entries.slice(0, MOST).map(([key, inner]) => tree(inner, key, opened && entries.length < 12)), entries.length > MOST ? h("div", { class: "leaf" }, `${entries.length - MOST} more`) : "");
  if (opened) build();
  else element.addEventListener("toggle", build, { once: true });
  return element;
}
