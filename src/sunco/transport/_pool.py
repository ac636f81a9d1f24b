"""A connection pool for one origin, whose cost does not grow with the number of connections."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, cast

import anyio
import httpcore
import httpx

from sunco._clock import Clock, SystemClock
from sunco.transport._common import KEEPALIVE_EXPIRY, default_tls
from sunco.transport._network import TrackedBackend

__all__ = ["Connection", "OriginPool"]


class _NoLock:
    """Replaces the locks of httpcore: each costs a turn of the event loop.

    They guard a connection against several requests at a time, and a pool sends one.
    """

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


class Connection:
    """One connection of a pool.

    Attributes:
        http: The HTTP protocol on it.
        network: The network below it.
    """

    __slots__ = ("http", "idle_since", "network")

    def __init__(self, origin: httpcore.Origin, tls: ssl.SSLContext | None) -> None:
        self.network: TrackedBackend = TrackedBackend()
        self.http: httpcore.AsyncHTTPConnection = httpcore.AsyncHTTPConnection(
            origin, ssl_context=tls, network_backend=self.network
        )
        self.http._request_lock = _NoLock()  # type: ignore[assignment]  # noqa: SLF001 - see there
        self.idle_since: float = 0.0

    def keep(self, now: float) -> None:
        """Keep it for the next request."""
        self.idle_since = now
        # httpcore makes it with the first request.
        http11: Any = getattr(self.http, "_connection", self.http)
        http11._state_lock = _NoLock()  # noqa: SLF001 - see there

    def reusable(self) -> bool:
        """Whether its last request was sent whole, and its response read whole and without more."""
        if self.network.aborted or not self.http.is_idle() or self.http.is_closed():
            return False
        # Data after the response would be read as the response to the next request. httpcore does
        # not report it, so this reads its state; without one, httpx would not notice either.
        state = getattr(getattr(self.http, "_connection", None), "_h11_state", None)
        return state is None or not state.trailing_data[0]


class OriginPool(httpx.AsyncBaseTransport):
    """A connection pool for a client that talks to one origin.

    The connection that was used last is used next, so that the others expire and a pool shrinks to
    the size that is needed. The cost of a request does not depend on the number of connections.

    Args:
        origin: The origin, `https://acme.zendesk.com`; by default that of the first request.
        max_connections: The most requests in flight; others wait, first come, first served.
        keepalive_expiry: Seconds for which an idle connection is kept.
        ssl_context: Your own TLS settings.
        clock: The source of time.
    """

    def __init__(
        self,
        origin: str | httpx.URL | None = None,
        *,
        max_connections: int = 100,
        keepalive_expiry: float = KEEPALIVE_EXPIRY,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._origin = None if origin is None else _core_url(httpx.URL(origin)).origin
        self._keepalive_expiry = keepalive_expiry
        self._tls = ssl_context
        self._slots = anyio.Semaphore(max_connections, fast_acquire=True)
        self._idle: deque[Connection] = deque()
        self._active: set[Connection] = set()
        self._closed = False
        self._monotonic = (clock or SystemClock()).monotonic

    @property
    def is_idle(self) -> bool:
        """Whether no request is in flight or waiting."""
        return not self._active and not self._slots.statistics().tasks_waiting

    async def acquire(self) -> Connection:
        """Wait for a slot, and get a connection. The caller must `release` it."""
        await self._slots.acquire()
        try:
            connection = await self._usable_connection()
        except BaseException:
            self._slots.release()
            raise
        self._active.add(connection)
        return connection

    async def _usable_connection(self) -> Connection:
        if self._closed:
            raise httpx.ConnectError("The pool is closed.")
        while self._idle:
            connection = self._idle.pop()
            expired = self._monotonic() - connection.idle_since > self._keepalive_expiry
            # Anything to read on an idle connection is its end.
            if not expired and not connection.http.has_expired():
                connection.network.written = False
                return connection
            await connection.network.aclose()
        assert self._origin is not None  # noqa: S101 - set before the first connection
        tls = (self._tls or default_tls()) if self._origin.scheme == b"https" else None
        return Connection(self._origin, tls)

    async def release(self, connection: Connection) -> None:
        """Keep a connection for the next request if it can be reused, or close it."""
        self._active.discard(connection)
        try:
            if not self._closed and connection.reusable():
                connection.keep(self._monotonic())
                self._idle.append(connection)
            else:
                await connection.network.aclose()
            await self._close_expired()
        finally:
            self._slots.release()

    async def _close_expired(self) -> None:
        oldest = self._monotonic() - self._keepalive_expiry
        while self._idle and self._idle[0].idle_since < oldest:
            await self._idle.popleft().network.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request of an `httpx.AsyncClient`."""
        url = _core_url(request.url)
        if self._origin is None:
            self._origin = url.origin
        if url.origin != self._origin:
            raise httpx.UnsupportedProtocol(f"This pool connects to {self._origin} only.")
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        try:
            with anyio.fail_after(timeouts.get("pool")):
                connection = await self.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("All connections are in use.", request=request) from None
        try:
            received = await connection.http.handle_async_request(
                httpcore.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=dict(request.extensions),
                )
            )
        except BaseException as error:
            await self.release(connection)
            raise _as_httpx(error) from error
        return httpx.Response(
            received.status,
            headers=received.headers,
            stream=_Stream(self, connection, received),
            extensions=cast("Any", received).extensions,
        )

    async def aclose(self) -> None:
        """Close all connections; requests in flight end with an error."""
        self._closed = True
        while self._idle:
            await self._idle.pop().network.aclose()
        for connection in tuple(self._active):
            await connection.network.aclose()


class _Stream(httpx.AsyncByteStream):
    """The body of a response; its connection is released when it is closed."""

    def __init__(
        self, pool: OriginPool, connection: Connection, received: httpcore.Response
    ) -> None:
        self._pool = pool
        self._connection = connection
        self._received = received

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in cast("AsyncIterable[bytes]", self._received.stream):
                yield chunk
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise _as_httpx(error) from error

    async def aclose(self) -> None:
        try:
            await self._received.aclose()
        finally:
            await self._pool.release(self._connection)


def _core_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


def _as_httpx(error: BaseException) -> BaseException:
    """The error of httpx that has the name of an error of httpcore."""
    if type(error).__module__.startswith("httpcore"):
        kind: type[httpx.TransportError] = getattr(
            httpx, type(error).__name__, httpx.TransportError
        )
        return kind(str(error))
    return error
