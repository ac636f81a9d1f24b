import { attempt, h, time } from "./dom.js";
import { post } from "./api.js";
import { store } from "./store.js";

const CHANNELS = {
  sdk: "Web", web: "Web", ios: "iOS", android: "Android", whatsapp: "WA", messenger: "FB", instagram: "IG",
  twilio: "SMS", messagebird: "SMS", mailgun: "Mail", line: "LINE", telegram: "TG", viber: "Viber", apple: "Apple",
};

class ConversationList extends HTMLElement {
  connectedCallback() {
    this.search = h("input", {
      type: "search", placeholder: "Search conversations", "aria-label": "Search conversations",
      oninput: () => this.draw(),
    });
    this.list = h("ul", { class: "conversation-list", "aria-label": "Conversations" });
    this.visitor = h(
      "form",
      { class: "new-visitor", onsubmit: (event) => this.arrive(event) },
      h("label", {}, h("span", { class: "visually-hidden" }, "Channel"), h("select", { name: "channel" })),
      h("button", { type: "submit" }, "New visitor"),
    );
    this.append(h("div", { class: "pane-head" }, this.search, this.visitor), this.list);
    store.on("overview", () => this.draw());
    store.on("conversation", () => this.draw());
  }

  draw() {
    const channel = this.visitor.elements.channel;
    const chosen = channel.value;
    channel.replaceChildren(
      ...(store.channels ?? []).map((one) =>
        h("option", { value: one.id, selected: one.id === chosen }, `${one.type}${one.displayName ? ` · ${one.displayName}` : ""}`),
      ),
    );
    const wanted = this.search.value.trim().toLowerCase();
    const shown = store.conversations.filter((one) =>
      !wanted || `${one.title} ${one.preview} ${one.id}`.toLowerCase().includes(wanted),
    );
    this.list.replaceChildren(...shown.map((one) => this.row(one)));
    if (!shown.length)
      this.list.append(
        h("li", { class: "empty" }, wanted ? "No conversation matches." : "No conversations yet. Start one with “New visitor”, or post over the API."),
      );
  }

  row(one) {
    const channels = [...new Set(one.channels)].map((type) => h("span", { class: `channel ${type}`, title: type }, CHANNELS[type] ?? type));
    return h(
      "li",
      {},
      h(
        "button",
        {
          type: "button", class: "conversation", "aria-current": one.id === store.conversation ? "true" : undefined,
          onclick: () => store.select(one.id),
        },
        h("span", { class: "avatar", "aria-hidden": "true" }, (one.title || "?").slice(0, 1).toUpperCase()),
        h("span", { class: "who" }, h("strong", {}, one.title), channels),
        h("time", {}, time(one.lastUpdatedAt)),
        h("span", { class: "preview" }, one.preview || "No messages yet"),
        h(
          "span",
          { class: "marks" },
          one.control && h("span", { class: "control", title: "In control" }, one.control),
          one.unread > 0 && h("span", { class: "unread", "aria-label": `${one.unread} unread` }, String(one.unread)),
        ),
      ),
    );
  }

  async arrive(event) {
    event.preventDefault();
    const integration = this.visitor.elements.channel.value;
    const arrived = await attempt(() => post("arrive", { app: store.app, integration, text: "Hello!" }));
    if (!arrived) return;
    await store.refresh();
    store.select(arrived.conversation.id);
  }
}

customElements.define("conversation-list", ConversationList);
