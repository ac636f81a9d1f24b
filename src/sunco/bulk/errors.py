"""The errors of jobs, and of single items."""

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
    """A folder or file cannot be exported to."""


class RowError(SuncoError):
    """An item is rejected without a call. The job continues with the others."""


class InvalidKeyError(RowError):
    """The item has no usable key."""


class DuplicateKeyError(RowError):
    """Another item of the same run has the same key."""


class ItemChangedError(RowError):
    """The journal has the key with a different item."""


class UncertainError(RowError):
    """The item may have been done before, and `on_uncertain="skip"` forbids another call."""
