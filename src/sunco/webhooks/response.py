"""The response to a delivery."""

from __future__ import annotations

import json
from typing import Final

import attrs

from sunco.webhooks.asgi import Send

__all__ = ["FAILED", "METHOD_NOT_ALLOWED", "NOT_JSON", "OK", "HTTPResponse"]


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
        if self.status == METHOD_NOT_ALLOWED.status:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


OK: Final = HTTPResponse(200)
METHOD_NOT_ALLOWED: Final = HTTPResponse(405, "Webhooks are delivered with POST.")
NOT_JSON: Final = HTTPResponse(415, "A delivery must be application/json, without compression.")
FAILED: Final = HTTPResponse(500, "Not all events could be handled; deliver them again.")
