"""Files on their way up: a multipart body that is streamed, never held in memory."""

from __future__ import annotations

import io
import mimetypes
import os
import re
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import anyio
import anyio.to_thread

from sunco.errors import ConfigurationError

__all__ = ["Multipart", "Source", "open_multipart"]

Source: TypeAlias = (
    bytes | bytearray | memoryview | str | os.PathLike[str] | IO[bytes] | AsyncIterable[bytes]
)
"""What can be uploaded: bytes, a path, a file open for reading bytes, or an async iterable."""

_CHUNK: Final = 64 * 1024


class Multipart(AsyncIterable[bytes]):
    """A body of one file part. Iterating over it reads the source, from its start each time.

    Attributes:
        headers: What the request says of it.
        spent: Whether it has been read and cannot be read again.
    """

    def __init__(
        self, source: bytes | IO[bytes] | AsyncIterable[bytes], *, filename: str, content_type: str
    ) -> None:
        boundary = uuid.uuid4().hex
        self._head = (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="source"; filename="{_quoted(filename)}"\r\n'
            f"Content-Type: {content_type}\r\n\r\n"
        ).encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._source = source
        self._start = 0
        self._size = self._measure()
        self.headers: dict[str, str] = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if self._size is not None:
            length = len(self._head) + self._size + len(self._tail)
            self.headers["Content-Length"] = str(length)
        self.spent: bool = False

    def _measure(self) -> int | None:
        """The source's size, if it can be known before it is read."""
        source = self._source
        if isinstance(source, bytes):
            return len(source)
        if isinstance(source, AsyncIterable) or not source.seekable():
            return None
        self._start = source.tell()
        size = source.seek(0, os.SEEK_END) - self._start
        source.seek(self._start)
        return size

    def __aiter__(self) -> AsyncIterator[bytes]:
        source = self._source
        if isinstance(source, bytes):
            return _Parts([self._head, source, self._tail])
        if isinstance(source, AsyncIterable):
            chunks = aiter(source)
            # An iterator is its own iterator: what it has given, it will not give again.
            self.spent = chunks is source
            return _Framed(self._head, chunks, self._tail)
        self.spent = self._size is None
        return _Framed(self._head, _FileChunks(source, self._start, self._size), self._tail)


class _Parts(AsyncIterator[bytes]):
    def __init__(self, parts: list[bytes]) -> None:
        self._parts = iter(parts)

    async def __anext__(self) -> bytes:
        for part in self._parts:
            return part
        raise StopAsyncIteration


class _FileChunks(AsyncIterator[bytes]):
    """Reads a file in worker threads, to its size as it was measured: that has been promised."""

    def __init__(self, file: IO[bytes], start: int, size: int | None) -> None:
        self._file = file
        self._start = start
        self._left = size
        self._read: Callable[[int], bytes] = self._first

    async def __anext__(self) -> bytes:
        wanted = _CHUNK if self._left is None else min(_CHUNK, self._left)
        chunk = await anyio.to_thread.run_sync(self._read, wanted) if wanted else b""
        self._read = self._file.read
        if not chunk:
            raise StopAsyncIteration
        if self._left is not None:
            self._left -= len(chunk)
        return chunk

    def _first(self, size: int) -> bytes:
        if self._left is not None:
            self._file.seek(self._start)
        return self._file.read(size)


class _Framed(AsyncIterator[bytes]):
    """Chunks with something before and behind. A class, so that leaving it needs no closing."""

    def __init__(self, head: bytes, chunks: AsyncIterator[bytes], tail: bytes) -> None:
        self._before = [head]
        self._chunks = chunks
        self._behind = [tail]

    async def __anext__(self) -> bytes:
        if self._before:
            return self._before.pop()
        async for chunk in self._chunks:
            if chunk:
                return chunk
        if self._behind:
            return self._behind.pop()
        raise StopAsyncIteration


@asynccontextmanager
async def open_multipart(
    source: Source, *, filename: str | None, content_type: str | None
) -> AsyncGenerator[Multipart]:
    """Open a source for uploading; a file named by its path is closed in the end.

    Raises:
        ConfigurationError: The source is of no kind that can be uploaded, or a name or type cannot
            stand in a header.
        OSError: The path cannot be opened.
    """
    if filename is None:
        filename = _name_of(source)
    if content_type is None:
        content_type = mimetypes.guess_type(filename)[0] or "application/octet-stream"
    if not re.fullmatch(r"[\w.+-]+/[\w.+-]+(;[ \x21-\x7e]*)?", content_type, re.ASCII):
        raise ConfigurationError(f"content_type must be a MIME type, not {content_type!r}.")
    if isinstance(source, (str, os.PathLike)):
        async with await anyio.open_file(source, "rb") as file:
            yield Multipart(file.wrapped, filename=filename, content_type=content_type)
    else:
        yield Multipart(_readable(source), filename=filename, content_type=content_type)


def _name_of(source: Any) -> str:
    path = getattr(source, "name", None) if hasattr(source, "read") else source
    # A file that was opened by its descriptor has a number for its name.
    return Path(os.fspath(path)).name if isinstance(path, (str, os.PathLike)) else "file"


def _readable(
    source: bytes | bytearray | memoryview | IO[bytes] | AsyncIterable[bytes],
) -> bytes | IO[bytes] | AsyncIterable[bytes]:
    if isinstance(source, bytes):
        return source
    if isinstance(source, (bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, io.TextIOBase):
        raise ConfigurationError("The file is open for text: open it with mode 'rb'.")
    if isinstance(source, AsyncIterable) or hasattr(source, "read"):
        return source
    raise ConfigurationError(
        "source must be bytes, a path, a file open with mode 'rb', or an async iterable of bytes, "
        f"not {type(source).__name__}."
    )


def _quoted(filename: str) -> str:
    """A file name as browsers write it into a part's header."""
    return filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
