"""Requests and answers in the form that aiohttp has them."""

from __future__ import annotations

import functools
import ssl
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import aiohttp
import anyio
from yarl import URL

from sunco.transport._httpcore import check_head, joined, locate
from sunco.transport._inflight import summary
from sunco.transport._network import is_readable
from sunco.transport._pool import default_tls
from sunco.transport._request_body import Content
from sunco.transport._response_body import ACCEPT_ENCODING, Body
from sunco.wire import Request, Response

if TYPE_CHECKING:
    from aiohttp.connector import Connection

__all__ = ["FAILURES", "Carrier", "Exchange", "explained"]

# A host's name that cannot be looked up is a UnicodeError.
FAILURES: Final = (aiohttp.ClientError, OSError, UnicodeError)
_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# aiohttp copies and warns of more at a time.
_MOST_AT_ONCE: Final = 512 * 1024
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(
    total=None, connect=None, sock_connect=None, sock_read=None
)


def explained(error: Exception) -> str:
    """An error of aiohttp in one line, without the URL that some of them hold."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{type(error).__name__}: {' '.join(error.message.split())}"
    return summary(error)


class Exchange:
    """A request's way over aiohttp."""

    def __init__(self, carrier: Carrier, request: Request) -> None:
        self._carrier = carrier
        self._request = request
        self._content: Content | None = None
        self.connected = False

    @property
    def maybe_delivered(self) -> bool:
        """Whether any byte of the request may have left."""
        return self.connected

    @property
    def content_failure(self) -> Exception | None:
        """What whoever makes the body's pieces has raised."""
        return None if self._content is None else self._content.failure

    async def run(self) -> Response:
        """Send the request and read its answer."""
        request, carrier = self._request, self._carrier
        origin, url = _located(request.url)
        check_head(request)
        async with carrier.slots:
            before = _under_way.set(self)
            try:
                return await self._read(
                    await carrier.session.request(
                        request.method,
                        url,
                        headers=self._headers(),
                        data=self._body(),
                        allow_redirects=False,
                        proxy=carrier.proxy(origin),
                        ssl=carrier.tls(origin),
                    )
                )
            finally:
                _under_way.reset(before)
                await self._close_content()

    def _headers(self) -> dict[str, str]:
        headers = {"accept-encoding": ACCEPT_ENCODING, **self._request.headers}
        content = self._request.content
        if isinstance(content, bytes):
            headers["content-length"] = str(len(content))
        return headers

    def _body(self) -> bytes | Content | None:
        content = self._request.content
        if content is None or (isinstance(content, bytes) and len(content) <= _MOST_AT_ONCE):
            return content
        self._content = Content(content)
        return self._content

    async def _close_content(self) -> None:
        if self._content is not None:
            # An answer can come before the body has gone out: aiohttp is still reading it then,
            # and stops soon.
            with suppress(RuntimeError):
                await self._content.aclose()

    async def _read(self, answer: aiohttp.ClientResponse) -> Response:
        try:
            headers = joined(answer.raw_headers)
            body = Body(answer.status, headers, self._carrier.max_response_bytes)
            while not body.refused and (chunk := await answer.content.readany()):
                body.add(chunk)
            response = Response(answer.status, headers, body.whole())
        except BaseException:
            answer.close()
            raise
        answer.release()
        return response


@functools.lru_cache(maxsize=256)
def _located(url: str) -> tuple[str, URL]:
    origin, target = locate(url)
    return origin, URL(origin + target.decode(), encoded=True)


_under_way: Final[ContextVar[Exchange]] = ContextVar("_under_way")


class _Connector(aiohttp.TCPConnector):
    """Tells when a request gets its connection, and gives it none that is dead."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]
        self._known: WeakSet[object] = WeakSet()

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Connection:  # noqa: ASYNC109
        exchange = _under_way.get()
        if exchange.connected:
            # aiohttp would send it a second time, and nobody would know that there was a first.
            raise aiohttp.ClientConnectionError("Connection lost")
        while True:
            connection = await super().connect(req, traces, timeout)
            if not self._is_dead(connection):
                exchange.connected = True
                return connection
            connection.close()

    def _is_dead(self, connection: Connection) -> bool:
        protocol: Any = connection.protocol
        if protocol not in self._known:
            self._known.add(protocol)
            return False
        # The loop may not have seen yet what the kernel knows, and what came unasked would be taken
        # for the answer.
        transport = connection.transport
        return (
            transport is None
            or protocol.should_close
            or is_readable(transport.get_extra_info("socket"))
        )


class Carrier:
    """Carries requests with a session of aiohttp's.

    Args:
        slots: How many requests may be under way at once.
        max_response_bytes: How long an answer's body may be, decompressed.
        keepalive_expiry: Seconds for which an idle connection is kept.
        tls: TLS settings of one's own.
    """

    def __init__(
        self,
        slots: anyio.Semaphore,
        max_response_bytes: int,
        keepalive_expiry: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.slots = slots
        self.max_response_bytes = max_response_bytes
        self.session = aiohttp.ClientSession(
            connector=_Connector(limit=0, keepalive_timeout=keepalive_expiry),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_AUTOMATIC,
            timeout=_NO_TIMEOUT,
            auto_decompress=False,
        )
        self._tls = tls
        self._proxies = getproxies()

    def begin(self, request: Request) -> Exchange:
        """An attempt for a request."""
        return Exchange(self, request)

    def tls(self, origin: str) -> ssl.SSLContext | bool:
        """The TLS settings for an origin."""
        return (self._tls or default_tls()) if origin.startswith("https") else True

    def proxy(self, origin: str) -> str | None:
        """The proxy that the environment names for an origin."""
        if not self._proxies:
            return None
        url = URL(origin)
        if proxy_bypass(url.authority):
            return None
        return self._proxies.get(url.scheme) or self._proxies.get("all")

    async def aclose(self) -> None:
        """Close the session."""
        with anyio.CancelScope(shield=True):
            await self.session.close()
