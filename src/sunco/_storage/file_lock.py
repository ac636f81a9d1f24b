"""A lock on a folder, which ends with the process, however that ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["locked"]


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold a lock while the context lasts.

    Args:
        path: The file that is locked; it stays.

    Raises:
        sqlite3.Error: Another process holds it, or it cannot be made.
    """
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error:
        connection.close()
        raise
    try:
        yield
    finally:
        connection.close()
