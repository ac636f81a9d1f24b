import { attempt, h, time } from "./dom.js";
import { get, post } from "./api.js";
import { render, replies } from "./content.js";
import { store } from "./store.js";

const WINDOW = 60;

// Shows a window of the conversation's messages; older ones are fetched and drawn when scrolled to.
class ConversationChat extends HTMLElement {
  connectedCallback() {
    this.title = "";
    this.heading = h("h2", {}, "No conversation");
    this.subtitle = h("span", { class: "subtitle" });
    this.log = h("ol", { class: "messages", "aria-label": "Messages", "aria-live": "polite", tabindex: "0" });
    this.note = h("p", { class: "typing", role: "status" });
    this.quick = h("div", { class: "quick-replies", "aria-label": "Quick replies", role: "group" });
    this.speaker = h(
      "fieldset",
      { class: "speaker" },
      h("legend", { class: "visually-hidden" }, "Speak as"),
      ["user", "agent", "business"].map((role) =>
        h("label", {}, h("input", { type: "radio", name: "speaker", value: role, checked: role === "user" }), h("span", {}, role)),
      ),
    );
    this.input = h("textarea", {
      rows: 1, placeholder: "Write a message", "aria-label": "Message",
      onkeydown: (event) => {
        if (event.key === "Enter" && !event.shiftKey) {
          event.preventDefault();
          this.send();
        }
      },
    });
    this.compose = h(
      "form",
      { class: "compose", onsubmit: (event) => { event.preventDefault(); this.send(); } },
      this.speaker,
      h("div", { class: "line" }, this.input, h("button", { type: "submit" }, "Send")),
    );
    this.append(h("div", { class: "pane-head chat-head" }, this.heading, this.subtitle), this.log, this.note, this.quick, this.compose);
    this.messages = [];
    this.total = 0;
    this.log.addEventListener("scroll", () => { if (this.log.scrollTop < 80) this.older(); });
    store.on("conversation", () => this.load());
    store.on("overview", () => this.load(true));
    store.on("typing", () => this.drawTyping());
  }

  get act() {
    const where = () => ({ app: store.app, conversation: store.conversation, user: store.current?.users[0]?.id });
    return {
      tap: (message, action) => attempt(() => post("tap", { ...where(), message: message.id, action: action.payload ?? action.text })),
      fill: (message, fields) => attempt(() => post("fill", { ...where(), message: message.id, fields })),
    };
  }

  async load(keep = false) {
    const conversation = store.current;
    this.heading.textContent = conversation?.title ?? "No conversation";
    this.subtitle.textContent = conversation ? `${conversation.type}${conversation.control ? ` · control: ${conversation.control}` : ""}` : "Choose one on the left.";
    this.compose.hidden = !conversation;
    if (!conversation) {
      this.messages = [];
      this.draw();
      return;
    }
    const { id } = conversation;
    const found = await attempt(() => get("messages", { conversation: id, limit: WINDOW }));
    if (!found || id !== store.conversation) return;
    const known = keep ? this.messages.filter((one) => !found.messages.some((other) => other.id === one.id) && one.received <= (found.messages[0]?.received ?? "")) : [];
    const atEnd = !keep || this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60;
    this.messages = [...known, ...found.messages];
    this.total = found.total;
    this.draw();
    if (atEnd) this.toEnd();
  }

  // Heights settle while messages are laid out, so that one jump to the end is not enough.
  toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    requestAnimationFrame(() => {
      this.log.scrollTop = this.log.scrollHeight;
      requestAnimationFrame(() => { this.log.scrollTop = this.log.scrollHeight; });
    });
  }

  async older() {
    const first = this.messages[0];
    if (this.fetching || !first || this.messages.length >= this.total) return;
    this.fetching = true;
    const found = await attempt(() => get("messages", { conversation: store.conversation, before: first.id, limit: WINDOW }));
    this.fetching = false;
    if (!found?.messages.length) return;
    const height = this.log.scrollHeight;
    this.messages = [...found.messages, ...this.messages];
    this.log.prepend(...found.messages.map((message) => this.bubble(message)));
    this.log.scrollTop += this.log.scrollHeight - height;
  }

  draw() {
    this.log.replaceChildren(...this.messages.map((message) => this.bubble(message)));
    if (!this.messages.length) this.log.append(h("li", { class: "empty" }, store.current ? "No messages yet." : ""));
    const last = this.messages.at(-1);
    const offered = last?.author.type === "business" ? replies(last) : [];
    this.quick.replaceChildren(...offered.map((action) => h("button", { type: "button", onclick: () => this.act.tap(last, action) }, action.text)));
    this.drawTyping();
  }

  bubble(message) {
    const own = message.author.type === "user";
    const author = message.author.displayName || (own ? "User" : "Business");
    const read = store.current?.readUntil && message.received <= store.current.readUntil;
    return h(
      "li",
      { class: `message ${own ? "user" : "business"}`, "data-id": message.id },
      h("span", { class: "author" }, author),
      h("div", { class: `bubble kind-${message.content.type}` }, render(message, this.act)),
      h("span", { class: "meta" }, h("time", {}, time(message.received)), !own && read ? " · read" : ""),
    );
  }

  drawTyping() {
    const who = store.typing.get(store.conversation);
    this.note.textContent = who ? `${who} is typing…` : "";
  }

  async send() {
    const text = this.input.value.trim();
    if (!text) return;
    const role = this.querySelector("input[name=speaker]:checked").value;
    const where = { app: store.app, conversation: store.conversation };
    const sent = await attempt(() =>
      role === "user"
        ? post("say", { ...where, user: store.current?.users[0]?.id, text })
        : post(role === "agent" ? "agent.say" : "business.say", { ...where, text }),
    );
    if (sent) this.input.value = "";
  }
}

customElements.define("conversation-chat", ConversationChat);
