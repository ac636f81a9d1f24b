"""JSON text to plain values and back, with errors that say what is wrong."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeGuard

from sunco.errors import ConfigurationError, DecodeError

__all__ = ["dump", "is_array", "is_object", "load"]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether a value read from JSON is an array."""
    return isinstance(value, list)


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value read from JSON is an object."""
    return isinstance(value, dict)


def load(content: bytes) -> Any:
    """Read a JSON document.

    Raises:
        DecodeError: It is none. The message shows nothing of it: it may hold what is private.
    """
    try:
        return _decoder.decode(content.decode())
    except (ValueError, RecursionError) as error:
        raise DecodeError(_why_not_json(content, error)) from None


def _why_not_json(content: bytes, error: Exception) -> str:
    if not content.strip():
        return "the body is empty"
    if content.lstrip().startswith(b"<"):
        return "the body is HTML, not JSON; a gateway or proxy may have answered"
    if isinstance(error, json.JSONDecodeError):
        return f"the body is not JSON: {error.msg} at character {error.pos} of {len(error.doc)}"
    if isinstance(error, RecursionError):
        return "the body is nested too deeply"
    return f"the body of {len(content)} bytes is not JSON in UTF-8"


def dump(value: Any) -> bytes:
    """Write plain values as compact JSON in UTF-8.

    Raises:
        ConfigurationError: Something in it has no form in JSON.
    """
    try:
        return _encoder.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"This cannot be written as JSON: {error}.") from None
