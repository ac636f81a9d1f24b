"""JSON text to plain values and back, with errors that say what is wrong.

Reads with orjson where that is installed (`sunco[speed]`), to the same values and errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeGuard

from sunco.errors import ConfigurationError, DecodeError

__all__ = ["dump", "is_array", "is_object", "load"]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


# Numbers beyond 64 bits: orjson would make floats of them.
_LONG_NUMBER: Final = b"0" * 20
_DIGITS_AS_ZERO: Final = bytes(
    ord("0") if chr(code) in "-0123456789" else ord(" ") for code in range(256)
)


def _fast_reader() -> Callable[[bytes], Any] | None:
    try:
        import orjson  # noqa: PLC0415 - only who has it
    except ImportError:
        return None
    return orjson.loads


_read_fast: Final = _fast_reader()


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
    if _read_fast is not None and _LONG_NUMBER not in content.translate(_DIGITS_AS_ZERO):
        try:
            return _read_fast(content)
        except ValueError:
            # What orjson refuses, json may take, such as half a surrogate pair, or refuse with the
            # error that is raised without orjson too.
            pass
    try:
        return _decoder.decode(content.decode())
    except (ValueError, RecursionError) as error:
        raise DecodeError(_why_not_json(content, error)) from None


def _why_not_json(content: bytes, error: Exception) -> str:
    if not content.strip():
        return "the body is empty"
    if content.lstrip().startswith(b"<"):
        return "the body is HTML, not JSON; a gateway or proxy may have responded"
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
