"""Names and files of an export, safe on every file system."""

from __future__ import annotations

import os
import re
import stat
import uuid
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias
from urllib.parse import quote

import attrs

from sunco import ConfigurationError
from sunco.bulk.errors import ExportError

__all__ = [
    "Place",
    "RemotePath",
    "create_private",
    "file_name",
    "is_there",
    "is_url",
    "make_folder",
    "part_of",
    "place_at",
    "replace_durably",
]

_URL: Final = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
# Their files appear when they are complete; elsewhere they are renamed then.
_OBJECT_STORES: Final = frozenset({"abfs", "abfss", "az", "gcs", "gs", "oss", "s3", "s3a"})

_PLAIN: Final = re.compile(r"[0-9a-z_-]{1,200}")
_RESERVED: Final = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")
_MAX_QUOTED: Final = 100


@attrs.frozen
class RemotePath:
    """A file or folder of an fsspec file system.

    Attributes:
        system: The file system.
        path: The path in it.
        staging: A local folder, where files are written until they are complete.
    """

    system: Any = attrs.field(repr=False)
    path: str
    staging: Path = attrs.field(repr=False)

    def __str__(self) -> str:
        return str(self.system.unstrip_protocol(self.path))

    def __truediv__(self, name: str) -> RemotePath:
        return attrs.evolve(self, path=f"{self.path.rstrip('/')}/{name}")

    @property
    def parent(self) -> RemotePath:
        """The folder of the path."""
        return attrs.evolve(self, path=self.path.rpartition("/")[0])

    def open(self, mode: str) -> Any:
        """Open the file for reading."""
        with self._explaining():
            return self.system.open(self.path, mode)

    def make(self) -> None:
        """Create the folder, where the file system has folders."""
        with self._explaining():
            # What was listed before may have changed.
            self.system.invalidate_cache()
            self.system.makedirs(self.path, exist_ok=True)

    def is_file(self) -> bool:
        """Whether a file has this name."""
        with self._explaining():
            return bool(self.system.isfile(self.path))

    def upload(self, local: Path) -> None:
        """Write a complete file; until then, nothing or the old file has this name."""
        protocols = self.system.protocol
        names = {protocols} if isinstance(protocols, str) else set(protocols)
        with self._explaining():
            if names & _OBJECT_STORES:
                self.system.put_file(str(local), self.path)
                return
            part = f"{self.path}.{uuid.uuid4().hex}.part"
            try:
                self.system.put_file(str(local), part)
                self.system.mv(part, self.path)
            except BaseException:
                with suppress(Exception):
                    self.system.rm_file(part)
                raise

    @contextmanager
    def _explaining(self) -> Generator[None]:
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            # Each file system has errors of its own.
            raise ExportError(f"{self} cannot be used: {type(error).__name__}: {error}") from error


Place: TypeAlias = Path | RemotePath


def is_url(location: object) -> bool:
    """Whether a location is a URL, and not a path."""
    return isinstance(location, str) and _URL.match(location) is not None


def place_at(location: str | os.PathLike[str], staging: Path) -> Place:
    """The folder at a path or URL.

    Args:
        location: The path or URL.
        staging: A local folder for files that are not complete.

    Raises:
        ConfigurationError: It is a URL, and `sunco[fsspec]` or what it needs is not installed.
    """
    if not isinstance(location, str) or not is_url(location):
        return Path(location)
    try:
        fsspec = import_module("fsspec")
    except ImportError:
        raise ConfigurationError("URLs need an extra: pip install 'sunco[fsspec]'.") from None
    protocol = location.partition("://")[0]
    try:
        system, path = fsspec.core.url_to_fs(location)
    except (ImportError, ValueError) as error:
        raise ConfigurationError(f"A URL of {protocol}:// cannot be used: {error}") from None
    local = fsspec.get_filesystem_class("file")
    return Path(path) if isinstance(system, local) else RemotePath(system, path, staging)


def make_folder(folder: Place) -> None:
    """Create a folder and those above it, if they are missing.

    Raises:
        OSError: It cannot be created.
        ExportError: It cannot be created, or the file system cannot be used.
    """
    if isinstance(folder, RemotePath):
        folder.make()
    else:
        folder.mkdir(parents=True, exist_ok=True)


def part_of(path: Place, token: str) -> Path:
    """Where a file is written until it is complete.

    Args:
        path: The file.
        token: Not empty to use a name that no other process uses.
    """
    if isinstance(path, RemotePath):
        return path.staging / f"{uuid.uuid4().hex}.part"
    return path.with_name(f"{path.name}.{token}.part" if token else f"{path.name}.part")


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


def is_there(path: Place) -> bool:
    """Whether a regular file has this name.

    Raises:
        ExportError: Something else has.
    """
    if isinstance(path, RemotePath):
        return path.is_file()
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


def replace_durably(part: Path, path: Place) -> None:
    """Give a file its name once its content is on the disk; then the name is durable, too.

    Raises:
        OSError: The disk is full, or the name is taken by a folder.
        ExportError: The file cannot be uploaded.
    """
    if isinstance(path, RemotePath):
        path.upload(part)
        part.unlink()
        return
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
