"""Senders of webhook requests: over HTTP, or to an ASGI app in the same process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

import h11
from anyio import EndOfStream, Event, connect_tcp

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.types import ASGIApp, Message, Scope

    Send: TypeAlias = Callable[[str, Mapping[str, str], bytes], Awaitable["int | Response"]]

_PORTS = {"http": 80, "https": 443}
_CHUNK = 65536
MAX_RESPONSE_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Response:
    """The response of a webhook's target.

    Args:
        status: The status.
        body: The start of the body, as text.
    """

    status: int
    body: str = ""


async def send_over_http(url: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Send a POST request, and return the response.

    Args:
        url: The target.
        headers: The headers, without `Host`, `Connection` and `Content-Length`.
        body: The body.

    Raises:
        ValueError: It is not an HTTP URL.
        OSError: The connection fails.
        h11.RemoteProtocolError: The response is not HTTP.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"Not an HTTP URL: {url}")
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    port = parts.port or _PORTS[parts.scheme]
    connection = h11.Connection(h11.CLIENT)
    head = h11.Request(
        method="POST",
        target=path,
        headers=[
            ("host", parts.netloc.rpartition("@")[2]),
            ("connection", "close"),
            ("content-length", str(len(body))),
            *headers.items(),
        ],
    )
    events = [head, h11.Data(data=body), h11.EndOfMessage()]
    data = b"".join(connection.send(event) or b"" for event in events)
    opening = (
        connect_tcp(parts.hostname, port, tls=True)
        if parts.scheme == "https"
        else connect_tcp(parts.hostname, port)
    )
    async with await opening as stream:
        await stream.send(data)
        status, content = 0, b""
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                content += bytes(event.data)
            if isinstance(event, h11.EndOfMessage) or len(content) >= MAX_RESPONSE_BYTES:
                return Response(status, _shown(content))
            if event is h11.NEED_DATA:
                try:
                    connection.receive_data(await stream.receive(_CHUNK))
                except EndOfStream:
                    connection.receive_data(b"")


class DeliveryError(RuntimeError):
    """A webhook rejected a delivery, in a test that does not expect it; the message says how."""


def sender_to(app: ASGIApp, errors: list[BaseException] | None = None) -> Send:
    """A sender that calls an ASGI app, regardless of the host in the URL.

    Args:
        app: The app.
        errors: Where to add what the app raises, or a `DeliveryError` for an error response. The
            app finds it as the extension `sunco.errors` of the scope, to add errors that it
            handles.
    """

    async def send(url: str, headers: Mapping[str, str], body: bytes) -> Response:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        all_headers = {"host": host, "content-length": str(len(body)), **headers}
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": parts.scheme,
            "path": unquote(parts.path) or "/",
            "raw_path": (parts.path or "/").encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), text.encode()) for name, text in all_headers.items()],
            "client": ("127.0.0.1", 0),
            "server": (parts.hostname, parts.port or _PORTS.get(parts.scheme)),
            "extensions": {} if errors is None else {"sunco.errors": errors},
        }
        statuses: list[int] = []
        content: list[bytes] = []
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        responded = Event()

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await responded.wait()
            return {"type": "http.disconnect"}

        async def respond(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
                return
            content.append(message.get("body", b""))
            if not message.get("more_body"):
                responded.set()

        await app(scope, receive, respond)
        if not statuses:
            raise ConnectionError("The app returned without a response")
        return Response(statuses[0], _shown(b"".join(content)))

    return send if errors is None else _reporting(send, errors)


def _reporting(send: Send, errors: list[BaseException]) -> Send:
    async def report(url: str, headers: Mapping[str, str], body: bytes) -> int | Response:
        try:
            response = await send(url, headers, body)
        except Exception as error:
            errors.append(error)
            raise
        status = response if isinstance(response, int) else response.status
        # An app that has added its error has an error response, too.
        if not errors and not 200 <= status < 300:  # noqa: PLR2004
            errors.append(DeliveryError(f"{url} responded {status}"))
        return response

    return report


def _shown(content: bytes) -> str:
    return content[:MAX_RESPONSE_BYTES].decode("utf-8", "replace")
