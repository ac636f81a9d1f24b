"""What of an item, a result and an error is worth keeping in a journal."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

__all__ = ["described", "fingerprint", "remembered"]

_LONGEST: Final = 500


def fingerprint(item: object) -> bytes | None:
    """Eight bytes that tell items apart; None for items that have no form to take them of."""
    try:
        text = _items.encode(item)
    except (TypeError, ValueError, RecursionError):
        return None
    return blake2b(text.encode(), digest_size=8).digest()


def _plain(value: Any) -> Any:
    if names := getattr(value, "__attrs_attrs__", ()):
        return {field.name: getattr(value, field.name) for field in names}
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, datetime, Decimal, PurePath, UUID)):
        return str(value)
    return dict(value)


def remembered(result: object) -> str | None:
    """A result as JSON: plain values as they are, and of models their ids alone.

    What a message says is nothing that a journal needs to know. None for what has no form in JSON.
    """
    try:
        return _results.encode(result)
    except (TypeError, ValueError, RecursionError):
        return None


def _identity(value: Any) -> str:
    identity = getattr(value, "id", None)
    if isinstance(identity, str):
        return identity
    raise TypeError


def described(error: BaseException) -> str:
    """An error in one line."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
    text = text.encode(errors="backslashreplace").decode().replace("\0", "\\0")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


_items: Final = json.JSONEncoder(default=_plain, sort_keys=True)
_results: Final = json.JSONEncoder(default=_identity)
