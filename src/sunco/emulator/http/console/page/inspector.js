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
    store.on("overview", () => this.draw());
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
    const { scrollTop } = this.panel;
    this.panel.replaceChildren(...[content].flat());
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
    return deliveries.toReversed().map((one) =>
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
            h("button", { type: "button", onclick: () => attempt(() => post("deliveries.duplicate")) }, "Duplicate next"),
            h("button", { type: "button", onclick: () => attempt(() => post("deliveries.delay", { seconds: 5 })) }, "Delay next by 5 s"),
          ),
          one.response && h("pre", {}, one.response),
          tree(one.body, "body"),
        ].filter(Boolean),
      ),
    );
  }

  async requests() {
    const { requests } = await get("requests", { limit: 100 });
    if (!requests.length) return h("p", { class: "empty" }, "No API requests yet.");
    return requests.toReversed().map((one) =>
      this.entry(`r${one.id}`,
        [
          h("span", { class: `pill ${one.status < 400 ? "good" : "bad"}` }, one.status),
          h("span", { class: "grow" }, one.operation || `${one.method} ${one.path}`),
          h("small", {}, `${(one.duration * 1000).toFixed(1)} ms`),
        ],
        () => [h("p", { class: "target" }, `${one.method} ${one.path}`), tree(one.query ?? {}, "query", false), tree(one.body ?? null, "request"), tree(one.response ?? null, "response")],
      ),
    );
  }

  async switchboard() {
    const board = await get("switchboard", { app: store.app, conversation: store.conversation });
    if (!board.integrations.length) return h("p", { class: "empty" }, "This app has no switchboard.");
    const width = 340;
    const step = 84;
    const ns = "http://www.w3.org/2000/svg";
    const s = (name, attributes, ...children) => {
      const element = document.createElementNS(ns, name);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
      element.append(...children);
      return element;
    };
    const place = new Map(board.integrations.map((one, index) => [one.id, 14 + index * step]));
    const edges = board.integrations
      .filter((one) => place.has(one.nextSwitchboardIntegrationId))
      .map((one) => {
        const from = place.get(one.id) + 54;
        const to = place.get(one.nextSwitchboardIntegrationId);
        const down = to > from;
        return s("path", { class: "edge", "marker-end": "url(#arrow)", d: down ? `M170 ${from} L170 ${to - 3}` : `M290 ${from - 27} C 335 ${from - 27}, 335 ${to + 27}, 294 ${to + 27}` });
      });
    const nodes = board.integrations.map((one) => {
      const state = one.id === board.active ? "active" : one.id === board.pending ? "pending" : "standby";
      const top = place.get(one.id);
      return s("g", { class: `node ${state}` },
        s("rect", { x: 50, y: top, width: 240, height: 54, rx: 10 }),
        s("text", { x: 66, y: top + 23, class: "name" }, document.createTextNode(one.name)),
        s("text", { x: 66, y: top + 42, class: "kind" }, document.createTextNode(`${one.integrationType} · ${state}`)));
    });
    const marker = s("defs", {}, s("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, s("path", { d: "M0 0 L8 4 L0 8 z", class: "head" })));
    const height = board.integrations.length * step;
    const graph = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "graph", role: "img", "aria-label": "Switchboard" }, marker, ...edges, ...nodes);
    const chosen = h("select", { "aria-label": "Switchboard integration" }, board.integrations.map((one) => h("option", { value: one.id }, one.name)));
    const move = (name) => attempt(() => post(`switchboard.${name}`, { app: store.app, conversation: store.conversation, ...(name === "pass" || name === "offer" ? { switchboardIntegration: chosen.value } : {}) }));
    return [
      graph,
      store.conversation
        ? h("div", { class: "row" }, chosen, ["pass", "offer", "accept", "release"].map((name) => h("button", { type: "button", onclick: () => move(name) }, name)))
        : h("p", { class: "empty" }, "Choose a conversation to move its control."),
    ];
  }

  async faults() {
    const { faults } = await get("faults");
    const rules = [
      ["Next request: 503", { status: 503 }],
      ["Next request: 429, Retry-After 1 s", { status: 429, retry_after: 1 }],
      ["Next request: connection reset", { reset: true }],
      ["Next request: applied, then reset", { reset: true, applied: true }],
      ["Next request: HTML error page", { status: 502, html: true }],
      ["Every request: 500 ms slower", { next: null, latency: 0.5 }],
    ];
    return [
      h("div", { class: "switches" }, rules.map(([label, fault]) => h("button", { type: "button", onclick: () => attempt(() => post("fail", fault)).then(() => this.draw()) }, label))),
      h("h3", {}, "Active"),
      faults.length ? h("ul", { class: "faults" }, faults.map((one) => h("li", {}, `${one.method ?? "any"} ${one.path}: ${describe(one)}`))) : h("p", { class: "empty" }, "None."),
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => attempt(() => post("recover")).then(() => this.draw()) }, "Clear all")),
    ];
  }

  async clock() {
    const { now, offset } = await get("clock");
    const advance = (seconds) => attempt(() => post("clock", { advance: seconds })).then(() => this.draw());
    return [
      h("p", { class: "now" }, new Date(now).toLocaleString()),
      h("p", {}, offset ? `${offset} s ahead of this machine` : "The machine's own time"),
      h("div", { class: "row" }, [["+1 min", 60], ["+1 h", 3600], ["+1 day", 86400]].map(([label, seconds]) => h("button", { type: "button", onclick: () => advance(seconds) }, label))),
    ];
  }

  async state() {
    const { state } = await get("state");
    return [
      h("div", { class: "row" }, h("button", { type: "button", class: "danger", onclick: () => { if (confirm("Remove everything from this emulator?")) attempt(() => post("reset")); } }, "Reset")),
      tree(state, "state"),
    ];
  }
}

function describe(fault) {
  const parts = [];
  if (fault.status) parts.push(`status ${fault.status}`);
  if (fault.reset) parts.push("connection reset");
  if (fault.latency) parts.push(`${fault.latency} s slower`);
  if (fault.applied) parts.push("applied first");
  return `${parts.join(", ")} (${fault.next === null ? "every request" : `${fault.next} left`})`;
}

customElements.define("emulator-inspector", Inspector);
