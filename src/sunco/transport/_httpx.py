"""Requests carried over httpx's network layer."""

from __future__ import annotations

import ssl
from typing import Final
from urllib.request import getproxies

import httpcore
import httpx

from sunco.errors import APIConnectionError, APITimeoutError
from sunco.transport._httpcore import Destination, core_request, locate, read_answer
from sunco.transport._httpx_client import ClientCarrier, own_client
from sunco.transport._inflight import Attempts, checked_limits, summary, without_frames
from sunco.transport._network import Line
from sunco.transport._pool import KEEPALIVE_EXPIRY, OriginPool
from sunco.transport._request_body import Content
from sunco.wire import Request, Response

__all__ = ["MAX_RESPONSE_BYTES", "HttpxTransport"]

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""What an answer may have by default. A page of 100 messages has some hundred kilobytes."""

_MOST_POOLS: Final = 16
_NEVER_SENT: Final = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
_TIMEOUTS: Final = (httpcore.TimeoutException, httpx.TimeoutException)
# httpx's own come from a client, and from what stands in for the network in tests.
_FAILURES: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpx.TransportError,
)


class HttpxTransport:
    """Carries requests with httpx, over asyncio or trio.

    By default it keeps its own connections, in a pool for each origin it is sent to, and speaks
    HTTP/1.1 over them without the client in between. HTTP/2, a proxy in the environment, and a
    client of your own go through httpx's client and pool.

    Args:
        client: A client of your own, taken as it is and left open.
        max_connections: How many requests may be under way at once to one origin; more wait for
            their turn. Not for a client of your own, which has its own limits.
        max_response_bytes: How long an answer's body may be, decompressed.
        keepalive_expiry: Seconds for which an idle connection is kept.
        http2: Whether to offer HTTP/2; it needs `httpx[http2]`.
        ssl_context: TLS settings of your own, such as a company's certificates.

    Raises:
        ConfigurationError: A limit is less than 1, or HTTP/2 is not installed.
    """

    def __init__(
        self,
        client: httpx.AsyncClient | None = None,
        *,
        max_connections: int = 100,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        keepalive_expiry: float = KEEPALIVE_EXPIRY,
        http2: bool = False,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        checked_limits(max_connections, max_response_bytes)
        self._attempts = Attempts()
        self._carrier: ClientCarrier | _PoolCarrier
        if client is not None:
            self._carrier = ClientCarrier(client, max_response_bytes)
        elif http2 or {"http", "https", "all"} & getproxies().keys():
            self._carrier = ClientCarrier(
                own_client(max_connections, keepalive_expiry, http2=http2, tls=ssl_context),
                max_response_bytes,
                slots=max_connections,
            )
        else:
            self._carrier = _PoolCarrier(
                max_connections, max_response_bytes, keepalive_expiry, ssl_context
            )

    async def send(self, request: Request) -> Response:
        """Make one attempt; see `Transport.send`."""
        if self._attempts.is_in_new_loop():
            self._carrier.forget()
        exchange = self._carrier.begin(request)
        try:
            return await self._attempts.run(request.timeout, exchange)
        except _FAILURES as error:
            kind = APITimeoutError if isinstance(error, _TIMEOUTS) else APIConnectionError
            raise kind(
                summary(error),
                maybe_delivered=exchange.maybe_delivered and not isinstance(error, _NEVER_SENT),
            ) from without_frames(error)

    async def aclose(self) -> None:
        """Close the connections, unless they are those of a client of your own.

        Requests under way end with an `APIConnectionError`.
        """
        if self._attempts.is_in_new_loop():
            self._carrier.forget()
        await self._attempts.close()
        await self._carrier.aclose()


_REAL: Final = httpcore.AsyncHTTPConnection.handle_async_request


def _is_mocked() -> bool:
    return httpcore.AsyncHTTPConnection.handle_async_request is not _REAL


class _PoolExchange:
    """A request's way over a pool."""

    __slots__ = ("_carrier", "_line", "_request")

    def __init__(self, carrier: _PoolCarrier, request: Request) -> None:
        self._carrier = carrier
        self._request = request
        self._line: Line | None = None

    @property
    def maybe_delivered(self) -> bool:
        # Where something stands in for the network, nobody knows what it has done.
        return self._line is not None and (self._line.written or _is_mocked())

    async def run(self) -> Response:
        origin, target = locate(self._request.url)
        destination, pool = await self._carrier.route(origin)
        outgoing = core_request(self._request, destination, target)
        connection = await pool.take()
        self._line = connection.line
        try:
            answer = await connection.http.handle_async_request(outgoing)
            return await read_answer(connection.line, answer, self._carrier.max_response_bytes)
        finally:
            await pool.give_back(connection)
            if isinstance(outgoing.stream, Content):
                await outgoing.stream.aclose()


class _PoolCarrier:
    def __init__(
        self,
        max_connections: int,
        max_response_bytes: int,
        keepalive_expiry: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._max_connections = max_connections
        self.max_response_bytes = max_response_bytes
        self._keepalive_expiry = keepalive_expiry
        self._tls = tls
        self._routes: dict[str, tuple[Destination, OriginPool]] = {}

    def begin(self, request: Request) -> _PoolExchange:
        return _PoolExchange(self, request)

    async def route(self, origin: str) -> tuple[Destination, OriginPool]:
        if origin not in self._routes:
            if len(self._routes) >= _MOST_POOLS:
                await self._close_quiet_pool()
            pool = OriginPool(
                origin,
                max_connections=self._max_connections,
                keepalive_expiry=self._keepalive_expiry,
                ssl_context=self._tls,
            )
            # Another request may have opened one meanwhile.
            return self._routes.setdefault(origin, (Destination(origin), pool))
        return self._routes[origin]

    async def _close_quiet_pool(self) -> None:
        quiet = (origin for origin, (_, pool) in self._routes.items() if pool.quiet)
        origin = next(quiet, None)
        if origin is not None:
            _, pool = self._routes.pop(origin)
            await pool.aclose()

    def forget(self) -> None:
        self._routes = {}

    async def aclose(self) -> None:
        for _, pool in self._routes.values():
            await pool.aclose()
