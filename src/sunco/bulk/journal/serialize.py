"""How a journal stores items, results and errors."""

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

__all__ = ["describe_error", "encode_result", "fingerprint"]

_MAX_ERROR_LENGTH: Final = 500


def fingerprint(item: object) -> bytes | None:
    """An eight-byte digest of an item; None for an item that cannot be encoded."""
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


def encode_result(result: object) -> str | None:
    """Encode a result as JSON: plain values as they are, models as their ids.

    The text of a message is not stored. None for a result that cannot be encoded.
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


def describe_error(error: BaseException) -> str:
    """Describe an error in one line of at most 500 characters, all of which can be stored."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":")
    text = text.encode(errors="backslashreplace").decode().replace("\0", "\\0")
    return text if len(text) <= _MAX_ERROR_LENGTH else f"{text[: _MAX_ERROR_LENGTH - 1]}…"


_items: Final = json.JSONEncoder(default=_plain, sort_keys=True)
_results: Final = json.JSONEncoder(default=_identity)
