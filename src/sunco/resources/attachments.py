"""Files in messages: uploading, downloading and deleting them."""

from __future__ import annotations

import os
from inspect import iscoroutinefunction
from types import NoneType
from typing import Any, Final, Literal, Protocol, overload

import anyio
import anyio.to_thread

from sunco._literals import check_value
from sunco._numbers import is_integer
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

        The credential is sent to the API's own origin only, and redirects are not followed. It is
        retried like a GET; nothing is written before the file is complete.

        Args:
            media_url: The file's URL.
            to: A path, or an object whose `write` method accepts bytes and may be async. By default
                the content is returned.
            max_bytes: The longest file that is accepted.

        Returns:
            The content; with `to`, its number of bytes.

        Raises:
            ConfigurationError: The URL, `to` or `max_bytes` is invalid.
            DecodeError: The file is longer than `max_bytes`.
            NotFoundError: The file does not exist.
            OSError: The path cannot be written.
        """
        url = checked_media_url(media_url, self._session.base_url)
        if not is_integer(max_bytes) or max_bytes < 1:
            raise ConfigurationError(f"max_bytes must be at least 1, not {max_bytes!r}.")
        if to is not None and not isinstance(to, (str, os.PathLike)) and not hasattr(to, "write"):
            raise ConfigurationError(
                f"to must be a path or have a method write, not {type(to).__name__}."
            )
        content = await self._session.download(url, max_bytes)
        if to is None:
            return content
        if isinstance(to, (str, os.PathLike)):
            await anyio.Path(to).write_bytes(content)
        elif iscoroutinefunction(to.write):
            await to.write(content)
        else:
            await anyio.to_thread.run_sync(to.write, content)
        return len(content)

    async def delete(self, media_url: str) -> None:
        """Delete a file (`DeleteAttachment`).

        Args:
            media_url: The file's URL.

        Raises:
            BadRequestError: The URL is not that of an attachment.
            NotFoundError: The file does not exist.
        """
        await self._session.call(DELETE, body=required(mediaUrl=media_url))
