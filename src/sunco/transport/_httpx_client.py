"""Requests over an httpx client, with its own pool."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, Mapping
from contextlib import nullcontext, suppress
from typing import Any, cast

import anyio
import httpx

from sunco.errors import ConfigurationError
from sunco.transport._common import default_tls, response_limit
from sunco.transport._headers import announced_length, check_head
from sunco.transport._proxies import ProxyURL
from sunco.transport._request_body import RequestBody
from sunco.transport._response_body import ACCEPT_ENCODING, ResponseBody
from sunco.wire import Request, Response

__all__ = ["ClientBackend", "own_client"]


class ClientBackend:
    """Sends requests with a client.

    Args:
        client: The client.
        max_response_bytes: The longest body of a response, decompressed.
        slots: The most requests in flight; None where the client is the user's, who has set its
            limits and closes it.
    """

    def __init__(
        self, client: httpx.AsyncClient, max_response_bytes: int, *, slots: int | None = None
    ) -> None:
        self._client = client
        self._max_response_bytes = max_response_bytes
        # While a request waits for a slot, it was certainly not sent. httpx's pool does not say.
        self._slots = None if slots is None else anyio.Semaphore(slots)

    def begin(self, request: Request, origin: str, target: bytes) -> _ClientAttempt:
        """Prepare an attempt."""
        del origin, target  # the client splits the URL itself
        return _ClientAttempt(self._client, self._slots, self._max_response_bytes, request)

    async def aclose(self) -> None:
        """Close the client, unless it is the user's."""
        if self._slots is not None:
            await self._client.aclose()


class _ClientAttempt:
    """An attempt over a client, as far as httpx reports it."""

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
        self._is_sending = False
        self._is_connecting = False
        content = request.content
        self.body: RequestBody | None = None
        if content is not None and not isinstance(content, bytes):
            self.body = RequestBody(content, announced_length(request.headers))

    @property
    def maybe_delivered(self) -> bool:
        return self._is_sending and not self._is_connecting

    async def _trace(self, event: str, _: Mapping[str, Any]) -> None:
        if event.startswith("connection."):
            self._is_connecting = True
        elif event.endswith(".send_request_headers.started"):
            self._is_connecting = False

    async def run(self) -> Response:
        if self._client.is_closed:
            raise ConfigurationError("This client is closed: open a new one to send requests.")
        check_head(self._request)
        async with self._slots or nullcontext():
            outgoing = self._client.build_request(
                self._request.method,
                self._request.url,
                headers={"Accept-Encoding": ACCEPT_ENCODING, **self._request.headers},
                content=self._request.content if self.body is None else self.body,
                timeout=None,
                extensions={"trace": self._trace},
            )
            self._is_sending = True
            try:
                # The credential is that of the request: neither the client's nor that of a .netrc
                # may replace it.
                received = await self._client.send(
                    outgoing, auth=_no_auth, stream=True, follow_redirects=False
                )
                try:
                    return await self._read(received)
                finally:
                    await received.aclose()
            finally:
                if self.body is not None:
                    await self.body.aclose()

    async def _read(self, received: httpx.Response) -> Response:
        headers = dict(received.headers)
        limit, setting = response_limit(self._request, self._max_response_bytes)
        body = ResponseBody(received.status_code, headers, limit, setting, self._request.sink)
        if not body.rejected:
            # Not aiter_bytes: httpx decompresses without a limit.
            async for chunk in cast("AsyncIterable[bytes]", received.stream):
                if body.sink is None:
                    body.add(chunk)
                else:
                    await body.write(chunk)
                if body.rejected:
                    break
        return Response(received.status_code, headers, body.result())


def _no_auth(request: httpx.Request) -> httpx.Request:
    return request


def own_client(
    max_connections: int,
    keepalive_expiry: float,
    *,
    proxy: ProxyURL | None,
    http2: bool,
    tls: ssl.SSLContext | None,
) -> httpx.AsyncClient:
    """Make a client for HTTP/2 or a proxy.

    Raises:
        ConfigurationError: The URL of the proxy or the certificates cannot be used.
    """
    verify = tls or default_tls()
    with suppress(ValueError, httpx.InvalidURL):
        return httpx.AsyncClient(
            http2=http2,
            proxy=proxy,
            verify=verify,
            # The environment was read already, and checked.
            trust_env=False,
            limits=httpx.Limits(
                max_connections=max_connections,
                max_keepalive_connections=max_connections,
                keepalive_expiry=keepalive_expiry,
            ),
        )
    # Not raised from it: the error of httpx shows the URL, which can hold a password.
    raise ConfigurationError("The environment names a proxy whose URL httpx does not support.")
