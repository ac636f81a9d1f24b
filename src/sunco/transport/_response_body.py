"""The body of a response, decompressed piece by piece within its limit."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final, cast

from sunco.errors import DecodeError
from sunco.transport._headers import announced_length

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


class ResponseBody:
    """Collects the body of a response.

    Problems are raised by `result`; until then `rejected` says that reading on is useless. The body
    of an error response is for the message only: one that cannot be read is empty.

    Args:
        status: The response's status.
        headers: The response's headers.
        limit: The most bytes that the body may have, decompressed.
        setting: The name of the limit, for errors.
    """

    def __init__(
        self,
        status: int,
        headers: Mapping[str, str],
        limit: int,
        setting: str = "max_response_bytes",
    ) -> None:
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
        if self._problem is not None:
            return
        self._received += len(chunk)
        if self._received > self._max_received:
            self._reject_length()
        elif self._inflater is None:
            self._chunks.append(chunk)
        elif not self._only_padding:
            try:
                self._inflate(chunk)
            except zlib.error:
                self._problem = _BROKEN

    def _inflate(self, chunk: bytes) -> None:
        first = self._received == len(chunk)
        while chunk:
            if self._inflater.eof and not (chunk := self._next_member(chunk)):
                return
            piece = self._inflated(chunk, first=first)
            first = False
            self._size += len(piece)
            if self._size > self._limit:
                self._reject_length()
                return
            if piece:
                self._chunks.append(piece)
            chunk = self._inflater.unused_data

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

    def _inflated(self, chunk: bytes, *, first: bool) -> bytes:
        room = self._limit - self._size + 1
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
