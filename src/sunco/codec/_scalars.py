"""Readers of JSON scalars, objects and lists, and the writer of times.

Readers are tolerant: a value of another type is converted where nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sunco.codec._explain import ReadError, mismatch
from sunco.errors import ConfigurationError

__all__ = [
    "read_boolean",
    "read_integer",
    "read_list",
    "read_number",
    "read_object",
    "read_text",
    "read_time",
    "write_time",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_text(value: Any) -> str:
    """Read text; numbers and booleans are converted."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise mismatch("text", value)


def read_integer(value: Any) -> int:
    """Read a whole number, also from text."""
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise ReadError("expected a whole number, got other text") from None
    raise mismatch("a whole number", value)


def read_number(value: Any) -> float:
    """Read a number, also from text."""
    # An integer stays one, so that it is written back unchanged.
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            # Integers, such as ids, can exceed the precision of a float.
            return int(value)
        except ValueError:
            pass
        try:
            number = float(value)
        except ValueError:
            raise ReadError("expected a number, got other text") from None
        if abs(number) < float("inf"):
            return number
    raise mismatch("a number", value)


def read_boolean(value: Any) -> bool:
    """Read a boolean, also from 0, 1 and text."""
    if isinstance(value, bool):
        return value
    match value:
        case 1 | "true" | "True" | "1":
            return True
        case 0 | "false" | "False" | "0":
            return False
        case _:
            raise mismatch("a boolean", value)


# As seconds this is beyond the year 5000, so a larger number is in milliseconds.
_MAX_SECONDS: Final = 1e11


def read_time(value: Any) -> datetime:
    """Read a time in ISO 8601, or in seconds or milliseconds since 1970, as UTC."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) > _MAX_SECONDS else value
            return _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        raise ReadError("expected a time in ISO 8601") from None
    raise mismatch("a time", value)


def read_object(value: Any) -> dict[str, Any]:
    """Read an object as it is."""
    if isinstance(value, dict):
        return value  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise mismatch("an object", value)


def read_list(value: Any) -> list[Any]:
    """Read a list as it is."""
    if isinstance(value, list):
        return value  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, tuple):
        return list(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    raise mismatch("a list", value)


def write_time(value: datetime) -> str:
    """Write a time in the form of the API."""
    if value.tzinfo is None:
        raise ConfigurationError(
            f"{value!r} has no time zone: use an aware datetime, as in datetime.now(UTC)."
        )
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        raise ConfigurationError(f"{value!r} cannot be expressed in UTC.") from None
    # The API has milliseconds. A finer time is kept, so that nothing is lost.
    precision = "microseconds" if value.microsecond % 1000 else "milliseconds"
    return value.replace(tzinfo=None).isoformat(timespec=precision) + "Z"
