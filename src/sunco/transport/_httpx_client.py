"""Requests carried by an httpx client, with its own pool."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, Mapping
from contextlib import nullcontext
from typing import Any, cast

import anyio
import httpx

from sunco.errors import ConfigurationError
from sunco.transport._response_body import ACCEPT_ENCODING, Body
from sunco.wire import Request, Response

__all__ = ["ClientCarrier", "own_client"]


class ClientCarrier:
    """Carries requests with a client.

    Args:
        client: The client.
        max_response_bytes: How long an answer's body may be, decompressed.
        slots: How many requests the client is given at once; None where the client is a user's,
            who has set its limits and closes it.
    """

    def __init__(
        self, client: httpx.AsyncClient, max_response_bytes: int, *, slots: int | None = None
    ) -> None:
        self._client = client
        self._max_response_bytes = max_response_bytes
        # A wait for a slot of our own is a wait in which nothing has been sent, for certain; of
        # httpx's pool, which announces nothing of it, that could not be said.
        self._slots = None if slots is None else anyio.Semaphore(slots)

    def begin(self, request: Request) -> _ClientExchange:
        """An attempt for a request."""
        return _ClientExchange(self._client, self._slots, self._max_response_bytes, request)

    def forget(self) -> None:
        """Leave the connections to the client, which knows whose they are."""

    async def aclose(self) -> None:
        """Close the client, unless it is a user's."""
        if self._slots is not None:
            await self._client.aclose()


class _ClientExchange:
    """A request's way over a client, as far as httpx tells."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        slots: anyio.Semaphore | None,
        max_response_bytes: int,
        request: Request,
    ) -> None:
        self._client = client
        self._slots = slots
        self._max_response_bytes = max_response_bytes
        self._request = request
        self._handed_over = False
        self._connecting = False

    @property
    def maybe_delivered(self) -> bool:
        return self._handed_over and not self._connecting

    async def _note(self, event: str, _: Mapping[str, Any]) -> None:
        if event.startswith("connection."):
            self._connecting = True
        elif event.endswith(".send_request_headers.started"):
            self._connecting = False

    async def run(self) -> Response:
        if self._client.is_closed:
            raise ConfigurationError("This client is closed: open a new one to send requests.")
        async with self._slots or nullcontext():
            outgoing = self._client.build_request(
                self._request.method,
                self._request.url,
                headers={"Accept-Encoding": ACCEPT_ENCODING, **self._request.headers},
                content=self._request.content,
                timeout=None,
                extensions={"trace": self._note},
            )
            self._handed_over = True
            # The credential is the request's own: neither the client's nor a .netrc may add
            # another.
            answer = await self._client.send(
                outgoing, auth=_no_auth, stream=True, follow_redirects=False
            )
            try:
                return await self._read(answer)
            finally:
                await answer.aclose()

    async def _read(self, answer: httpx.Response) -> Response:
        headers = dict(answer.headers)
        body = Body(answer.status_code, headers, self._max_response_bytes)
        if not body.refused:
            # Not aiter_bytes: httpx decompresses without a bound.
            async for chunk in cast("AsyncIterable[bytes]", answer.stream):
                body.add(chunk)
                if body.refused:
                    break
        return Response(answer.status_code, headers, body.whole())


def _no_auth(request: httpx.Request) -> httpx.Request:
    return request


def own_client(
    max_connections: int, keepalive_expiry: float, *, http2: bool, tls: ssl.SSLContext | None
) -> httpx.AsyncClient:
    """A client for what the pools cannot do.

    Raises:
        ConfigurationError: HTTP/2 is not installed.
    """
    try:
        return httpx.AsyncClient(
            http2=http2,
            verify=True if tls is None else tls,
            limits=httpx.Limits(
                max_connections=max_connections,
                max_keepalive_connections=max_connections,
                keepalive_expiry=keepalive_expiry,
            ),
        )
    except ImportError:
        raise ConfigurationError("HTTP/2 needs an extra: pip install 'httpx[http2]'.") from None
