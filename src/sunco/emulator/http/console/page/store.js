// What the page knows, and who wants to hear when it changes.
import { attempt, toast } from "./dom.js";
import { get, listen } from "./api.js";

// Typing indicators end by themselves after this time.
const TYPING = 10_000;

class Store extends EventTarget {
  apps = [];
  app = "";
  channels = [];
  conversations = [];
  users = [];
  total = { conversations: 0, users: 0 };
  conversation = "";
  search = "";

  select(conversation) {
    this.conversation = conversation;
    this.emit("conversation");
  }

  get current() {
    return this.conversations.find((one) => one.id === this.conversation);
  }

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  on(name, run) {
    this.addEventListener(name, (event) => run(event.detail));
  }

  async refresh() {
    const { app, search, conversation } = this;
    const overview = await attempt(() => get("overview", { app, search, conversation }));
    if (!overview || app !== this.app || search !== this.search) return;
    Object.assign(this, overview);
    if (!this.current) this.conversation = this.conversations[0]?.id ?? "";
    this.emit("overview");
    clearTimeout(this.ending);
    if (this.conversations.some((one) => one.typing.length)) this.ending = setTimeout(() => this.refresh(), TYPING);
  }

  start(status) {
    let waiting = false;
    const refreshSoon = () => {
      if (waiting) return;
      waiting = true;
      setTimeout(() => {
        waiting = false;
        this.refresh();
      }, 100);
    };
    listen(
      (change) => {
        this.emit("change", change);
        if (change.kind === "state") refreshSoon();
      },
      (state) => {
        status(state);
        if (state === "live") this.refresh();
      },
    );
  }
}

export const store = new Store();
export { toast };
