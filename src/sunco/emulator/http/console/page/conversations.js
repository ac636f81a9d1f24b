import { attempt, h, time } from "./dom.js";
import { post } from "./api.js";
import { store } from "./store.js";

const CHANNELS = {
  sdk: "Web", web: "Web", ios: "iOS", android: "Android", whatsapp: "WA", messenger: "FB", instagram: "IG",
  twilio: "SMS", messagebird: "SMS", mailgun: "Mail", line: "LINE", telegram: "TG", viber: "Viber", apple: "Apple",
};
const KINDS = ["conversations", "users"];

const avatar = (title) => h("span", { class: "avatar", "aria-hidden": "true" }, (title || "?").slice(0, 1).toUpperCase());
const badges = (types) => [...new Set(types)].map((type) => h("span", { class: `channel ${type}`, title: type }, CHANNELS[type] ?? type));

class ConversationList extends HTMLElement {
  connectedCallback() {
    this.kind = "conversations";
    this.search = h("input", {
      type: "search", placeholder: "Search", "aria-label": "Search conversations and users",
      oninput: () => this.find(),
    });
    this.kinds = KINDS.map((kind) =>
      h("button", { type: "button", class: "view", "aria-pressed": String(kind === this.kind), onclick: () => this.show(kind) }, kind),
    );
    this.list = h("ul", { class: "conversation-list" });
    this.visitor = h(
      "form",
      { class: "new-visitor", onsubmit: (event) => this.arrive(event) },
      h("label", {}, h("span", { class: "visually-hidden" }, "Channel"), h("select", { name: "channel" })),
      h("button", { type: "submit" }, "New visitor"),
    );
    this.append(
      h("div", { class: "pane-head" }, this.search, this.visitor, h("div", { class: "views", role: "group", "aria-label": "Show" }, this.kinds)),
      this.list,
    );
    store.on("overview", () => this.draw());
    store.on("conversation", () => this.draw());
  }

  find() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      store.search = this.search.value;
      store.refresh();
    }, 150);
  }

  show(kind) {
    this.kind = kind;
    for (const button of this.kinds) button.setAttribute("aria-pressed", String(button.textContent.startsWith(kind)));
    this.draw();
  }

  draw() {
    const channel = this.visitor.elements.channel;
    const chosen = channel.value;
    channel.replaceChildren(
      ...store.channels.map((one) =>
        h("option", { value: one.id, selected: one.id === chosen }, `${one.type}${one.displayName ? ` · ${one.displayName}` : ""}`),
      ),
    );
    for (const [index, kind] of KINDS.entries()) this.kinds[index].textContent = `${kind} ${store.total[kind]}`;
    this.list.setAttribute("aria-label", this.kind === "users" ? "Users" : "Conversations");
    const shown = store[this.kind];
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.id : undefined;
    this.list.replaceChildren(...shown.map((one) => (this.kind === "users" ? this.user(one) : this.row(one))));
    if (focused) this.list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
    if (!shown.length) this.list.append(h("li", { class: "empty" }, this.nothing()));
    else if (!store.search && shown.length < store.total[this.kind])
      this.list.append(h("li", { class: "empty" }, `${store.total[this.kind] - shown.length} more: search for them.`));
  }

  nothing() {
    if (store.search.trim()) return `No ${this.kind} match.`;
    return this.kind === "users"
      ? "No users yet."
      : "No conversations yet. Start one with “New visitor”, or post over the API.";
  }

  row(one) {
    return h(
      "li",
      {},
      h(
        "button",
        {
          type: "button", class: "conversation", "data-id": one.id, "aria-current": one.id === store.conversation ? "true" : undefined,
          onclick: () => store.select(one.id),
        },
        avatar(one.title),
        h("span", { class: "who" }, h("strong", {}, one.title), badges(one.channels)),
        h("time", {}, time(one.lastUpdatedAt)),
        h("span", { class: "preview" }, one.typing.length ? h("em", {}, "typing…") : one.preview || "No messages yet"),
        h(
          "span",
          { class: "marks" },
          one.control && h("span", { class: "control", title: "In control" }, one.control),
          one.unread > 0 && h("span", { class: "unread", "aria-label": `${one.unread} unread` }, String(one.unread)),
        ),
      ),
    );
  }

  user(one) {
    return h(
      "li",
      {},
      h(
        "button",
        {
          type: "button", class: "conversation", "data-id": one.id,
          "aria-current": one.conversation && one.conversation === store.conversation ? "true" : undefined,
          onclick: () => this.open(one),
        },
        avatar(one.title),
        h("span", { class: "who" }, h("strong", {}, one.title), badges(one.channels)),
        h("time", {}),
        h("span", { class: "preview" }, one.externalId || one.id),
        h("span", { class: "marks" }, !one.conversation && h("span", { class: "control" }, "silent")),
      ),
    );
  }

  // A user without a conversation starts one.
  async open(one) {
    let { conversation } = one;
    if (!conversation) {
      const said = await attempt(() => post("say", { app: store.app, user: one.id, text: "Hello!" }));
      if (!said) return;
      ({ conversation } = (await attempt(() => post("conversation", { app: store.app, user: one.id }))) ?? {});
      conversation = conversation?.id;
    }
    if (!conversation) return;
    store.conversation = conversation;
    await store.refresh();
    store.select(conversation);
  }

  async arrive(event) {
    event.preventDefault();
    const integration = this.visitor.elements.channel.value;
    const arrived = await attempt(() => post("arrive", { app: store.app, integration, text: "Hello!" }));
    if (!arrived) return;
    this.show("conversations");
    store.conversation = arrived.conversation.id;
    await store.refresh();
    store.select(arrived.conversation.id);
  }
}

customElements.define("conversation-list", ConversationList);
