"""The files of exported messages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sunco import Sunco, SuncoError
from sunco._json import is_array, is_object
from sunco._sync import in_thread
from sunco.bulk.export.files import (
    Place,
    create_private,
    file_name,
    is_there,
    make_folder,
    part_of,
    replace_durably,
)
from sunco.bulk.export.raw import RawItem

__all__ = ["AttachmentFiles"]

_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,8}")


class AttachmentFiles:
    """Downloads attachments to `attachments/CONVERSATION/MESSAGE.png` in a folder.

    Attributes:
        downloaded: The number of files that were downloaded.
        missing: The number of files that could not be downloaded.
    """

    def __init__(self, sunco: Sunco, folder: Place, token: str = "") -> None:
        self._sunco = sunco
        self._token = token
        self._folder: Place = folder / "attachments"
        self.downloaded: int = 0
        self.missing: int = 0

    async def download(self, conversation_id: str, messages: Sequence[RawItem]) -> None:
        """Download the files of messages that are not there yet.

        Raises:
            ExportError: A name is taken by something that is not a file.
            OSError: A file cannot be written.
        """
        folder = self._folder / file_name(conversation_id)
        for message in messages:
            name = file_name(str(message.get("id")))
            for number, url in enumerate(dict.fromkeys(_media_urls(message.get("content"))), 1):
                suffix = _SUFFIX.fullmatch(Path(urlsplit(url).path).suffix)
                stem = name if number == 1 else f"{name}+{number}"
                path = folder / f"{stem}{suffix[0].lower() if suffix else ''}"
                if not await in_thread(is_there, path):
                    await self._download(url, path)

    async def _download(self, url: str, path: Place) -> None:
        try:
            content = await self._sunco.attachments.download(url)
        except SuncoError:
            self.missing += 1
            return
        await in_thread(_save, content, path, self._token)
        self.downloaded += 1


def _media_urls(value: Any) -> Iterator[str]:
    if is_object(value):
        url = value.get("mediaUrl")
        if isinstance(url, str):
            yield url
        for each in value.values():
            yield from _media_urls(each)
    elif is_array(value):
        for each in value:
            yield from _media_urls(each)


def _save(content: bytes, path: Place, token: str) -> None:
    make_folder(path.parent)
    part = part_of(path, token)
    with create_private(part) as file:
        file.write(content)
    replace_durably(part, path)
