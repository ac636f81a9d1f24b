"""One connection's way to the network, which knows whether anything went out on it."""

from __future__ import annotations

import select
import ssl
from collections.abc import Iterable
from contextlib import contextmanager, suppress
from typing import Any, Final

import anyio
import anyio.lowlevel
import httpcore
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

__all__ = ["Line", "is_readable"]

_BROKEN: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError)
_MOST_PENDING: Final = 64 * 1024


class Line(httpcore.AsyncNetworkBackend):
    """What one `httpcore.AsyncHTTPConnection` reaches the network by.

    httpcore writes a request's head and body apart and tells nobody when the first byte leaves.
    Here they leave together, and it is known whether they have.

    Attributes:
        written: Whether any byte of the request under way may have left.
        cut: Whether nothing more is to be read.
    """

    def __init__(self) -> None:
        self.written = False
        self.cut = False
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
        """Encrypt what has been connected."""
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
        """Close what has been connected, be it half-way."""
        if self.stream is not None:
            with anyio.CancelScope(shield=True):
                await self.stream.aclose()


class _Stream(httpcore.AsyncNetworkStream):
    def __init__(self, line: Line, stream: ByteStream) -> None:
        self._line = line
        self._stream = stream
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._write_timeout: float | None = None

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        self._pending.append(buffer)
        self._pending_size += len(buffer)
        self._write_timeout = timeout
        if self._pending_size >= _MOST_PENDING:
            await self._flush()

    async def _flush(self) -> None:
        data = b"".join(self._pending)
        self._pending.clear()
        self._pending_size = 0
        # Who is out of time or cancelled by now has not sent anything: from here on, who knows.
        await anyio.lowlevel.checkpoint_if_cancelled()
        self._line.written = True
        try:
            if self._write_timeout is None:
                await self._stream.send(data)
            else:
                with anyio.fail_after(self._write_timeout):
                    await self._stream.send(data)
        except TimeoutError:
            raise httpcore.WriteTimeout from None
        except _BROKEN as error:
            raise httpcore.WriteError(str(error)) from None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        if self._pending:
            # A server can refuse a request and close before it has read all of it: its answer is
            # there to be read.
            with suppress(httpcore.WriteError):
                await self._flush()
        if self._line.cut:
            raise httpcore.ReadError("The rest is not read.")
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
        await self._line.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        return await self._line.start_tls(ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        extra = self._stream.extra
        if info == "is_readable":
            return is_readable(extra(SocketAttribute.raw_socket))
        return extra(TLSAttribute.ssl_object, None) if info == "ssl_object" else None


@contextmanager
def _as_connect_error() -> Any:
    try:
        yield
    except TimeoutError:
        raise httpcore.ConnectTimeout from None
    except (OSError, UnicodeError, *_BROKEN, anyio.EndOfStream) as error:
        # ssl.SSLError is an OSError; a host's name that cannot be written is a UnicodeError.
        raise httpcore.ConnectError(str(error)) from None


def is_readable(sock: Any) -> bool:
    """Whether a socket has something to read, be it that the other side has closed it."""
    if not hasattr(select, "poll"):
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
