"""Files in messages: uploading, downloading and deleting them."""

from __future__ import annotations

import os
import uuid
from inspect import iscoroutinefunction
from pathlib import Path
from types import NoneType, TracebackType
from typing import Any, BinaryIO, Final, Literal, Protocol, overload

import anyio

from sunco._literals import check_value
from sunco._numbers import is_integer
from sunco._sync import in_thread
from sunco.errors import ConfigurationError
from sunco.models.attachments import Attachment
from sunco.multipart import Source, open_multipart
from sunco.resources._resource import Resource, given, required
from sunco.wire import Operation, checked_media_url

__all__ = ["Attachments"]

_ALL = "/v2/apps/{app_id}/attachments"

UPLOAD = Operation("UploadAttachment", "POST", _ALL, Attachment, "attachment")
DELETE = Operation(
    "DeleteAttachment",
    "POST",
    f"{_ALL}/remove",
    NoneType,
    repeatable=True,
    not_found_is_success=True,
)


MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_NAME: Final = 60


class Writer(Protocol):
    """A file or stream to which bytes are written."""

    def write(self, data: bytes, /) -> Any:
        """Write bytes; may be async."""
        ...


class Attachments(Resource):
    """Files in messages."""

    async def upload(
        self,
        source: Source,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        access: Literal["public"] | str = "public",
        used_for: Literal["message"] | str | None = None,
        conversation_id: str | None = None,
    ) -> Attachment:
        """Upload a file (`UploadAttachment`).

        It is streamed, so it need not fit into memory. It is retried only if the source can be read
        again: bytes, a path, a file that can seek, or an async iterable that is not an iterator.
        A file must not change while it is uploaded.

        Args:
            source: Bytes, a path, a file open with mode `"rb"` (read from its position), an async
                file or stream, an `UploadFile`, an `httpx.Response`, or an async iterable of bytes;
                50 MB at most.
            filename: The file's name; by default that of the source.
            content_type: Its MIME type; by default that of the source, or by its name.
            access: The API accepts `"public"` only.
            used_for: With `"message"`, the file is deleted with its message, conversation or user.
            conversation_id: The conversation of the file.

        Raises:
            ConfigurationError: The source cannot be uploaded, has other than the announced number
                of bytes, the name or type is invalid, or `access` or `used_for` is misspelt.
            OSError: The path cannot be opened.
            PayloadTooLargeError: The file is too large.
        """
        params = required(access=access)
        params |= given(**{"for": used_for}, conversationId=conversation_id)
        check_value("access", access, ("public",))
        if used_for is not None:
            check_value("used_for", used_for, ("message",))
        async with open_multipart(source, filename=filename, content_type=content_type) as body:
            return await self._session.call(UPLOAD, params=params, body=body)

    @overload
    async def download(self, media_url: str, to: None = None, *, max_bytes: int = ...) -> bytes: ...

    @overload
    async def download(
        self, media_url: str, to: str | os.PathLike[str] | Writer, *, max_bytes: int = ...
    ) -> int: ...

    async def download(
        self,
        media_url: str,
        to: str | os.PathLike[str] | Writer | None = None,
        *,
        max_bytes: int = MAX_BYTES,
    ) -> bytes | int:
        """Download a file.

        With `to` it is streamed, so it need not fit into memory:

        ```python
        attachment = await sunco.attachments.upload(b"Hello!", filename="hello.txt")
        await sunco.attachments.download(attachment.media_url, "hello.txt")
        ```

        The credential is sent to the API's own origin only, and redirects are not followed. It is
        retried like a GET. A path is replaced when the file is complete. What has been written to
        an object cannot be taken back, so nothing is retried after its first byte.

        Args:
            media_url: The file's URL.
            to: A path, or an object whose `write` method accepts bytes and may be async. By default
                the content is returned.
            max_bytes: The longest file that is accepted. The client's `timeout` is for the whole
                file: for a long one, use `with_options(timeout=...)`.

        Returns:
            The content; with `to`, its number of bytes.

        Raises:
            ConfigurationError: The URL, `to` or `max_bytes` is invalid.
            DecodeError: The file is longer than `max_bytes`.
            NotFoundError: The file does not exist.
            OSError: The path cannot be written. What `write` raises is raised as it is.
        """
        url = checked_media_url(media_url, self._session.base_url)
        if not is_integer(max_bytes) or max_bytes < 1:
            raise ConfigurationError(f"max_bytes must be at least 1, not {max_bytes!r}.")
        if to is None:
            return await self._session.download(url, max_bytes)
        if isinstance(to, (str, os.PathLike)):
            return await self._download_to_path(url, _checked_path(to), max_bytes)
        if not callable(getattr(to, "write", None)):
            raise ConfigurationError(
                f"to must be a path or have a method write, not {type(to).__name__}."
            )
        return await self._download_to(url, _Sink(to), max_bytes)

    async def _download_to_path(self, url: str, path: str, max_bytes: int) -> int:
        target = await in_thread(_Target, path)
        try:
            sink = _Sink(target.file, part=target.part is not None)
            size = await self._download_to(url, sink, max_bytes)
            await in_thread(target.complete)
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(target.close)
        return size

    async def _download_to(self, url: str, sink: _Sink, max_bytes: int) -> int:
        try:
            await self._session.download(url, max_bytes, sink)
        except _WriteError:
            failure = sink.failure
        else:
            return sink.size
        assert failure is not None  # noqa: S101 - that is what the error says
        raise failure.with_traceback(sink.traceback)

    async def delete(self, media_url: str) -> None:
        """Delete a file (`DeleteAttachment`).

        Args:
            media_url: The file's URL.

        Raises:
            BadRequestError: The URL is not that of an attachment.
            NotFoundError: The file does not exist.
        """
        await self._session.call(DELETE, body=required(mediaUrl=media_url))


class _Target:
    """A path while it is written. What it names is replaced when all of it was written.

    Attributes:
        file: The open file.
        part: Its name until then; None for a device or a pipe, which cannot be replaced.
    """

    def __init__(self, path: str) -> None:
        # A link stays one.
        self._path = Path(path).resolve()
        replaceable = self._path.is_file() or not self._path.exists()
        name = f"{self._path.name[:_MAX_NAME]}.{uuid.uuid4().hex[:8]}.part"
        self.part: Path | None = self._path.with_name(name) if replaceable else None
        self.file: BinaryIO = self._path.open("wb") if self.part is None else self.part.open("xb")

    def complete(self) -> None:
        """Replace the path."""
        self.file.close()
        if self.part is not None:
            self.part.replace(self._path)
            self.part = None

    def close(self) -> None:
        """Close the file, and remove it if it is not complete."""
        try:
            self.file.close()
        finally:
            if self.part is not None:
                self.part.unlink()


class _WriteError(Exception):
    """The sink could not write. The transport must not take that for an error of its own."""


class _Sink:
    """Writes a download to a file or stream.

    Args:
        writer: The file or stream.
        part: Whether it is a file of its own, which a later attempt can write again.

    Attributes:
        size: The number of bytes written.
        failure: What the writer raised.
        traceback: Where it raised that.
    """

    def __init__(self, writer: Any, *, part: bool = False) -> None:
        self._writer = writer
        self._part = part
        self.size: int = 0
        self.failure: Exception | None = None
        self.traceback: TracebackType | None = None

    @property
    def spent(self) -> bool:
        return self.size > 0 and not self._part

    async def restart(self) -> None:
        if self.size:
            self.size = 0
            await in_thread(self._empty)

    def _empty(self) -> None:
        self._writer.seek(0)
        self._writer.truncate()

    async def write(self, piece: bytes) -> None:
        try:
            await self._write(piece)
        except Exception as error:  # noqa: BLE001 - raised by download
            self.failure, self.traceback = error, error.__traceback__
        if self.failure is not None:
            raise _WriteError
        self.size += len(piece)

    async def _write(self, piece: bytes) -> None:
        left = memoryview(piece)
        while True:
            data = bytes(left)
            if iscoroutinefunction(self._writer.write):
                written: object = await self._writer.write(data)
            else:
                written = await in_thread(self._writer.write, data)
            # A file without a buffer can take less than it is given.
            if not is_integer(written) or written >= len(left):
                return
            if written < 1:
                raise OSError("write took nothing of what is left.")
            left = left[written:]


def _checked_path(path: str | os.PathLike[str]) -> str:
    text: Any = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        raise ConfigurationError(f"to must be the path of a file, not {text!r}.")
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        raise ConfigurationError("to has characters that no path can have.") from None
    return text
