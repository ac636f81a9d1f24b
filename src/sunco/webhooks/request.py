"""Receiving a delivery over HTTP: checks of method, key, type and size."""

from __future__ import annotations

from typing import Any

from sunco.errors import SuncoError, WebhookError
from sunco.webhooks.asgi import Receive, Scope
from sunco.webhooks.response import METHOD_NOT_ALLOWED, NOT_JSON, HTTPResponse
from sunco.webhooks.signature import Secrets
from sunco.webhooks.time_limit import TimeLimit

__all__ = ["ClientDisconnectedError", "RejectedRequestError", "RequestReader"]


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

    async def read(self, scope: Scope, receive: Receive, limit: TimeLimit) -> bytes:
        """Check a request and read its body.

        Args:
            scope: The request.
            receive: Receives its body.
            limit: Limits how long that may take.

        Raises:
            RejectedRequestError: The request is rejected; no more of its body is read.
            ClientDisconnectedError: The client disconnected.
        """
        if scope["method"] != "POST":
            raise RejectedRequestError(METHOD_NOT_ALLOWED)
        headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        problem = self._secrets.problem(headers)
        if problem is not None:
            raise RejectedRequestError(HTTPResponse(401, f"The delivery {problem}."))
        length = 0
        for name, value in headers:
            match name.lower():
                case b"content-type" if not _is_json(value):
                    raise RejectedRequestError(NOT_JSON)
                case b"content-encoding" if value.strip().lower() != b"identity":
                    raise RejectedRequestError(NOT_JSON)
                case b"content-length" if value.isdigit():
                    length = int(value)
                case _:
                    pass
        if length > self._max_body_bytes:
            raise RejectedRequestError(self._too_large)
        limit.start(self._body_timeout, self._too_slow)
        body = await self._read_body(receive)
        limit.stop()
        if limit.is_reached:
            # The server shielded it from the cancellation.
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
