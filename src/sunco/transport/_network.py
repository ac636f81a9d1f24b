"""The network backend of one connection, which knows whether anything was sent on it."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from contextlib import contextmanager, suppress
from typing import Any, Final

import anyio
import anyio.lowlevel
import httpcore
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

from sunco.transport._common import watched

__all__ = ["TrackedBackend"]

_BROKEN: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError)
_MAX_PENDING: Final = 64 * 1024
_MAX_EARLY: Final = 64 * 1024
_STATUS_LINE: Final = len(b"HTTP/1.1 200")
# How long to wait for what a socket has: it can be TLS records without any data.
_PEEK: Final = 0.01


class TrackedBackend(httpcore.AsyncNetworkBackend):
    """The network backend of one `httpcore.AsyncHTTPConnection`.

    httpcore writes a request's head and body separately, and does not say when the first byte is
    sent. Here they are sent together, and `written` says whether they were. While a long body is
    sent, the response is watched for: a server may reject a request without reading all of it.

    Attributes:
        written: Whether any byte of the request in flight may have been sent.
        aborted: Whether nothing more is to be read.
    """

    def __init__(self) -> None:
        self.written = False
        self.aborted = False
        self.stream: ByteStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect."""
        del socket_options  # the pool sets none
        with _as_connect_error(), anyio.fail_after(timeout):
            self.stream = await anyio.connect_tcp(host, port, local_host=local_address)
        return _Stream(self, self.stream)

    async def start_tls(
        self,
        context: ssl.SSLContext,
        host: str | None,
        timeout: float | None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        """Start TLS on the connection."""
        assert self.stream is not None  # noqa: S101 - httpcore connects first
        with _as_connect_error(), anyio.fail_after(timeout):
            self.stream = await TLSStream.wrap(
                self.stream,
                ssl_context=context,
                hostname=host,
                standard_compatible=False,
                server_side=False,
            )
        return _Stream(self, self.stream)

    async def aclose(self) -> None:
        """Close the connection, also during the handshake."""
        if self.stream is not None:
            with anyio.CancelScope(shield=True):
                await self.stream.aclose()


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, backend: TrackedBackend, stream: ByteStream) -> None:
        self._backend = backend
        self._stream = stream
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._write_timeout: float | None = None
        self._early = b""
        self._is_rejected = False
        self._is_readable: Callable[[], bool] | None = None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._pending.append(buffer)
        self._pending_size += len(buffer)
        self._write_timeout = timeout
        if self._pending_size >= _MAX_PENDING:
            await self._flush(self._send_and_watch)

    async def _flush(self, send: Any) -> None:
        data = b"".join(self._pending)
        self._pending.clear()
        self._pending_size = 0
        # Until here nothing was sent, if the time is up or the task cancelled.
        await anyio.lowlevel.checkpoint_if_cancelled()
        self._backend.written = True
        try:
            if self._write_timeout is None:
                await send(data)
            else:
                with anyio.fail_after(self._write_timeout):
                    await send(data)
        except TimeoutError:
            raise httpcore.WriteTimeout from None
        except _BROKEN as error:
            raise httpcore.WriteError(str(error)) from None

    async def _send_and_watch(self, data: bytes) -> None:
        """Send a part of a body, unless there is an error response already or meanwhile."""
        if len(self._early) >= _STATUS_LINE and not self._is_rejected:
            return await self._stream.send(data)
        if not self._is_rejected and self.get_extra_info("is_readable"):
            with anyio.move_on_after(_PEEK):
                await self._watch()
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:

            async def watch() -> None:
                await self._watch()
                if self._is_rejected:
                    tasks.cancel_scope.cancel()

            if not self._is_rejected:
                tasks.start_soon(watch)
                try:
                    await self._stream.send(data)
                except _BROKEN as error:
                    failure = error
                tasks.cancel_scope.cancel()
        if self._is_rejected:
            raise httpcore.WriteError("The server responded before it had read the request.")
        if failure is not None:
            raise failure
        return None

    async def _watch(self) -> None:
        with suppress(anyio.EndOfStream, *_BROKEN):
            while len(self._early) < _STATUS_LINE:
                data = await self._stream.receive(_MAX_EARLY)
                self._early += data
            self._is_rejected = self._early[9:10] not in {b"1", b"2"}

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._pending:
            # A server can reject a request and close before it has read all of it: its response is
            # there to be read.
            with suppress(httpcore.WriteError):
                await self._flush(self._stream.send)
        if self._backend.aborted:
            raise httpcore.ReadError("The rest is not read.")
        if self._early:
            early, self._early = self._early[:max_bytes], self._early[max_bytes:]
            return early
        try:
            if timeout is None:
                return await self._stream.receive(max_bytes)
            with anyio.fail_after(timeout):
                return await self._stream.receive(max_bytes)
        except anyio.EndOfStream:
            return b""
        except TimeoutError:
            raise httpcore.ReadTimeout from None
        except _BROKEN as error:
            raise httpcore.ReadError(str(error)) from None

    async def aclose(self) -> None:
        await self._backend.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return await self._backend.start_tls(ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        extra = self._stream.extra
        if info == "is_readable":
            if self._is_readable is None:
                self._is_readable = watched(extra(SocketAttribute.raw_socket))
            return self._is_readable()
        return extra(TLSAttribute.ssl_object, None) if info == "ssl_object" else None


@contextmanager
def _as_connect_error() -> Any:
    try:
        yield
    except TimeoutError:
        raise httpcore.ConnectTimeout from None
    except (OSError, UnicodeError, *_BROKEN, anyio.EndOfStream) as error:
        # ssl.SSLError is an OSError; a host name that cannot be encoded is a UnicodeError.
        raise httpcore.ConnectError(str(error)) from None
