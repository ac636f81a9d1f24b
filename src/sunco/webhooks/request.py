"""Receiving a delivery over HTTP: who may deliver, and what."""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from sunco.errors import WebhookError
from sunco.webhooks.asgi import Receive, Scope, Send
from sunco.webhooks.signature import Secrets

__all__ = ["Answer", "DisconnectedError", "Reception"]


@attrs.frozen
class Answer:
    """What a delivery is answered.

    Attributes:
        status: 2xx: it is not to come again; 500: it is; 400 and 401: it is not, either.
        reason: Why, for whoever looks into the webhook's failures.
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
        if self.status == METHOD_NOT_ALLOWED.status:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


OK: Final = Answer(200)
METHOD_NOT_ALLOWED: Final = Answer(405, "Webhooks are delivered with POST.")
NOT_JSON: Final = Answer(415, "A delivery is application/json, and not compressed.")


class DisconnectedError(Exception):
    """Whoever delivered has gone."""


class RefusedError(WebhookError):
    """A delivery that is answered without handling it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class Reception:
    """Lets deliveries in that show a secret and are JSON of a bearable length.

    Args:
        secrets: The secrets that a delivery may show.
        max_body_bytes: How long a delivery may be.
    """

    def __init__(self, secrets: Secrets, *, max_body_bytes: int) -> None:
        self._secrets = secrets
        self._max_body_bytes = max_body_bytes
        self._too_large = Answer(413, f"A delivery has at most {max_body_bytes} bytes.")

    async def admit(self, scope: Scope, receive: Receive) -> bytes:
        """Read a delivery's body, if it may come in.

        Raises:
            RefusedError: It may not; nothing of the body, or no more of it, was read.
            DisconnectedError: It was broken off.
        """
        if scope["method"] != "POST":
            raise RefusedError(METHOD_NOT_ALLOWED)
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        refusal = self._secrets.refusal(headers)
        if refusal is not None:
            raise RefusedError(Answer(401, f"The delivery {refusal}."))
        length = 0
        for name, value in headers:
            match name.lower():
                case b"content-type" if not _is_json(value):
                    raise RefusedError(NOT_JSON)
                case b"content-encoding" if value.strip().lower() != b"identity":
                    raise RefusedError(NOT_JSON)
                case b"content-length" if value.isdigit():
                    length = int(value)
                case _:
                    pass
        if length > self._max_body_bytes:
            raise RefusedError(self._too_large)
        return await self._read(receive)

    async def _read(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        length = 0
        while True:
            message: Any = await receive()
            if message["type"] != "http.request":
                raise DisconnectedError
            chunk = message.get("body", b"")
            length += len(chunk)
            if length > self._max_body_bytes:
                raise RefusedError(self._too_large)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)


def _is_json(content_type: bytes) -> bool:
    kind = content_type.partition(b";")[0].strip().lower()
    return kind == b"application/json" or (
        kind.startswith(b"application/") and kind.endswith(b"+json")
    )
