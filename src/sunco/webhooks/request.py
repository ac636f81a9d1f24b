"""Receiving a delivery over HTTP: checks of method, key, type and size, and the response."""

from __future__ import annotations

import json
from typing import Any, Final

import anyio
import attrs

from sunco.errors import SuncoError, WebhookError
from sunco.webhooks.asgi import Receive, Scope, Send
from sunco.webhooks.signature import Secrets

__all__ = ["OK", "ClientDisconnectedError", "HTTPResponse", "RejectedRequestError", "RequestReader"]


@attrs.frozen
class HTTPResponse:
    """The response to a delivery.

    Attributes:
        status: The HTTP status. The platform delivers again after 408 and 500.
        reason: The reason in words, for the logs of the webhook's owner.
    """

    status: int
    reason: str = ""

    async def send(self, send: Send) -> None:
        """Send it."""
        body = json.dumps({"error": self.reason}).encode() if self.reason else b"{}"
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        if self.status == _METHOD_NOT_ALLOWED.status:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


OK: Final = HTTPResponse(200)
_METHOD_NOT_ALLOWED: Final = HTTPResponse(405, "Webhooks are delivered with POST.")
_NOT_JSON: Final = HTTPResponse(415, "A delivery must be application/json, without compression.")


class ClientDisconnectedError(SuncoError):
    """The client disconnected before the request was complete."""


class RejectedRequestError(WebhookError):
    """A request that is rejected.

    Attributes:
        response: The error response.
    """

    def __init__(self, response: HTTPResponse) -> None:
        super().__init__(response.reason)
        self.response = response


class RequestReader:
    """Reads the bodies of requests that show a secret and carry JSON of a permitted size.

    Args:
        secrets: The accepted secrets.
        max_body_bytes: The maximum size of a body.
        body_timeout: Seconds within which a body has to arrive.
    """

    def __init__(self, secrets: Secrets, *, max_body_bytes: int, body_timeout: float) -> None:
        self._secrets = secrets
        self._max_body_bytes = max_body_bytes
        self._body_timeout = body_timeout
        self._too_large = HTTPResponse(413, f"A delivery has at most {max_body_bytes} bytes.")
        self._too_slow = HTTPResponse(408, f"The body did not arrive within {body_timeout:g} s.")

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """Check a request and read its body.

        Raises:
            RejectedRequestError: The request is rejected; no more of its body is read.
            ClientDisconnectedError: The client disconnected.
        """
        if scope["method"] != "POST":
            raise RejectedRequestError(_METHOD_NOT_ALLOWED)
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        problem = self._secrets.problem(headers)
        if problem is not None:
            raise RejectedRequestError(HTTPResponse(401, f"The delivery {problem}."))
        length = 0
        for name, value in headers:
            match name.lower():
                case b"content-type" if not _is_json(value):
                    raise RejectedRequestError(_NOT_JSON)
                case b"content-encoding" if value.strip().lower() != b"identity":
                    raise RejectedRequestError(_NOT_JSON)
                case b"content-length" if value.isdigit():
                    length = int(value)
                case _:
                    pass
        if length > self._max_body_bytes:
            raise RejectedRequestError(self._too_large)
        body: bytes | None = None
        with anyio.move_on_after(self._body_timeout):
            body = await self._read_body(receive)
        if body is None:
            raise RejectedRequestError(self._too_slow)
        return body

    async def _read_body(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        length = 0
        while True:
            message: Any = await receive()
            if message["type"] != "http.request":
                raise ClientDisconnectedError("The client disconnected.")
            chunk = message.get("body", b"")
            length += len(chunk)
            if length > self._max_body_bytes:
                raise RejectedRequestError(self._too_large)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)


def _is_json(content_type: bytes) -> bool:
    kind = content_type.partition(b";")[0].strip().lower()
    return kind == b"application/json" or (
        kind.startswith(b"application/") and kind.endswith(b"+json")
    )
