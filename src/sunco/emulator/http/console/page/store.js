// What the page knows, and who wants to hear when it changes.
import { attempt, toast } from "./dom.js";
import { get, listen } from "./api.js";

class Store extends EventTarget {
  apps = [];
  app = "";
  conversations = [];
  users = [];
  conversation = "";
  typing = new Map();

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
    const overview = await attempt(() => get("overview", { app: this.app }));
    if (!overview) return;
    Object.assign(this, overview);
    if (!this.current) this.conversation = this.conversations[0]?.id ?? "";
    this.emit("overview");
  }

  start(status) {
    let waiting = false;
    const refreshSoon = () => {
      if (waiting) return;
      waiting = true;
      setTimeout(() => {
        waiting = false;
        this.refresh();
      }, 50);
    };
    listen(
      (change) => {
        this.emit("change", change);
        if (change.kind === "activity") this.noteActivity(change);
        if (change.kind === "state") refreshSoon();
      },
      (state) => {
        status(state);
        if (state === "live") this.refresh();
      },
    );
  }

  noteActivity({ conversation, activity, author }) {
    if (activity === "typing:start") this.typing.set(conversation, author);
    else if (activity === "typing:stop") this.typing.delete(conversation);
    this.emit("typing");
  }
}

export const store = new Store();
export { toast };
