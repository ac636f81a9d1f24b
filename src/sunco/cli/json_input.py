"""JSON that people write: what the API would not accept is rejected with the reason."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from sunco._json import is_array, is_object

__all__ = ["load_json", "string_problem"]


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder: Final = json.JSONDecoder(parse_constant=_reject_constant)


def load_json(content: str | bytes) -> Any:
    """Read JSON; NaN and Infinity, which Python reads, are rejected.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deeply.
    """
    text = content if isinstance(content, str) else content.decode("utf-8-sig")
    return _decoder.decode(text)


def string_problem(value: Any) -> str | None:
    """Why a string in a value cannot be sent; None if all can be."""
    if isinstance(value, str):
        if "\0" in value:
            return "it contains a NUL character"
        if any("\ud800" <= character <= "\udfff" for character in value):
            return "it contains half of a surrogate pair (such as \\ud83d without its partner)"
        return None
    if is_object(value):
        return next(filter(None, map(string_problem, [*value, *value.values()])), None)
    if is_array(value):
        return next(filter(None, map(string_problem, value)), None)
    return None
