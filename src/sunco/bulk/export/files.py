"""Names and files of an export, safe on every file system."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from sunco.bulk.errors import ExportError

__all__ = ["create_private", "file_name", "is_there", "replace_durably"]

_PLAIN: Final = re.compile(r"[0-9a-z_-]{1,200}")
_RESERVED: Final = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")
_MAX_QUOTED: Final = 100


def file_name(identity: str) -> str:
    """A file name for an id, without a suffix: no two ids share one on any file system.

    An id of lower-case letters, digits, `_` and `-` is its own name. Every other one, also one that
    differs from another in case only or that Windows reserves, has a digest at the end.
    """
    if _PLAIN.fullmatch(identity) and not _RESERVED.fullmatch(identity):
        return identity
    encoded = identity.encode(errors="surrogatepass")
    digest = blake2b(encoded, digest_size=8).hexdigest()
    return f"{quote(encoded, safe='').lower()[:_MAX_QUOTED]}={digest}"


def is_there(path: Path) -> bool:
    """Whether a regular file has this name.

    Raises:
        ExportError: Something else has.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise ExportError(f"{path} is in the way: it is not a regular file. Move it.")
    return True


def create_private(path: Path) -> BinaryIO:
    """Create a file that only this user can read; what had the name before is removed.

    A symbolic link is removed, not followed.

    Raises:
        OSError: The file cannot be created.
    """
    path.unlink(missing_ok=True)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def replace_durably(part: Path, path: Path) -> None:
    """Give a file its name once its content is on the disk; then the name is durable, too.

    Raises:
        OSError: The disk is full, or the name is taken by a folder.
    """
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)
    # Windows cannot open folders.
    with suppress(PermissionError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
