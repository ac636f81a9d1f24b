"""Storing files that are uploaded, or that end users send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.errors import bad_request
from sunco.emulator.state.attachments import Attachment

if TYPE_CHECKING:
    from sunco.emulator.state.app import App

# Executable files.
_REJECTED = (".bat", ".cmd", ".com", ".dll", ".exe", ".msi", ".scr")


def base_name(path: str) -> str:
    """The name of a file without its folders.

    Raises:
        ApiError: 400 for executable files.
    """
    name = path.replace("\\", "/").rpartition("/")[2] or "file"
    if name.lower().endswith(_REJECTED):
        raise bad_request(f"Files of this type are not supported: {name}")
    return name


def store(
    app: App,
    name: str,
    media_type: str,
    content: bytes,
    *,
    conversation_id: str | None,
    of_message: bool,
) -> Attachment:
    """Store a file.

    Args:
        app: The app.
        name: Its name, see `base_name`.
        media_type: Its media type.
        content: Its content.
        conversation_id: The conversation that it is for.
        of_message: Whether it is deleted with its message.
    """
    identifier = app.clock.new_id()
    attachment = Attachment(
        identifier, name, media_type, content, app.id, conversation_id, of_message
    )
    app.attachments.add(attachment)
    return attachment
