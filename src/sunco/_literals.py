"""Open enumerations: new values pass, and misspelt known ones are rejected."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, cast, get_args, get_origin

from sunco.errors import ConfigurationError

__all__ = ["check_value", "check_values", "known_values"]

# Words of at least this many characters may have two mistakes.
_LONG_WORD = 8


def known_values(annotation: Any) -> tuple[str, ...]:
    """The values of the literals in a type, such as `Literal["a", "b"] | str`, in any depth."""
    if get_origin(annotation) is Literal:
        return tuple(str(value) for value in get_args(annotation))
    return tuple(value for each in get_args(annotation) for value in known_values(each))


def check_value(name: str, value: object, known: Sequence[str]) -> None:
    """Check a value of an open enumeration. One that resembles no known value passes.

    Args:
        name: What the value is called, for the error.
        value: The value.
        known: The values that the API is known to accept.

    Raises:
        ConfigurationError: The value is not a str, or is a known value misspelt.
    """
    if value in known:
        return
    choice = f"{'one of ' if len(known) > 1 else ''}{', '.join(map(repr, known))}"
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be a str, {choice}, not {value!r}.")
    if meant := _meant(value, tuple(known)):
        raise ConfigurationError(
            f"{name} is {value!r}. Did you mean {meant!r}? The API accepts {choice}."
        )


def check_values(name: str, values: object, known: Sequence[str]) -> None:
    """Check a sequence of such values.

    Raises:
        ConfigurationError: It is not a sequence, or a value in it is rejected.
    """
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise ConfigurationError(f"{name} must be a sequence of str, not {values!r}.")
    for value in cast("Sequence[object]", values):
        check_value(name, value, known)


@lru_cache(maxsize=256)
def _meant(value: str, known: tuple[str, ...]) -> str | None:
    return next((each for each in known if _is_misspelt(value, each)), None)


def _is_misspelt(value: str, known: str) -> bool:
    written, right = _letters(value), _letters(known)
    if written == right:
        return True
    # A value with another number is another value.
    if re.findall(r"\d", value) != re.findall(r"\d", known):
        return False
    pairs = list(zip(value.split(":"), known.split(":"), strict=False))
    return value.count(":") == known.count(":") and all(
        _mistakes(*pair) <= (2 if len(pair[1]) >= _LONG_WORD else 1) for pair in pairs
    )


def _letters(value: str) -> str:
    return re.sub(r"[\W_]", "", value).casefold()


def _mistakes(written: str, right: str) -> int:
    """The characters that are missing, additional or wrong, and neighbours that are swapped."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for row_number, letter in enumerate(written, start=1):
        two_before, before, row = before, row, [row_number]
        for column, expected in enumerate(right, start=1):
            cost = min(before[column] + 1, row[-1] + 1, before[column - 1] + (letter != expected))
            swapped = written[row_number - 2 : row_number] == right[column - 2 : column][::-1]
            if row_number > 1 and column > 1 and swapped:
                cost = min(cost, two_before[column - 2] + 1)
            row.append(cost)
    return row[-1]
