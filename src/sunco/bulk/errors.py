"""What goes wrong with a job, or with a row of it."""

from __future__ import annotations

from sunco import SuncoError

__all__ = [
    "DuplicateKeyError",
    "ExportError",
    "InvalidKeyError",
    "ItemChangedError",
    "RowError",
    "UncertainError",
]


class ExportError(SuncoError):
    """A place that cannot be exported to."""


class RowError(SuncoError):
    """An item that is not carried out, because of what it is. The others are."""


class InvalidKeyError(RowError):
    """The item has no key."""


class DuplicateKeyError(RowError):
    """Another item of the same job has the same key."""


class ItemChangedError(RowError):
    """The journal knows the key, with another item."""


class UncertainError(RowError):
    """It may have been done before, and `uncertain="leave"` forbids to try it again."""
