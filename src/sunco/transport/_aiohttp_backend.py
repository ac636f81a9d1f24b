"""Requests and responses in the form of aiohttp."""

from __future__ import annotations

import functools
import inspect
import ssl
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import aiohttp
import anyio
from yarl import URL

from sunco.transport._common import (
    MAX_HEAD_BYTES,
    default_tls,
    response_limit,
    summary,
    watched,
)
from sunco.transport._headers import announced_length, check_head, joined, locate
from sunco.transport._proxies import Proxies
from sunco.transport._request_body import RequestBody
from sunco.transport._response_body import ACCEPT_ENCODING, ResponseBody
from sunco.wire import Request, Response

if TYPE_CHECKING:
    import asyncio

    from aiohttp.connector import Connection

__all__ = ["FAILURES", "AiohttpAttempt", "Backend", "explained"]

# A host name that cannot be encoded is a UnicodeError; yarl and aiohttp raise ValueErrors.
FAILURES: Final = (aiohttp.ClientError, OSError, ValueError, anyio.ClosedResourceError)
_AUTOMATIC: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# aiohttp copies longer bodies, and warns of them.
_MAX_WHOLE: Final = 512 * 1024
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(
    total=None, connect=None, sock_connect=None, sock_read=None
)
_PARSER_LIMITS: Final = {
    name: limit
    for name, limit in {
        "max_line_size": MAX_HEAD_BYTES,
        "max_field_size": MAX_HEAD_BYTES,
        "max_headers": MAX_HEAD_BYTES,
    }.items()
    if name in inspect.signature(aiohttp.ClientSession.__init__).parameters
}


def explained(error: Exception) -> str:
    """An error of aiohttp in one line, without the URL and the headers that some of them hold."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{type(error).__name__}: {' '.join(error.message.split())[:200]}"
    return summary(error)


class AiohttpAttempt:
    """An attempt over aiohttp."""

    def __init__(self, backend: Backend, request: Request) -> None:
        self._backend = backend
        self._request = request
        self.connected = False
        content = request.content
        self.body: RequestBody | None = None
        if isinstance(content, bytes):
            if len(content) > _MAX_WHOLE:
                self.body = RequestBody(content)
        elif content is not None:
            self.body = RequestBody(content, announced_length(request.headers))

    @property
    def maybe_delivered(self) -> bool:
        """Whether any byte of the request may have been sent."""
        return self.connected

    async def run(self) -> Response:
        """Send the request and read its response."""
        request, backend = self._request, self._backend
        origin, url = _located(request.url)
        check_head(request)
        async with backend.slots:
            before = _current.set(self)
            try:
                return await self._read(
                    await backend.session.request(
                        request.method,
                        url,
                        headers=self._headers(),
                        data=request.content if self.body is None else self.body,
                        allow_redirects=False,
                        proxy=backend.proxies.proxy_for(origin),
                        ssl=backend.tls(origin),
                    )
                )
            finally:
                _current.reset(before)
                if self.body is not None:
                    # A user's generator can be in use by another task of the user.
                    with suppress(RuntimeError):
                        await self.body.aclose()

    def _headers(self) -> dict[str, str]:
        headers = {"accept-encoding": ACCEPT_ENCODING} | dict(self._request.headers.items())
        content = self._request.content
        if isinstance(content, bytes):
            headers.pop("transfer-encoding", None)
            headers["content-length"] = str(len(content))
        return headers

    async def _read(self, received: aiohttp.ClientResponse) -> Response:
        try:
            head = sum(len(name) + len(value) + 4 for name, value in received.raw_headers)
            if head > MAX_HEAD_BYTES:
                raise aiohttp.ClientPayloadError("the headers are too long")  # noqa: TRY301
            headers = joined(received.raw_headers)
            limit, setting = response_limit(self._request, self._backend.max_response_bytes)
            body = ResponseBody(received.status, headers, limit, setting, self._request.sink)
            while not body.rejected and (chunk := await received.content.readany()):
                if body.sink is None:
                    body.add(chunk)
                else:
                    await body.write(chunk)
            response = Response(received.status, headers, body.result())
        except BaseException:
            received.close()
            raise
        if body.rejected or (self.body is not None and not self.body.exhausted):
            # A connection on which the body was not sent whole would take the next request for the
            # rest of it.
            received.close()
        else:
            received.release()
        return response


@functools.lru_cache(maxsize=256)
def _located(url: str) -> tuple[str, URL]:
    origin, target = locate(url)
    return origin, URL(origin + target.decode(), encoded=True)


_current: Final[ContextVar[AiohttpAttempt]] = ContextVar("_current")


class _Connector(aiohttp.TCPConnector):
    """Records when a request gets its connection, and gives out none that is dead."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType]
        self._known: WeakKeyDictionary[object, Callable[[], bool] | None] = WeakKeyDictionary()

    async def connect(self, req: Any, traces: Any, timeout: Any) -> Connection:  # noqa: ASYNC109
        attempt = _current.get()
        if attempt.connected:
            # aiohttp would send the request a second time, without reporting it.
            raise aiohttp.ClientConnectionError("Connection lost")
        while True:
            connection = await super().connect(req, traces, timeout)
            if not self._is_dead(connection):
                attempt.connected = True
                return connection
            connection.close()

    def _is_dead(self, connection: Connection) -> bool:
        protocol: Any = connection.protocol
        if protocol not in self._known:
            self._known[protocol] = None
            return False
        # The event loop may not have processed yet what the kernel knows, and unsolicited data
        # would be read as the response.
        transport = connection.transport
        return transport is None or protocol.should_close or self._is_readable(protocol, transport)

    def _is_readable(self, protocol: object, transport: asyncio.BaseTransport) -> bool:
        is_readable = self._known[protocol] or watched(transport.get_extra_info("socket"))
        self._known[protocol] = is_readable
        return is_readable()


class Backend:
    """Sends requests with a session of aiohttp.

    Args:
        slots: The slots for requests in flight.
        max_response_bytes: The longest body of a response, decompressed.
        keepalive_expiry: Seconds for which an idle connection is kept.
        tls: The user's TLS settings.
        proxies: The proxies of the environment.
    """

    def __init__(
        self,
        slots: anyio.Semaphore,
        max_response_bytes: int,
        keepalive_expiry: float,
        tls: ssl.SSLContext | None,
        proxies: Proxies,
    ) -> None:
        self.slots = slots
        self.max_response_bytes = max_response_bytes
        self.proxies = proxies
        options: dict[str, Any] = dict(_PARSER_LIMITS)
        self.session = aiohttp.ClientSession(
            connector=_Connector(limit=0, keepalive_timeout=keepalive_expiry),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_AUTOMATIC,
            timeout=_NO_TIMEOUT,
            auto_decompress=False,
            **options,
        )
        self._tls = tls

    def begin(self, request: Request) -> AiohttpAttempt:
        """Prepare an attempt."""
        return AiohttpAttempt(self, request)

    def tls(self, origin: str) -> ssl.SSLContext | bool:
        """The TLS settings for an origin."""
        return (self._tls or default_tls()) if origin.startswith("https") else True

    async def aclose(self) -> None:
        """Close the session."""
        with anyio.CancelScope(shield=True):
            await self.session.close()
