"""The body of a request while it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from types import TracebackType
from typing import cast

import anyio

from sunco.errors import ConfigurationError

__all__ = ["RequestBody"]


class RequestBody(AsyncIterator[bytes]):
    """Iterates over a body, counts its bytes, and can be stopped from another task.

    Args:
        content: The body: bytes, or an async iterable of bytes.
        length: The number of bytes that `Content-Length` announces, if it does.

    Attributes:
        failure: What the content raised, or why it cannot be sent.
        traceback: Where that was raised.
        exhausted: Whether all of it was read.
    """

    __slots__ = (
        "_idle",
        "_left",
        "_pieces",
        "_scope",
        "_stopped",
        "_whole",
        "exhausted",
        "failure",
        "traceback",
    )

    def __init__(self, content: bytes | AsyncIterable[bytes], length: int | None = None) -> None:
        self.failure: BaseException | None = None
        self.traceback: TracebackType | None = None
        self.exhausted = False
        self._left = length
        self._stopped = False
        self._whole = b""
        self._pieces: AsyncIterator[bytes] | None = None
        self._scope: anyio.CancelScope | None = None
        self._idle: anyio.Event | None = None
        if isinstance(content, bytes):
            self._whole = content
        else:
            self._pieces = aiter(content)

    async def __anext__(self) -> bytes:
        if self._pieces is None:
            whole, self._whole = self._whole, b""
            if whole:
                return whole
            self.exhausted = True
            raise StopAsyncIteration
        try:
            return await self._next_piece(self._pieces)
        except StopAsyncIteration:
            raise
        except Exception as error:
            self.failure, self.traceback = error, error.__traceback__
            raise

    async def _next_piece(self, pieces: AsyncIterator[bytes]) -> bytes:
        if self._stopped:
            # The task that sends the body can start after the attempt has ended.
            raise anyio.ClosedResourceError
        self._idle = anyio.Event()
        try:
            with anyio.CancelScope() as self._scope:
                return self._counted(await anext(pieces))
        except StopAsyncIteration:
            if self._left:
                raise ConfigurationError(
                    f"The body ended {self._left} bytes before the length that was announced: it "
                    "must not change while it is sent."
                ) from None
            self.exhausted = True
            raise
        finally:
            self._idle.set()
        raise anyio.ClosedResourceError

    def _counted(self, piece: object) -> bytes:
        if not isinstance(piece, (bytes, bytearray, memoryview)):
            raise ConfigurationError(f"A body must consist of bytes, not {type(piece).__name__}.")
        data = piece if isinstance(piece, bytes) else bytes(cast("bytearray", piece))
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                raise ConfigurationError(
                    f"The body has {-self._left} bytes more than was announced: it must not "
                    "change while it is sent."
                )
        return data

    async def aclose(self) -> None:
        """Stop reading, wait until a read in flight has ended, and close the content."""
        self._stopped = True
        if self._idle is not None and not self._idle.is_set():
            cast("anyio.CancelScope", self._scope).cancel()
            await self._idle.wait()
        close = getattr(self._pieces, "aclose", None)
        if close is not None:
            await close()
