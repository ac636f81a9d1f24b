// Requests to the control API. The token shows that a request comes from this page.
const token = document.querySelector('meta[name="sunco-token"]').content;

export class ControlError extends Error {}

async function read(response) {
  const text = await response.text();
  let body = {};
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    body = {};
  }
  if (!response.ok) {
    const titles = (body.errors ?? []).map((error) => error.title);
    throw new ControlError(titles.join("; ") || `${response.status} ${response.statusText}`);
  }
  return body;
}

export async function get(name, parameters = {}) {
  const query = new URLSearchParams(
    Object.entries(parameters).filter(([, value]) => value !== undefined && value !== ""),
  );
  return read(await fetch(`${name}?${query}`, { headers: { "X-Emulator-Token": token } }));
}

export async function post(name, body = {}) {
  return read(
    await fetch(name, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Emulator-Token": token },
      body: JSON.stringify(body),
    }),
  );
}

// Calls `changed` with each change that the emulator reports, and `status` with "live" or "offline".
export function listen(changed, status) {
  const source = new EventSource("events");
  source.onopen = () => status("live");
  source.onerror = () => status("offline");
  source.onmessage = (event) => changed(JSON.parse(event.data));
  return source;
}
