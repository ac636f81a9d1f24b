"""Uploads: a multipart body that is streamed and never held in memory."""

from __future__ import annotations

import io
import os
import re
import threading
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from inspect import iscoroutinefunction
from pathlib import Path
from typing import IO, Any, Final, Protocol, TypeAlias, cast
from urllib.parse import unquote, urlsplit

import anyio
import attrs

from sunco._content_types import content_type_of
from sunco._sync import in_thread
from sunco.errors import ConfigurationError

__all__ = ["AsyncReader", "Multipart", "Source", "Upload", "open_multipart"]


class AsyncReader(Protocol):
    """An async file or stream, such as those of anyio, aiofiles, asyncio and aiohttp."""

    def read(self, size: int, /) -> Awaitable[bytes]:
        """Read at most a number of bytes; none at the end."""
        ...


class Upload(Protocol):
    """A file that a web framework has received, such as Starlette's `UploadFile`."""

    filename: str | None
    file: Any
    """The file that holds the content, open for reading bytes."""


class StreamedResponse(Protocol):
    """A response of httpx that was requested with `stream`, or that was read."""

    def aiter_bytes(self) -> AsyncIterator[bytes]:
        """Iterate over the decoded content."""
        ...


Source: TypeAlias = (
    bytes
    | bytearray
    | memoryview
    | str
    | os.PathLike[str]
    | IO[bytes]
    | AsyncIterable[bytes]
    | AsyncReader
    | Upload
    | StreamedResponse
)
"""What can be uploaded: bytes, a path, a file that is open for reading bytes, an async file or
stream, an `UploadFile`, an `httpx.Response`, or an async iterable of bytes."""

_CHUNK: Final = 64 * 1024
_Content: TypeAlias = bytes | IO[bytes] | AsyncIterable[bytes]


class Multipart(AsyncIterable[bytes]):
    """A body with one file. Each iteration reads the source from its start, if it can.

    Attributes:
        headers: The request's headers for this body.
    """

    def __init__(self, source: _Content, *, filename: str, content_type: str) -> None:
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
        self._consumed = False
        self._reading = _Reading()
        self.headers: dict[str, str] = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        if self._size is not None:
            length = len(self._head) + self._size + len(self._tail)
            self.headers["Content-Length"] = str(length)

    @property
    def spent(self) -> bool:
        """Whether it cannot be read again."""
        return self._consumed

    def _measure(self) -> int | None:
        """The source's size, if it can be known before it is read."""
        source = self._source
        if isinstance(source, bytes):
            return len(source)
        if isinstance(source, AsyncIterable) or not _can_seek(source):
            return None
        try:
            self._start = source.tell()
            size = source.seek(0, os.SEEK_END) - self._start
            source.seek(self._start)
        except ValueError:
            raise ConfigurationError("The file is closed: open it again to upload it.") from None
        # A file can be positioned behind its end.
        return max(0, size)

    def __aiter__(self) -> AsyncIterator[bytes]:
        source = self._source
        if isinstance(source, bytes):
            return _Parts([self._head, source, self._tail])
        if isinstance(source, AsyncIterable):
            chunks = aiter(source)
            # An iterator is its own iterator, and cannot be read twice.
            self._consumed = chunks is source
        else:
            self._consumed = self._size is None
            chunks = _FileChunks(source, self._start, self._size, self._reading)
        return _Framed(self._head, chunks, self._tail)


def _can_seek(source: Any) -> bool:
    seekable = getattr(source, "seekable", None)
    try:
        return callable(seekable) and bool(seekable())
    except ValueError:
        raise ConfigurationError("The file is closed: open it again to upload it.") from None


@attrs.define
class _Reading:
    """Which attempt reads a file. A worker thread continues after its task was cancelled."""

    lock: threading.Lock = attrs.field(factory=threading.Lock)
    chunks: _FileChunks | None = None


class _Parts(AsyncIterator[bytes]):
    def __init__(self, parts: list[bytes]) -> None:
        self._parts = iter(parts)

    async def __anext__(self) -> bytes:
        for part in self._parts:
            return part
        raise StopAsyncIteration


class _FileChunks(AsyncIterator[bytes]):
    """Reads a file in worker threads, up to the size that was announced."""

    def __init__(self, file: IO[bytes], start: int, size: int | None, reading: _Reading) -> None:
        self._file = file
        self._start = start
        self._left = size
        self._reading = reading
        self._read: Callable[[int], bytes] = self._read_first
        reading.chunks = self

    async def __anext__(self) -> bytes:
        wanted = _CHUNK if self._left is None else min(_CHUNK, self._left)
        chunk = await in_thread(self._in_thread, wanted) if wanted else b""
        if not chunk:
            raise StopAsyncIteration
        if self._left is not None:
            self._left -= len(chunk)
        return chunk

    def _in_thread(self, size: int) -> bytes:
        with self._reading.lock:
            if self._reading.chunks is not self:
                # A later attempt reads the file from its start.
                return b""
            chunk = self._read(size)
            self._read = self._file.read
            return chunk

    def _read_first(self, size: int) -> bytes:
        if self._left is not None:
            self._file.seek(self._start)
        return self._file.read(size)


class _ReaderChunks(AsyncIterator[bytes]):
    """Reads an async file or stream."""

    def __init__(self, read: Callable[[int], Awaitable[bytes]]) -> None:
        self._read = read

    async def __anext__(self) -> bytes:
        chunk = await self._read(_CHUNK)
        if not chunk:
            raise StopAsyncIteration
        return chunk


class _Framed(AsyncIterator[bytes]):
    """The parts of a body in order. A class, because a generator would have to be closed."""

    def __init__(self, head: bytes, chunks: AsyncIterator[bytes], tail: bytes) -> None:
        self._head = [head]
        self._chunks = chunks
        self._tail = [tail]

    async def __anext__(self) -> bytes:
        if self._head:
            return self._head.pop()
        async for chunk in self._chunks:
            if chunk:
                return _checked_chunk(chunk)
        if self._tail:
            return self._tail.pop()
        raise StopAsyncIteration


def _checked_chunk(chunk: object) -> bytes:
    if isinstance(chunk, bytes):
        return chunk
    if isinstance(chunk, (bytearray, memoryview)):
        return bytes(cast("bytearray", chunk))
    raise ConfigurationError(f"source must give bytes, not {type(chunk).__name__}.")


@asynccontextmanager
async def open_multipart(
    source: Source, *, filename: str | None, content_type: str | None
) -> AsyncGenerator[Multipart]:
    """Open a source for an upload. A file that is opened by its path is closed at the end.

    Raises:
        ConfigurationError: The source is of an unknown kind, or the name or type cannot be sent.
        OSError: The path cannot be opened.
    """
    name, kind = _described(source)
    name = _checked_name(name if filename is None else filename)
    if content_type is None:
        content_type = kind or content_type_of(name)
    content_type = _checked_type(content_type)
    if isinstance(source, (str, os.PathLike)):
        async with anyio.wrap_file(await in_thread(_opened, source)) as file:
            yield Multipart(file.wrapped, filename=name, content_type=content_type)
    else:
        yield Multipart(_readable(source), filename=name, content_type=content_type)


def _opened(path: str | os.PathLike[str]) -> IO[bytes]:
    try:
        return open(path, "rb")  # noqa: PTH123 - a path as it is, closed by the caller
    except (ValueError, TypeError):
        # A null character, half of a surrogate pair, or a path of bytes.
        raise ConfigurationError("source is not the path of a file.") from None


_MIME_TYPE: Final = re.compile(r"[\w.+-]+/[\w.+-]+(;[ \x21-\x7e]*)?", re.ASCII)


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise ConfigurationError(f"filename must be a str, not {type(name).__name__}.")
    if "\0" in name or any("\ud800" <= character <= "\udfff" for character in name):
        raise ConfigurationError("filename has a null character or half of a surrogate pair.")
    return name


def _checked_type(content_type: object) -> str:
    if not isinstance(content_type, str) or not _MIME_TYPE.fullmatch(content_type):
        raise ConfigurationError(f"content_type must be a MIME type, not {content_type!r}.")
    return content_type


def _described(source: Any) -> tuple[str, str | None]:
    """The name of a source, and its content type if it has one of its own."""
    if _is_upload(source):
        return source.filename or "file", getattr(source, "content_type", None)
    if callable(getattr(source, "aiter_bytes", None)):
        return _name_of_response(source), source.headers.get("content-type")
    path = getattr(source, "name", None) if hasattr(source, "read") else source
    # A file that was opened by its descriptor has a number for its name.
    return _name_of_path(path), None


def _name_of_path(path: object) -> str:
    return Path(cast("str", path)).name if isinstance(path, (str, os.PathLike)) else "file"


def _is_upload(source: object) -> bool:
    return hasattr(source, "file") and hasattr(source, "filename")


def _name_of_response(response: Any) -> str:
    path = urlsplit(str(getattr(response, "url", ""))).path
    return unquote(path.rpartition("/")[2], errors="replace").replace("\0", "") or "file"


def _readable(source: Any) -> _Content:
    """Convert a source to bytes, a file, or an async iterable of bytes."""
    if _is_upload(source):
        source = source.file
    if isinstance(source, anyio.AsyncFile):
        source = cast("Any", source).wrapped
    content: Any = None
    if isinstance(source, (bytes, bytearray, memoryview)):
        content = bytes(cast("bytearray", source))
    elif isinstance(source, io.TextIOBase):
        raise ConfigurationError("The file is open for text: open it with mode 'rb'.")
    elif callable(getattr(source, "aiter_bytes", None)):
        content = source.aiter_bytes()
    elif iscoroutinefunction(getattr(source, "read", None)):
        content = _ReaderChunks(source.read)
    elif isinstance(source, AsyncIterable) or callable(getattr(source, "read", None)):
        content = cast("Any", source)
    else:
        raise ConfigurationError(
            "source must be bytes, a path, a file open with mode 'rb', an async file or stream, or "
            f"an async iterable of bytes, not {type(source).__name__}."
        )
    readable: _Content = content
    return readable


def _quoted(filename: str) -> str:
    """A file name in the form in which browsers write it into the header of a part."""
    return filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
