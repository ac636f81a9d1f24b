"""What JSON's scalars become, and what becomes of a time.

Readers are tolerant: a value of another kind is converted where nothing is lost. They take a second
argument, the declared type, because that is how they are called.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn

from sunco._json import is_object
from sunco.errors import ConfigurationError

__all__ = [
    "MismatchError",
    "kind_of",
    "mismatch",
    "read_boolean",
    "read_integer",
    "read_number",
    "read_object",
    "read_text",
    "read_time",
    "write_time",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    types.NoneType: "null",
}


class MismatchError(ValueError):
    """A JSON value that cannot be read as what is declared."""


def mismatch(expected: str, value: object) -> NoReturn:
    """Raise that a value is not what is declared."""
    raise MismatchError(f"expected {expected}, got {kind_of(value)}")


def kind_of(value: object) -> str:
    """What a value is called in an error."""
    return _KINDS.get(type(value), type(value).__name__)


def read_text(value: Any, _: Any) -> str:
    """Read text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    mismatch("text", value)


def read_integer(value: Any, _: Any) -> int:
    """Read a whole number."""
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise MismatchError("expected a whole number, got other text") from None
    mismatch("a whole number", value)


def read_number(value: Any, _: Any) -> float:
    """Read a number."""
    # An integer stays one, so that it is written back as it came.
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            # Whole numbers are not always within a float's precision: ids, for one.
            return int(value)
        except ValueError:
            pass
        try:
            number = float(value)
        except ValueError:
            raise MismatchError("expected a number, got other text") from None
        if abs(number) < float("inf"):
            return number
    mismatch("a number", value)


def read_boolean(value: Any, _: Any) -> bool:
    """Read a boolean."""
    if isinstance(value, bool):
        return value
    match value:
        case 1 | "true" | "True" | "1":
            return True
        case 0 | "false" | "False" | "0":
            return False
        case _:
            mismatch("a boolean", value)


# Seconds would be beyond the year 5000 here, so a larger number must be milliseconds.
_LARGEST_SECONDS: Final = 1e11


def read_time(value: Any, _: Any) -> datetime:
    """Read a time."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) > _LARGEST_SECONDS else value
            return _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        raise MismatchError("expected a time in ISO 8601") from None
    mismatch("a time", value)


def read_object(value: Any, _: Any = None) -> dict[str, Any]:
    """Read an object as it is."""
    return value if is_object(value) else mismatch("an object", value)


def write_time(value: datetime) -> str:
    """Write a time as the API does."""
    if value.tzinfo is None:
        raise ConfigurationError(
            f"{value!r} has no time zone: use an aware datetime, as in datetime.now(UTC)."
        )
    value = value.astimezone(UTC)
    # The API has milliseconds; finer time is kept where there is any, so that nothing is lost.
    precision = "microseconds" if value.microsecond % 1000 else "milliseconds"
    return value.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
