import { attempt, h, time, tree } from "./dom.js";
import { get, post } from "./api.js";
import { store } from "./store.js";

const TABS = ["Webhooks", "Requests", "Switchboard", "Faults", "Clock", "State"];

class Inspector extends HTMLElement {
  connectedCallback() {
    this.tabs = TABS.map((name, index) =>
      h("button", {
        type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", "aria-selected": String(index === 0),
        tabindex: index === 0 ? "0" : "-1", onclick: () => this.show(name), onkeydown: (event) => this.move(event, index),
      }, name),
    );
    this.panel = h("div", { role: "tabpanel", id: "panel", class: "panel", tabindex: "0", "aria-labelledby": "tab-Webhooks" });
    this.append(h("div", { class: "pane-head tabs", role: "tablist", "aria-label": "Inspector" }, this.tabs), this.panel);
    this.shown = "Webhooks";
    this.opened = new Set();
    // The whole state is not fetched with each change.
    store.on("overview", () => { if (this.shown !== "State") this.draw(); });
    store.on("change", (change) => { if (change.kind !== "state") this.drawSoon(); });
    store.on("conversation", () => this.draw());
  }

  move(event, index) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (index + step + TABS.length) % TABS.length;
    this.show(TABS[next]);
    this.tabs[next].focus();
  }

  show(name) {
    this.shown = name;
    for (const tab of this.tabs) {
      const chosen = tab.textContent === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    this.panel.setAttribute("aria-labelledby", `tab-${name}`);
    this.draw();
  }

  drawSoon() {
    if (this.waiting || (this.shown !== "Webhooks" && this.shown !== "Requests")) return;
    this.waiting = setTimeout(() => { this.waiting = undefined; this.draw(); }, 80);
  }

  async draw() {
    const name = this.shown;
    const focused = this.panel.contains(document.activeElement) && ["INPUT", "SELECT"].includes(document.activeElement.tagName);
    if (focused && this.panel.dataset.name === name) return;
    const content = await attempt(() => this[name.toLowerCase()]());
    if (!content || name !== this.shown) return;
    this.panel.dataset.name = name;
    const elements = [content].flat();
    if (elements.length === this.panel.childNodes.length && elements.every((element, index) => element === this.panel.childNodes[index])) return;
    const { scrollTop } = this.panel;
    this.panel.replaceChildren(...elements);
    this.panel.scrollTop = scrollTop;
  }

  entry(id, head, body) {
    return h("details", {
      class: "entry", open: this.opened.has(id),
      ontoggle: (event) => { if (event.target.open) this.opened.add(id); else this.opened.delete(id); },
    }, h("summary", {}, head), body());
  }

  async webhooks() {
    const { deliveries } = await get("deliveries", { limit: 100 });
    if (!deliveries.length) return h("p", { class: "empty" }, "No deliveries yet. Register a webhook over the API; its deliveries appear here.");
    const next = [["Duplicate the next", "deliveries.duplicate", {}], ["Delay the next by 5 s", "deliveries.delay", { seconds: 5 }]];
    const row = h("div", { class: "row" }, next.map(([label, name, given]) => h("button", { type: "button", onclick: () => attempt(() => post(name, given)) }, label)));
    return [row, ...deliveries.toReversed().map((one) =>
      this.entry(`d${one.id}`,
        [
          h("span", { class: `pill ${one.succeeded ? "good" : "bad"}` }, one.status ?? "failed"),
          h("span", { class: "grow" }, one.body.events.map((event) => event.type).join(", ")),
          h("small", {}, `attempt ${one.attempt}${one.duration === undefined ? "" : ` · ${Math.round(one.duration * 1000)} ms`}`),
        ],
        () => [
          h("p", { class: "target" }, one.url, " · ", time(one.at)),
          h("div", { class: "row" },
            h("button", { type: "button", onclick: () => attempt(() => post("deliveries.redeliver", { delivery: one.id })) }, "Redeliver"),
          ),
          one.response && h("pre", {}, one.response),
          tree(one.body, "body"),
        ].filter(Boolean),
      ),
    )];
  }

  async requests() {
    const { requests } = await get("requests", { limit: 100 });
    if (!requests.length) return h("p", { class: "empty" }, "No API requests yet.");
    return requests.toReversed().map((one) =>
      this.entry(`r${one.id}`,
        [
          h("span", { class: `pill ${one.status !== null && one.status < 400 ? "good" : "bad"}` }, one.status ?? "broken"),
          h("span", { class: "grow" }, one.operation || `${one.method} ${one.path}`),
          h("small", {}, `${(one.duration * 1000).toFixed(1)} ms`),
        ],
        () => [h("p", { class: "target" }, `${one.method} ${one.path}`), tree(one.query ?? {}, "query", false), tree(one.body ?? null, "request"), tree(one.response ?? null, "response")],
      ),
    );
  }

  // The elements are kept while the integrations are the same, so that control is seen to move.
  async switchboard() {
    const board = await get("switchboard", { app: store.app, conversation: store.conversation });
    if (!board.integrations.length) return h("p", { class: "empty" }, "This app has no switchboard.");
    const key = JSON.stringify(board.integrations);
    if (this.graphKey !== key) {
      this.graphKey = key;
      this.graph = graph(board.integrations);
      const options = board.integrations.map((one) => h("option", { value: one.id }, one.name));
      const chosen = h("select", { "aria-label": "Switchboard integration" }, options);
      const move = (name) => {
        const target = name === "pass" || name === "offer" ? { switchboardIntegration: chosen.value } : {};
        return attempt(() => post(`switchboard.${name}`, { app: store.app, conversation: store.conversation, ...target }));
      };
      this.moves = h("div", { class: "row" }, chosen, ["pass", "offer", "accept", "release"].map((name) => h("button", { type: "button", onclick: () => move(name) }, name)));
      this.hint = h("p", { class: "empty" }, "Choose a conversation to move its control.");
    }
    this.graph.update(board);
    return [this.graph.element, store.conversation ? this.moves : this.hint];
  }

  async faults() {
    const [{ faults, deliveries }, { rules }] = await Promise.all([get("faults"), get("channels")]);
    const buttons = (acts) =>
      h("div", { class: "switches" }, acts.map(([label, name, given]) =>
        h("button", { type: "button", onclick: () => attempt(() => post(name, given)).then(() => this.draw()) }, label)));
    const active = [
      ...faults.map((one) => `${one.method ?? (one.path === "*" ? "all requests" : "")} ${one.path === "*" ? "" : one.path}`.trim() + `: ${describe(one)}`),
      ...deliveries.map((one) => `next ${one.remaining} deliveries: ${one.kind}${one.seconds ? ` ${one.seconds} s` : ""}`),
      ...rules.map((one) => `${one.channel ?? "any channel"}: ${one.result}${one.seconds ? ` ${one.seconds} s` : ""} (${left(one.next)})`),
    ];
    const recover = () => attempt(() => Promise.all(["recover", "deliveries.recover", "channels.recover"].map((name) => post(name)))).then(() => this.draw());
    return [
      h("h3", {}, "Active"),
      active.length ? h("ul", { class: "faults" }, active.map((text) => h("li", {}, text))) : h("p", { class: "empty" }, "None."),
      h("div", { class: "row" }, h("button", { type: "button", disabled: !active.length, onclick: recover }, "Clear all")),
      h("h3", {}, "API requests"),
      buttons([
        ["Next: 503", "fail", { status: 503 }],
        ["Next: 429, retry in 1 s", "fail", { status: 429, retry_after: 1 }],
        ["Next: connection reset", "fail", { reset: true }],
        ["Next: applied, then reset", "fail", { reset: true, applied: true }],
        ["Next: HTML error page", "fail", { status: 502, html: true }],
        ["Next: garbage", "fail", { garbage: true }],
        ["All: about 0.5 s slower", "fail", { next: null, latency: { type: "exponential", mean: 0.5 } }],
        ["At most 5 per second", "limit_rate", { rate: 5 }],
      ]),
      h("h3", {}, "Webhook deliveries"),
      buttons([
        ["Next: 5 s late", "deliveries.delay", { seconds: 5 }],
        ["Next: twice", "deliveries.duplicate", {}],
        ["Next: in reverse order", "deliveries.reorder", {}],
        ["Next: dropped", "deliveries.drop", {}],
      ]),
      h("h3", {}, "Channels"),
      buttons([
        ["Next on WhatsApp: failed", "channels.fail", { channel: "whatsapp" }],
        ["Next: confirmed 5 s late", "channels.delay", { seconds: 5 }],
        ["All: never confirmed", "channels.silence", { next: null }],
      ]),
    ];
  }

  async clock() {
    const { now, offset } = await get("clock");
    const change = (given) => attempt(() => post("clock", given)).then(() => this.draw());
    const moment = h("input", { type: "datetime-local", step: "1", "aria-label": "Time in UTC", value: now.slice(0, 19) });
    return [
      h("p", { class: "now" }, h("time", { datetime: now }, `${now.slice(0, 10)} ${now.slice(11, 19)} UTC`)),
      h("p", {}, offset ? `${Math.abs(Math.round(offset))} s ${offset > 0 ? "ahead of" : "behind"} this machine` : "The machine's own time"),
      h("div", { class: "row" }, [["+1 min", 60], ["+1 h", 3600], ["+1 day", 86400]].map(([label, seconds]) => h("button", { type: "button", onclick: () => change({ advance: seconds }) }, label))),
      h("form", { class: "row", onsubmit: (event) => { event.preventDefault(); document.activeElement?.blur(); change({ set: `${moment.value.padEnd(19, ":00")}.000Z` }); } },
        moment, h("button", { type: "submit" }, "Set")),
      h("p", { class: "note" }, "A day ahead, WhatsApp's 24-hour window is closed."),
    ];
  }

  async state() {
    const { state } = await get("state");
    const download = () => {
      const url = URL.createObjectURL(new Blob([JSON.stringify(state)], { type: "application/json" }));
      h("a", { href: url, download: "emulator-state.json" }).click();
      URL.revokeObjectURL(url);
    };
    const upload = async (file) => {
      if (file) await attempt(async () => post("state", { state: JSON.parse(await file.text()) }));
      this.draw();
    };
    const picker = h("input", { type: "file", class: "visually-hidden", accept: ".json", "aria-label": "State file", tabindex: "-1", onchange: () => upload(picker.files[0]) });
    const reset = () => {
      if (confirm("Remove everything from this emulator?")) attempt(() => post("reset")).then(() => this.draw());
    };
    return [
      h("div", { class: "row" },
        h("button", { type: "button", onclick: () => this.draw() }, "Refresh"),
        h("button", { type: "button", onclick: download }, "Export"),
        picker, h("button", { type: "button", onclick: () => picker.click() }, "Import"),
        h("button", { type: "button", class: "danger", onclick: reset }, "Reset")),
      h("p", { class: "note" }, "It contains secrets."),
      tree(state, "state"),
    ];
  }
}

const NS = "http://www.w3.org/2000/svg";
const STEP = 84;

function s(name, attributes, ...children) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// The integrations of a switchboard, one above the other, and a mark that moves to the active one.
function graph(integrations) {
  const place = new Map(integrations.map((one, index) => [one.id, 14 + index * STEP]));
  const edges = integrations
    .filter((one) => place.has(one.nextSwitchboardIntegrationId))
    .map((one) => {
      const from = place.get(one.id) + 54;
      const to = place.get(one.nextSwitchboardIntegrationId);
      const down = to > from;
      return s("path", { class: "edge", "marker-end": "url(#arrow)", d: down ? `M170 ${from} L170 ${to - 3}` : `M290 ${from - 27} C 335 ${from - 27}, 335 ${to + 27}, 294 ${to + 27}` });
    });
  const kinds = new Map();
  const nodes = integrations.map((one) => {
    const top = place.get(one.id);
    const kind = s("text", { x: 66, y: top + 42, class: "kind" });
    const node = s("g", { class: "node" }, s("rect", { x: 50, y: top, width: 240, height: 54, rx: 10 }), s("text", { x: 66, y: top + 23, class: "name" }, document.createTextNode(one.name)), kind);
    kinds.set(one.id, { node, kind, type: one.integrationType });
    return node;
  });
  const token = s("circle", { class: "token", cx: 28, cy: 0, r: 8 });
  const marker = s("defs", {}, s("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, s("path", { d: "M0 0 L8 4 L0 8 z", class: "head" })));
  const element = s("svg", { viewBox: `0 0 340 ${integrations.length * STEP}`, class: "graph", role: "img" }, marker, ...edges, ...nodes, token);
  const update = ({ active, pending }) => {
    const states = [];
    for (const [id, { node, kind, type }] of kinds) {
      const state = id === active ? "active" : id === pending ? "pending" : "standby";
      node.setAttribute("class", `node ${state}`);
      kind.textContent = `${type} · ${state}`;
      states.push(`${node.querySelector(".name").textContent} is ${state}`);
    }
    token.classList.toggle("absent", !place.has(active));
    if (place.has(active)) token.style.transform = `translateY(${place.get(active) + 27}px)`;
    element.setAttribute("aria-label", `Switchboard: ${states.join(", ")}`);
  };
  return { element, update };
}

function left(next) {
  return next === null ? "from now on" : `${next} left`;
}

function describe(fault) {
  const { latency } = fault;
  const parts = [];
  if (fault.rate) parts.push(`more than ${fault.rate} per second get ${fault.status}`);
  else if (fault.status) parts.push(`status ${fault.status}`);
  if (fault.garbage) parts.push("garbage");
  if (fault.html) parts.push("HTML");
  if (fault.reset) parts.push("connection reset");
  if (latency) parts.push(typeof latency === "number" ? `${latency} s slower` : `slower (${latency.type})`);
  if (fault.applied) parts.push("applied first");
  return `${parts.join(", ")} (${left(fault.next)})`;
}

customElements.define("emulator-inspector", Inspector);
