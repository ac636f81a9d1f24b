// A message's content as elements; `act` taps buttons and fills forms.
import { h, safeUrl } from "./dom.js";

const link = (text, address) => {
  const href = safeUrl(address);
  return href ? h("a", { href, target: "_blank", rel: "noopener noreferrer" }, text || address) : h("span", {}, text || address);
};

const picture = (content) => {
  const src = safeUrl(content.mediaUrl);
  return src ? h("img", { src, alt: content.altText || "Image", loading: "lazy" }) : h("span", {}, "Image");
};

// A text is at most 4,096 characters long, but an imported state can contain any.
const LONGEST = 10_000;

function words(text) {
  if (!(text?.length > LONGEST)) return h("p", { class: "text" }, text);
  return [h("p", { class: "text" }, text.slice(0, LONGEST)), h("p", { class: "note" }, `The first ${LONGEST} of ${text.length} characters`)];
}

function buttons(message, actions, act) {
  if (!actions?.length) return null;
  return h(
    "div",
    { class: "actions" },
    actions.map((action) => {
      if (action.type === "link" || action.type === "webview") return link(action.text, action.uri);
      if (action.type === "buy")
        return h("span", { class: "buy" }, `${action.text} · ${(action.amount / 100).toFixed(2)} ${action.currency ?? ""}`);
      return h("button", { type: "button", class: action.type, onclick: () => act.tap(message, action) }, action.text);
    }),
  );
}

function items(message, act, kind) {
  return h(
    "div",
    { class: kind, tabindex: "0", role: "group", "aria-label": kind },
    (message.content.items ?? []).map((item) =>
      h(
        "article",
        { class: "item" },
        item.mediaUrl && picture(item),
        h("strong", {}, item.title),
        item.description && h("p", {}, item.description),
        buttons(message, item.actions, act),
      ),
    ),
  );
}

function form(message, act) {
  const { content } = message;
  if (content.submitted) return h("p", { class: "note" }, "Form, filled in");
  return h(
    "form",
    {
      class: "form",
      onsubmit: (event) => {
        event.preventDefault();
        act.fill(message, Object.fromEntries(new FormData(event.target)));
      },
    },
    content.fields.map((field) =>
      h(
        "label",
        {},
        field.label,
        field.type === "select"
          ? h("select", { name: field.name, required: true }, (field.options ?? []).map((option) => h("option", { value: option.name }, option.label)))
          : h("input", {
              name: field.name, type: field.type === "email" ? "email" : "text", placeholder: field.placeholder ?? "",
              required: true, minlength: field.minSize, maxlength: field.maxSize,
            }),
      ),
    ),
    h("button", { type: "submit" }, "Send"),
  );
}

const KINDS = {
  text: ({ content }) => words(content.text),
  image: ({ content }) => [picture(content), content.text && words(content.text)],
  file: ({ content }) => [h("p", {}, link(content.text || content.mediaUrl?.split("/").pop(), content.mediaUrl)), content.mediaSize && h("small", {}, `${content.mediaSize} bytes`)],
  carousel: (message, act) => items(message, act, "carousel"),
  list: (message, act) => items(message, act, "list"),
  form: (message, act) => form(message, act),
  formResponse: ({ content }) =>
    h("dl", { class: "response" }, (content.fields ?? []).map((field) => [h("dt", {}, field.label ?? field.name), h("dd", {}, field.text ?? field.email ?? field.select?.map((one) => one.label).join(", ") ?? "")])),
  location: ({ content }) =>
    h("p", {}, "Location: ", content.location?.name || `${content.coordinates?.lat}, ${content.coordinates?.long}`, content.location?.address && h("small", {}, ` ${content.location.address}`)),
  template: ({ content }) => h("p", { class: "note" }, `Template ${content.template?.name ?? ""}`),
};

export function render(message, act) {
  const { content } = message;
  const draw = KINDS[content.type] ?? (() => h("pre", {}, JSON.stringify(content, null, 1)));
  const own = content.type === "carousel" || content.type === "list" || content.type === "form" ? null : buttons(message, (content.actions ?? []).filter((one) => one.type !== "reply"), act);
  return [draw(message, act), own].flat(2).filter(Boolean);
}

export const replies = (message) => (message?.content.actions ?? []).filter((action) => action.type === "reply" || action.type === "locationRequest");
