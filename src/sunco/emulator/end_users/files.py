"""Files that end users send: from the bytes in the arguments, or from a file of this machine."""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunco.emulator.errors import bad_request
from sunco.emulator.schemas.common import ANY_TEXT
from sunco.emulator.schemas.schema import Object, String, exactly_one
from sunco.emulator.services.attachments import base_name, store
from sunco.emulator.services.content import complete, media_type_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.end_users.context import Context

MAX_BYTES = 50 * 1024 * 1024
FILE = Object(
    {
        "name": String(min_length=1, max_length=255),
        "mediaType": String(min_length=1, max_length=255),
        "content": ANY_TEXT,
        "path": ANY_TEXT,
    },
    rules=(exactly_one("content", "path"),),
    additional_properties=False,
)


def embed(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments with the content of the file in place of its path, so that they can be replayed.

    Raises:
        ApiError: 400 if the file cannot be read.
    """
    file: Mapping[str, Any] = arguments.get("file", {})
    if "path" not in file:
        return arguments
    path = Path(file["path"])
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise bad_request("file.path must be a file of at most 50 MB")
        content = b64encode(path.read_bytes()).decode()
    except (OSError, ValueError):
        raise bad_request("file.path cannot be read") from None
    plain = {name: file[name] for name in file if name != "path"}
    return {**arguments, "file": {"name": path.name, **plain, "content": content}}


class SentFile:
    """The valid file in the arguments of an action.

    Raises:
        ApiError: 400 if it is empty, too large, executable or not in Base64.
    """

    def __init__(self, file: Mapping[str, Any]) -> None:
        self.name: str = base_name(file.get("name", "file"))
        self.media_type: str = file.get("mediaType") or media_type_of(self.name)
        try:
            self.content: bytes = b64decode(file["content"], validate=True)
        except ValueError:
            raise bad_request("file.content must be in Base64") from None
        if not 0 < len(self.content) <= MAX_BYTES:
            raise bad_request("file.content must have 1 byte to 50 MB")

    def store(self, context: Context) -> dict[str, Any]:
        """Store it for the conversation, and return the content of a message that shows it."""
        attachment = store(
            context.app,
            self.name,
            self.media_type,
            self.content,
            conversation_id=context.conversation.id,
            of_message=True,
        )
        kind = "image" if self.media_type.startswith("image/") else "file"
        content = complete({"type": kind, "mediaUrl": attachment.url(context.origin)})
        return {**content, "mediaType": self.media_type, "mediaSize": len(self.content)}
