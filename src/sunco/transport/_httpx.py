"""Requests over the network layer of httpx."""

from __future__ import annotations

import ssl
from importlib.util import find_spec
from typing import Any, Final, cast

import anyio
import h11
import httpcore
import httpx

from sunco.errors import APIConnectionError, APITimeoutError, ConfigurationError
from sunco.transport._common import (
    KEEPALIVE_EXPIRY,
    MAX_RESPONSE_BYTES,
    check_limits,
    response_limit,
    summary,
    without_frames,
)
from sunco.transport._headers import announced_length, locate
from sunco.transport._httpcore import Destination, core_request, read_response
from sunco.transport._httpx_client import ClientBackend, own_client
from sunco.transport._inflight import InFlight
from sunco.transport._network import TrackedBackend
from sunco.transport._pool import OriginPool
from sunco.transport._proxies import Proxies, environment_proxies
from sunco.transport._request_body import RequestBody
from sunco.wire import Request, Response

__all__ = ["HttpxTransport"]

_MAX_POOLS: Final = 16
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
# All that httpx and the libraries below it raise; httpx's own come from a client, and from what
# replaces the network in tests.
_FAILURES: Final = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.StreamError,
    h11.ProtocolError,
    anyio.BrokenResourceError,
    anyio.BusyResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    OSError,
    UnicodeError,
)


class HttpxTransport:
    """Sends requests with httpx, on asyncio or trio.

    By default it keeps its own connections, in a pool for each origin, and speaks HTTP/1.1 on them.
    HTTP/2, the proxies of the environment and a client of yours use httpx's client and pool.

    Args:
        client: A client of yours. It is used as it is, and left open.
        max_connections: The most requests in flight to one origin; others wait. It does not apply
            to a client of yours.
        max_response_bytes: The longest body of a response, decompressed.
        keepalive_expiry: Seconds for which an idle connection is kept.
        http2: Whether to offer HTTP/2; needs `httpx[http2]`.
        ssl_context: Your own TLS settings, such as the certificates of a company.

    Raises:
        ConfigurationError: A limit is less than 1, a library that is needed is not installed, or a
            variable of the environment is invalid.
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
        check_limits(max_connections, max_response_bytes, keepalive_expiry, ssl_context)
        if not isinstance(cast("object", client), httpx.AsyncClient | None):
            raise ConfigurationError(
                f"client must be an httpx.AsyncClient, not {type(client).__name__}."
            )
        if http2 and find_spec("h2") is None:
            raise ConfigurationError("HTTP/2 needs an extra: pip install 'httpx[http2]'.")
        self._in_flight = InFlight()
        self._options: dict[str, Any] = {
            "max_connections": max_connections,
            "max_response_bytes": max_response_bytes,
            "keepalive_expiry": keepalive_expiry,
            "http2": http2,
            "ssl_context": ssl_context,
        }
        self._user_client = client
        self._proxies = Proxies() if client is not None else environment_proxies()
        _check_socks(self._proxies)
        self._pools = _PoolBackend(
            max_connections, max_response_bytes, keepalive_expiry, ssl_context
        )
        self._clients: dict[str | None, ClientBackend] = {}
        if client is not None:
            self._clients[None] = ClientBackend(client, max_response_bytes)

    async def send(self, request: Request) -> Response:
        """Make one attempt; see `Transport.send`."""
        self._reset_in_new_loop()
        origin, target = locate(request.url)
        attempt = self._backend(origin).begin(request, origin, target)
        try:
            return await self._in_flight.run(request.timeout, attempt)
        except _FAILURES as error:
            if attempt.body is not None and error is attempt.body.failure:
                raise
            kind = APITimeoutError if isinstance(error, _TIMEOUTS) else APIConnectionError
            raise kind(
                summary(error),
                maybe_delivered=attempt.maybe_delivered and not isinstance(error, _NEVER_SENT),
            ) from without_frames(error)

    def _backend(self, origin: str) -> _PoolBackend | ClientBackend:
        if self._user_client is not None:
            return self._clients[None]
        proxy = self._proxies.proxy_for(origin)
        if proxy is None and not self._options["http2"]:
            return self._pools
        if proxy not in self._clients:
            client = own_client(
                self._options["max_connections"],
                self._options["keepalive_expiry"],
                proxy=proxy,
                http2=self._options["http2"],
                tls=self._options["ssl_context"],
            )
            self._clients[proxy] = ClientBackend(
                client,
                self._options["max_response_bytes"],
                slots=self._options["max_connections"],
            )
        return self._clients[proxy]

    def _reset_in_new_loop(self) -> None:
        if self._in_flight.is_in_new_loop():
            self._pools.reset()
            if self._user_client is None:
                self._clients.clear()

    async def aclose(self) -> None:
        """Close the connections, but not those of a client of yours.

        Requests in flight end with an `APIConnectionError`.
        """
        self._reset_in_new_loop()
        await self._in_flight.close()
        await self._pools.aclose()
        for backend in self._clients.values():
            await backend.aclose()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._user_client is not None or self._options["ssl_context"] is not None:
            raise ConfigurationError(
                "A transport with your own client or TLS settings cannot be pickled: make one in "
                "each process."
            )
        return _restore, (type(self), self._options)


def _restore(kind: type[HttpxTransport], options: dict[str, Any]) -> HttpxTransport:
    return kind(**options)


def _check_socks(proxies: Proxies) -> None:
    named = proxies.socks_variables()
    if named and find_spec("socksio") is None:
        raise ConfigurationError(
            f"{' and '.join(named)} names a SOCKS proxy, which needs an extra: "
            "pip install 'httpx[socks]'."
        )


_REAL: Final = httpcore.AsyncHTTPConnection.handle_async_request


def _is_mocked() -> bool:
    return httpcore.AsyncHTTPConnection.handle_async_request is not _REAL


class _PoolAttempt:
    """An attempt over a pool."""

    __slots__ = ("_backend", "_network", "_origin", "_request", "_target", "body")

    def __init__(self, backend: _PoolBackend, request: Request, origin: str, target: bytes) -> None:
        self._backend = backend
        self._request = request
        self._origin = origin
        self._target = target
        self._network: TrackedBackend | None = None
        content = request.content
        self.body: RequestBody | None = None
        if content is not None:
            announced = None if isinstance(content, bytes) else announced_length(request.headers)
            self.body = RequestBody(content, announced)

    @property
    def maybe_delivered(self) -> bool:
        # What a mock has done is unknown.
        return self._network is not None and (self._network.written or _is_mocked())

    async def run(self) -> Response:
        limit = self._backend.limit_of(self._request)
        destination, pool = await self._backend.route(self._origin)
        outgoing = core_request(self._request, destination, self._target, self.body)
        connection = await pool.acquire()
        self._network = connection.network
        try:
            received = await connection.http.handle_async_request(outgoing)
            return await read_response(connection.network, received, self._request.sink, *limit)
        finally:
            await pool.release(connection)
            if self.body is not None:
                await self.body.aclose()


class _PoolBackend:
    def __init__(
        self,
        max_connections: int,
        max_response_bytes: int,
        keepalive_expiry: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._max_connections = max_connections
        self._max_response_bytes = max_response_bytes
        self._keepalive_expiry = keepalive_expiry
        self._tls = tls
        self._routes: dict[str, tuple[Destination, OriginPool]] = {}

    def begin(self, request: Request, origin: str, target: bytes) -> _PoolAttempt:
        return _PoolAttempt(self, request, origin, target)

    def limit_of(self, request: Request) -> tuple[int, str]:
        return response_limit(request, self._max_response_bytes)

    async def route(self, origin: str) -> tuple[Destination, OriginPool]:
        if origin not in self._routes:
            if len(self._routes) >= _MAX_POOLS:
                await self._close_idle_pool()
            pool = OriginPool(
                origin,
                max_connections=self._max_connections,
                keepalive_expiry=self._keepalive_expiry,
                ssl_context=self._tls,
            )
            # Another request may have made one meanwhile.
            return self._routes.setdefault(origin, (Destination(origin), pool))
        return self._routes[origin]

    async def _close_idle_pool(self) -> None:
        idle = (origin for origin, (_, pool) in self._routes.items() if pool.is_idle)
        origin = next(idle, None)
        if origin is not None:
            _, pool = self._routes.pop(origin)
            await pool.aclose()

    def reset(self) -> None:
        self._routes = {}

    async def aclose(self) -> None:
        for _, pool in self._routes.values():
            await pool.aclose()
