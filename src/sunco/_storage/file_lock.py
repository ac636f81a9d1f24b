"""Private files, and a lock between processes that ends with the process that holds it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sunco.errors import StorageError

__all__ = ["FileLock", "create_private"]

_creating: Final = threading.Lock()


@contextmanager
def create_private(path: Path) -> Generator[None]:
    """Create a file with mode 0600 if it is missing; open it with SQLite inside the context.

    A file that exists is not opened here: closing any descriptor of a file drops all locks that
    this process has on it, those of SQLite included. The context keeps other threads from opening
    the new file with SQLite before its descriptor is closed.

    Args:
        path: The file.

    Raises:
        OSError: It cannot be created.
    """
    with _creating:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield


class FileLock:
    """A lock on a file. The operating system ends it with the process, however that ends.

    Args:
        path: The file that is locked. It is created if it is missing, and stays.
        name: What the lock protects, as error messages call it.
    """

    def __init__(self, path: str | os.PathLike[str], *, name: str) -> None:
        self._path = Path(path)
        self._name = name
        self._connection: sqlite3.Connection | None = None

    def acquire(self) -> None:
        """Acquire the lock, without waiting.

        Raises:
            StorageError: It is held, by this or another process, or the file cannot be used.
        """
        connection: sqlite3.Connection | None = None
        try:
            # SQLite knows how to lock a file on every platform, and its locks of one process
            # exclude each other, too.
            with create_private(self._path):
                connection = sqlite3.connect(
                    self._path, timeout=0, isolation_level=None, check_same_thread=False
                )
            connection.execute("BEGIN EXCLUSIVE")
        except (OSError, ValueError, sqlite3.Error) as error:
            if connection is not None:
                connection.close()
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise StorageError(f"{self._name} is in use by another process.") from error
            raise StorageError(
                f"{self._name} cannot be locked: {error}. Make {self._path} writable for this user."
            ) from error
        self._connection = connection

    def release(self) -> None:
        """Release the lock. Releasing twice has no effect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
