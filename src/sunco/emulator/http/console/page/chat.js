import { attempt, h, time, toast } from "./dom.js";
import { post, get } from "./api.js";
import { render, replies } from "./content.js";
import { store } from "./store.js";

const WINDOW = 60;
// How often a user who types is reported to be typing, in milliseconds.
const TYPING = 5000;
const MAX_FILE_BYTES = 50 * 1024 * 1024;

// Base64 of a file, in parts: a call with all of its bytes as arguments would be too long.
async function encode(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

// Shows a window of the conversation's messages; older ones are fetched and drawn when scrolled to.
class ConversationChat extends HTMLElement {
  connectedCallback() {
    this.heading = h("h2", {}, "No conversation");
    this.subtitle = h("span", { class: "subtitle" });
    this.clients = h("div", { class: "clients", role: "group", "aria-label": "Channels of the user" });
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
      rows: 1, placeholder: "Write a message, or drop a file", "aria-label": "Message",
      oninput: () => this.type(),
      onkeydown: (event) => {
        if (event.key === "Enter" && !event.shiftKey) {
          event.preventDefault();
          this.send();
        }
      },
    });
    this.picker = h("input", { type: "file", class: "visually-hidden", "aria-label": "File", tabindex: "-1", onchange: () => this.sendFiles(this.picker.files) });
    this.compose = h(
      "form",
      { class: "compose", onsubmit: (event) => { event.preventDefault(); this.send(); } },
      this.speaker,
      h("div", { class: "line" }, this.picker,
        h("button", { type: "button", class: "attach", "aria-label": "Send a file", title: "Send a file", onclick: () => this.picker.click() }, "+"),
        this.input, h("button", { type: "submit", class: "primary" }, "Send")),
    );
    this.append(h("div", { class: "pane-head chat-head" }, this.heading, this.subtitle, this.clients), this.log, this.note, this.quick, this.compose);
    this.messages = [];
    this.drawn = new Map();
    this.total = 0;
    this.typed = 0;
    this.log.addEventListener("scroll", () => { if (this.log.scrollTop < 80) this.older(); });
    this.addEventListener("dragover", (event) => { event.preventDefault(); this.classList.add("dropping"); });
    this.addEventListener("dragleave", () => this.classList.remove("dropping"));
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      this.classList.remove("dropping");
      this.sendFiles(event.dataTransfer.files);
    });
    store.on("conversation", () => this.load());
    store.on("overview", () => this.load(true));
  }

  get where() {
    return { app: store.app, conversation: store.conversation, user: store.current?.users[0]?.id };
  }

  get role() {
    return this.querySelector("input[name=speaker]:checked").value;
  }

  get act() {
    return {
      tap: (message, action) => attempt(() => post("tap", { ...this.where, message: message.id, action: action.payload ?? action.text })),
      fill: (message, fields) => attempt(() => post("fill", { ...this.where, message: message.id, fields })),
    };
  }

  async load(keep = false) {
    const conversation = store.current;
    this.drawHead(conversation);
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

  drawHead(conversation) {
    this.heading.textContent = conversation?.title ?? "No conversation";
    this.subtitle.textContent = conversation ? `${conversation.type}${conversation.control ? ` · ${conversation.control} is in control` : ""}` : "Choose one on the left.";
    this.compose.hidden = !conversation;
    const buttons = (conversation?.clients ?? []).flatMap((client) => this.clientButtons(client));
    if (conversation?.unread > 0)
      buttons.push(h("button", { type: "button", onclick: () => attempt(() => post("read", this.where)) }, `Read ${conversation.unread}`));
    this.clients.replaceChildren(...buttons);
  }

  clientButtons(client) {
    if (client.type === "sdk") return [];
    const acts = { active: ["block"], blocked: ["unblock"], pending: ["confirm", "decline"] }[client.status] ?? [];
    return acts.map((name) =>
      h("button", { type: "button", onclick: () => attempt(() => post(name, { app: store.app, user: client.user, client: client.id })) },
        `${name[0].toUpperCase()}${name.slice(1)} ${client.type}`),
    );
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

  // Messages that have not changed keep their elements, and a form what was typed into it.
  draw() {
    this.unread = this.unreadIds();
    const elements = this.messages.map((message) => this.bubble(message));
    const ids = new Set(this.messages.map((message) => message.id));
    for (const id of this.drawn.keys()) if (!ids.has(id)) this.drawn.delete(id);
    if (!elements.length) elements.push(h("li", { class: "empty" }, store.current ? "No messages yet." : ""));
    const current = this.log.children;
    if (elements.length !== current.length || elements.some((element, index) => element !== current[index]))
      this.place(elements);
    const last = this.messages.at(-1);
    const offered = last?.author.type === "business" ? replies(last) : [];
    this.quick.replaceChildren(...offered.map((action) => h("button", { type: "button", onclick: () => this.act.tap(last, action) }, action.text)));
    const typing = store.current?.typing ?? [];
    this.note.textContent = typing.length ? `${typing.join(", ")} ${typing.length > 1 ? "are" : "is"} typing…` : "";
  }

  // The user has not read the last messages of the others.
  unreadIds() {
    const count = store.current?.unread ?? 0;
    const others = this.messages.filter((message) => message.author.type !== "user");
    return new Set(count ? others.slice(-count).map((message) => message.id) : []);
  }

  // Moves only what is out of place: an element that is moved loses the focus.
  place(elements) {
    const kept = new Set(elements);
    for (const child of [...this.log.children]) if (!kept.has(child)) child.remove();
    for (const [index, element] of elements.entries())
      if (this.log.children[index] !== element) this.log.insertBefore(element, this.log.children[index] ?? null);
  }

  bubble(message) {
    const own = message.author.type === "user";
    const key = JSON.stringify(message);
    const known = this.drawn.get(message.id);
    const element = known?.key === key ? known.element : this.newBubble(message, own);
    this.drawn.set(message.id, { key, element });
    const read = !own && store.current?.readUntil && !this.unread.has(message.id);
    element.querySelector(".read").textContent = read ? " · read" : "";
    return element;
  }

  newBubble(message, own) {
    const author = message.author.displayName || (own ? "User" : "Business");
    return h(
      "li",
      { class: `message ${own ? "user" : "business"}`, "data-id": message.id },
      h("span", { class: "author" }, author),
      h("div", { class: `bubble kind-${message.content.type}` }, render(message, this.act)),
      h("span", { class: "meta" }, h("time", {}, time(message.received)), h("span", { class: "read" })),
    );
  }

  type() {
    const now = Date.now();
    if (this.role !== "user" || !this.where.user || now - this.typed < TYPING) return;
    this.typed = now;
    attempt(() => post("type", this.where));
  }

  async send() {
    const text = this.input.value.trim();
    if (!text) return;
    const { role } = this;
    const { user, ...where } = this.where;
    const sent = await attempt(() =>
      role === "user" ? post("say", { ...where, user, text }) : post(role === "agent" ? "agent.say" : "business.say", { ...where, text }),
    );
    this.typed = 0;
    if (sent) this.input.value = "";
  }

  async sendFiles(files) {
    for (const file of [...files]) {
      if (!this.where.user) toast("Choose a conversation with a user first.");
      else if (file.size > MAX_FILE_BYTES) toast(`${file.name} is larger than 50 MB.`);
      else {
        const sent = { name: file.name, mediaType: file.type || undefined, content: await encode(file) };
        await attempt(() => post("say", { ...this.where, file: sent }));
      }
    }
    this.picker.value = "";
  }
}

customElements.define("conversation-chat", ConversationChat);
