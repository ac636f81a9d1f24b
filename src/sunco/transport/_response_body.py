"""An answer's body, decompressed piece by piece and never beyond its limit."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final, cast

from sunco.errors import DecodeError

__all__ = ["ACCEPT_ENCODING", "Body"]

ACCEPT_ENCODING: Final = "gzip, deflate"
"""What can be decompressed without holding more than was asked for."""

_BROKEN: Final = "its compression is broken"
_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW_DEFLATE: Final = -zlib.MAX_WBITS
_WINDOWS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}
_GZIP_MAGIC: Final = b"\x1f\x8b"
# What is compressed can be a little longer than what it says, and members can say nothing at all.
_SLACK: Final = 64 * 1024


class Body:
    """Gathers a body as it comes in.

    What is wrong with it is raised once it has been asked for; until then `refused` tells that
    reading on is of no use.

    Args:
        status: The answer's status, for errors.
        headers: The answer's headers.
        limit: How many bytes the body may have, decompressed.
    """

    def __init__(self, status: int, headers: Mapping[str, str], limit: int) -> None:
        self._status = status
        self._limit = limit
        self._chunks: list[bytes] = []
        self._size = 0
        self._received = 0
        self._problem: str | None = None
        self._inflater: Any = None
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding in _WINDOWS:
            self._inflater = zlib.decompressobj(_WINDOWS[encoding])
        elif encoding not in {"", "identity"}:
            self._problem = "it is compressed in a way that was not asked for"
        self._most_received = limit if self._inflater is None else limit + _SLACK
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._most_received:
            self._refuse_length()

    @property
    def refused(self) -> bool:
        """Whether it cannot be read."""
        return self._problem is not None

    def _refuse_length(self) -> None:
        self._problem = f"it is longer than max_response_bytes, {self._limit}"

    def add(self, chunk: bytes) -> None:
        """Take in what has arrived."""
        if self._problem is not None:
            return
        self._received += len(chunk)
        if self._received > self._most_received:
            self._refuse_length()
        elif self._inflater is None:
            self._chunks.append(chunk)
        else:
            try:
                self._inflate(chunk)
            except zlib.error:
                self._problem = _BROKEN

    def _inflate(self, chunk: bytes) -> None:
        first = self._received == len(chunk)
        while chunk:
            piece = self._inflated(chunk, first=first)
            first = False
            self._size += len(piece)
            if self._size > self._limit:
                self._refuse_length()
                return
            self._chunks.append(piece)
            # A gzip may have several members; what follows and is none is padding.
            chunk = self._inflater.unused_data
            if not chunk.startswith(_GZIP_MAGIC):
                return
            self._inflater = zlib.decompressobj(_GZIP)

    def _inflated(self, chunk: bytes, *, first: bool) -> bytes:
        room = self._limit - self._size + 1
        try:
            return cast("bytes", self._inflater.decompress(chunk, room))
        except zlib.error:
            # Some servers say deflate and leave out the two bytes that it begins with.
            if not first or chunk.startswith(_GZIP_MAGIC):
                raise
            self._inflater = zlib.decompressobj(_RAW_DEFLATE)
            return cast("bytes", self._inflater.decompress(chunk, room))

    def whole(self) -> bytes:
        """All of it.

        Raises:
            DecodeError: It is too long, or not what its compression promises.
        """
        cut_short = self._received and self._inflater is not None and not self._inflater.eof
        problem = self._problem or (_BROKEN if cut_short else None)
        if problem is not None:
            raise DecodeError(problem, status=self._status)
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
