"""Connections to one origin, kept and reused at a cost that does not grow with their number."""

from __future__ import annotations

import functools
import ssl
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from time import monotonic
from typing import Any, Final, cast

import anyio
import httpcore
import httpx

from sunco.transport._network import Line

__all__ = ["Connection", "OriginPool", "default_tls"]

KEEPALIVE_EXPIRY: Final = 5.0
"""Seconds for which an idle connection is kept: less than servers do, or they close it first."""


@functools.cache
def default_tls() -> ssl.SSLContext:
    """The TLS settings that all pools share: reading the certificates takes its time."""
    return httpx.create_ssl_context()


class Connection:
    """One connection of a pool.

    Attributes:
        http: What speaks HTTP on it.
        line: What knows what went out on it.
    """

    __slots__ = ("http", "idle_since", "line")

    def __init__(self, origin: httpcore.Origin, tls: ssl.SSLContext | None) -> None:
        self.line: Line = Line()
        self.http: httpcore.AsyncHTTPConnection = httpcore.AsyncHTTPConnection(
            origin, ssl_context=tls, network_backend=self.line
        )
        self.idle_since: float = 0.0

    def reusable(self) -> bool:
        """Whether its last exchange has left it clean: all sent, all read, and nothing besides."""
        if self.line.cut or not self.http.is_idle() or self.http.is_closed():
            return False
        # What came after the answer would be taken for the answer to the next request. httpcore
        # does not say, so this looks behind it; where there is nothing to see, httpx sees no more.
        state = getattr(getattr(self.http, "_connection", None), "_h11_state", None)
        return state is None or not state.trailing_data[0]


class OriginPool(httpx.AsyncBaseTransport):
    """A connection pool for a client that talks to one origin.

    The connection that was used last is used next, so that a pool shrinks to what is needed; those
    beyond it close as they expire. What a request costs does not depend on how many there are.

    Args:
        origin: Such as `https://acme.zendesk.com`; by default that of the first request.
        max_connections: How many requests may be under way at once; more wait for their turn,
            first come, first served.
        keepalive_expiry: Seconds for which an idle connection is kept.
        ssl_context: TLS settings of your own.
    """

    def __init__(
        self,
        origin: str | httpx.URL | None = None,
        *,
        max_connections: int = 100,
        keepalive_expiry: float = KEEPALIVE_EXPIRY,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._origin = None if origin is None else _core_url(httpx.URL(origin)).origin
        self._keepalive_expiry = keepalive_expiry
        self._tls = ssl_context
        self._slots = anyio.Semaphore(max_connections, fast_acquire=True)
        self._idle: deque[Connection] = deque()
        self._active: set[Connection] = set()
        self._closed = False

    @property
    def quiet(self) -> bool:
        """Whether no request is under way or waiting."""
        return not self._active and not self._slots.statistics().tasks_waiting

    async def take(self) -> Connection:
        """Wait for a turn, and get a connection that is as good as can be known.

        Whoever takes one gives it back, whatever happens.
        """
        await self._slots.acquire()
        try:
            connection = await self._usable()
        except BaseException:
            self._slots.release()
            raise
        self._active.add(connection)
        return connection

    async def _usable(self) -> Connection:
        if self._closed:
            raise httpx.ConnectError("The pool is closed.")
        while self._idle:
            connection = self._idle.pop()
            expired = monotonic() - connection.idle_since > self._keepalive_expiry
            # Nobody has asked for anything on it: what can be read there is its end.
            if not expired and not connection.http.has_expired():
                connection.line.written = False
                return connection
            await connection.line.aclose()
        assert self._origin is not None  # noqa: S101 - whoever takes a connection has named it
        tls = (self._tls or default_tls()) if self._origin.scheme == b"https" else None
        return Connection(self._origin, tls)

    async def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next request if it is clean, and close it if not."""
        self._active.discard(connection)
        try:
            if not self._closed and connection.reusable():
                connection.idle_since = monotonic()
                self._idle.append(connection)
            else:
                await connection.line.aclose()
            await self._close_expired()
        finally:
            self._slots.release()

    async def _close_expired(self) -> None:
        oldest = monotonic() - self._keepalive_expiry
        while self._idle and self._idle[0].idle_since < oldest:
            await self._idle.popleft().line.aclose()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request for an `httpx.AsyncClient` whose transport this is."""
        url = _core_url(request.url)
        if self._origin is None:
            self._origin = url.origin
        if url.origin != self._origin:
            raise httpx.UnsupportedProtocol(f"This pool connects to {self._origin} only.")
        timeouts: dict[str, float | None] = request.extensions.get("timeout", {})
        try:
            with anyio.fail_after(timeouts.get("pool")):
                connection = await self.take()
        except TimeoutError:
            raise httpx.PoolTimeout("All connections are in use.", request=request) from None
        try:
            answer = await connection.http.handle_async_request(
                httpcore.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=dict(request.extensions),
                )
            )
        except BaseException as error:
            await self.give_back(connection)
            raise _as_httpx(error) from error
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            stream=_Stream(self, connection, answer),
            extensions=cast("Any", answer).extensions,
        )

    async def aclose(self) -> None:
        """Close all connections; requests under way end with an error."""
        self._closed = True
        while self._idle:
            await self._idle.pop().line.aclose()
        for connection in tuple(self._active):
            await connection.line.aclose()


class _Stream(httpx.AsyncByteStream):
    """An answer's body; its connection goes back when it is closed."""

    def __init__(self, pool: OriginPool, connection: Connection, answer: httpcore.Response) -> None:
        self._pool = pool
        self._connection = connection
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in cast("AsyncIterable[bytes]", self._answer.stream):
                yield chunk
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise _as_httpx(error) from error

    async def aclose(self) -> None:
        try:
            await self._answer.aclose()
        finally:
            await self._pool.give_back(self._connection)


def _core_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


def _as_httpx(error: BaseException) -> BaseException:
    """An error of httpcore as the one of httpx that has its name."""
    if type(error).__module__.startswith("httpcore"):
        kind: type[httpx.TransportError] = getattr(
            httpx, type(error).__name__, httpx.TransportError
        )
        return kind(str(error))
    return error
