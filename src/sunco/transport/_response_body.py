"""The body of a response, decompressed piece by piece within its limit."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from sunco.errors import DecodeError
from sunco.transport._headers import announced_length
from sunco.wire import Sink

__all__ = ["ACCEPT_ENCODING", "ResponseBody"]

ACCEPT_ENCODING: Final = "gzip, deflate"
"""The encodings that can be decompressed within a limit."""

_BROKEN: Final = "its compression is broken"
_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS
_WINDOWS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}
_GZIP_MAGIC: Final = b"\x1f\x8b"
# Compressed data can be a little longer than its content, and members can be empty.
_SLACK: Final = 64 * 1024
_MAX_MEMBERS: Final = 1000
# Written to a sink at once, where it is compressed.
_PIECE: Final = 256 * 1024


class ResponseBody:
    """Collects the body of a response.

    Problems are raised by `result`; until then `rejected` says that reading on is useless. The body
    of an error response is for the message only: one that cannot be read is empty.

    Args:
        status: The response's status.
        headers: The response's headers.
        limit: The most bytes that the body may have, decompressed.
        setting: The name of the limit, for errors.
        sink: Takes the body, if the status is a 2xx.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        limit: int,
        setting: str = "max_response_bytes",
        sink: Sink | None = None,
    ) -> None:
        # The class of successes.
        self.sink = sink if 200 <= status < 300 else None  # noqa: PLR2004
        self._status = status
        self._limit = limit
        self._setting = setting
        self._chunks: list[bytes] = []
        self._size = 0
        self._received = 0
        self._problem: str | None = None
        self._inflater: Any = None
        self._members = 1
        # What follows a member: the start of another one, or padding, which is ignored.
        self._after_member: bytes | None = None
        self._only_padding = False
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding in _WINDOWS:
            self._inflater = zlib.decompressobj(_WINDOWS[encoding])
        elif encoding not in {"", "identity"}:
            self._problem = "it has an encoding that was not requested"
        self._max_received = limit if self._inflater is None else limit + _SLACK
        announced = announced_length(headers)
        if announced is not None and announced > self._max_received:
            self._reject_length()

    @property
    def rejected(self) -> bool:
        """Whether it cannot be read."""
        return self._problem is not None

    def _reject_length(self) -> None:
        self._problem = f"it is longer than {self._setting}, {self._limit}"

    def add(self, chunk: bytes) -> None:
        """Add what has been received."""
        self._chunks += self._pieces(chunk, self._limit)

    async def write(self, chunk: bytes) -> None:
        """Write what has been received to the sink."""
        for piece in self._pieces(chunk, _PIECE):
            await cast("Sink", self.sink).write(piece)

    def _pieces(self, chunk: bytes, size: int) -> Iterator[bytes]:
        """Decompress what has been received, at most a number of bytes at a time."""
        if self._problem is not None:
            return
        self._received += len(chunk)
        if self._received > self._max_received:
            self._reject_length()
        elif self._inflater is None:
            yield chunk
        elif not self._only_padding:
            try:
                yield from self._inflated(chunk, size)
            except zlib.error:
                self._problem = _BROKEN

    def _inflated(self, chunk: bytes, size: int) -> Iterator[bytes]:
        first = self._received == len(chunk)
        is_full = False
        while chunk or is_full:
            if self._inflater.eof and not (chunk := self._next_member(chunk)):
                return
            room = min(size, self._limit - self._size + 1)
            piece = self._decompressed(chunk, room, first=first)
            first = False
            self._size += len(piece)
            if self._size > self._limit:
                self._reject_length()
                return
            if piece:
                yield piece
            # More can follow, even if nothing is left of the chunk.
            is_full = len(piece) == room and not self._inflater.eof
            chunk = self._inflater.unconsumed_tail or self._inflater.unused_data

    def _next_member(self, chunk: bytes) -> bytes:
        """Start another member of a gzip; returns its data, if there is one."""
        start = (self._after_member or b"") + chunk
        if len(start) < len(_GZIP_MAGIC) and _GZIP_MAGIC.startswith(start):
            self._after_member = start
            return b""
        if not start.startswith(_GZIP_MAGIC):
            self._only_padding = True
            return b""
        self._after_member = None
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise zlib.error
        self._inflater = zlib.decompressobj(_GZIP)
        return start

    def _decompressed(self, chunk: bytes, room: int, *, first: bool) -> bytes:
        try:
            return cast("bytes", self._inflater.decompress(chunk, room))
        except zlib.error:
            # Some servers send deflate without its two bytes of header.
            if not first or chunk.startswith(_GZIP_MAGIC):
                raise
            self._inflater = zlib.decompressobj(_RAW_DEFLATE)
            return cast("bytes", self._inflater.decompress(chunk, room))

    def result(self) -> bytes:
        """The whole body.

        Raises:
            DecodeError: It is too long, or its compression is broken, and the status is a 2xx.
        """
        incomplete = self._received and self._inflater is not None and not self._inflater.eof
        problem = self._problem or (_BROKEN if incomplete else None)
        if problem is not None:
            if not 200 <= self._status < 300:  # noqa: PLR2004 - the class of successes
                return b""
            raise DecodeError(problem, status=self._status)
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
