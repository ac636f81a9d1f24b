"""Durable storage: databases in SQLite files and in PostgreSQL, and a lock between processes."""

from __future__ import annotations

from sunco.errors import StorageError

__all__ = ["UnavailableError"]


class UnavailableError(StorageError):
    """The database cannot be used at the moment; the same call can succeed later."""

    transient = True
