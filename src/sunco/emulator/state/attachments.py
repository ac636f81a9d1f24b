"""Uploaded files and their URLs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

# The path that files are served under; the id and the name follow.
PATH = "/attachments/v2/"


@dataclass(slots=True)
class Attachment:
    """An uploaded file.

    Args:
        of_message: Whether it was uploaded for a message, and is deleted with it.
    """

    id: str
    name: str
    media_type: str
    content: bytes
    app_id: str
    conversation_id: str | None
    of_message: bool

    def url(self, origin: str) -> str:
        """Where the file is served.

        Args:
            origin: The base URL of the emulator.
        """
        return f"{origin}{PATH}{self.id}/{quote(self.name, safe='')}"


class Attachments:
    """The files of all apps."""

    def __init__(self) -> None:
        self._by_id: dict[str, Attachment] = {}

    def __iter__(self) -> Iterator[Attachment]:
        return iter(self._by_id.values())

    def add(self, attachment: Attachment) -> None:
        """Add a file."""
        self._by_id[attachment.id] = attachment

    def get(self, identifier: str) -> Attachment | None:
        """The file with this id, or None."""
        return self._by_id.get(identifier)

    def remove(self, attachment: Attachment) -> None:
        """Remove a file."""
        del self._by_id[attachment.id]

    def at(self, url: str) -> Attachment | None:
        """The file that is served at a URL, or None.

        Raises:
            ValueError: The URL is not that of a file.
        """
        _, found, rest = urlsplit(url).path.partition(PATH)
        if not found:
            raise ValueError(url)
        identifier, _, name = rest.partition("/")
        attachment = self._by_id.get(identifier)
        return attachment if attachment and attachment.name == unquote(name) else None

    def remove_app(self, app_id: str) -> None:
        """Remove the files of an app."""
        self._by_id = {name: one for name, one in self._by_id.items() if one.app_id != app_id}
