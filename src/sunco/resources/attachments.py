"""Files for messages: uploading and deleting them."""

from __future__ import annotations

from types import NoneType
from typing import Literal

from sunco.models.attachments import Attachment
from sunco.multipart import Source, open_multipart
from sunco.resources._resource import Resource
from sunco.wire import Operation

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


class Attachments(Resource):
    """Files that messages can show."""

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

        It is streamed, so it need not fit into memory. It is tried again only if the source can be
        read again: bytes, a path, a file that can seek, an async iterable that is no iterator.

        Args:
            source: Bytes, a path, a file open with mode `"rb"` (read from where it stands), or an
                async iterable of bytes; 50 MB at most.
            filename: The file's name; by default that of the path or file.
            content_type: Its MIME type; by default guessed from its name.
            access: `"public"` is all that the API takes today.
            used_for: `"message"` has the file deleted with its message, conversation or user.
            conversation_id: The conversation that it is for.

        Raises:
            ConfigurationError: The source cannot be uploaded, or the type is none.
            OSError: The path cannot be opened.
            PayloadTooLargeError: The file is too large.
        """
        params = {"access": access, "for": used_for, "conversationId": conversation_id}
        async with open_multipart(source, filename=filename, content_type=content_type) as body:
            return await self._session.call(UPLOAD, params=params, body=body)

    async def delete(self, media_url: str) -> None:
        """Delete a file (`DeleteAttachment`).

        Args:
            media_url: Where it is.

        Raises:
            BadRequestError: The URL is not that of an attachment.
            NotFoundError: There is no such file.
        """
        await self._session.call(DELETE, body={"mediaUrl": media_url})
