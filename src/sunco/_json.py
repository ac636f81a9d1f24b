"""JSON text to plain values and back, with errors that name the cause.

Reads with orjson where it is installed (`sunco[speed]`), with the same results and errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypeGuard

from sunco.errors import ConfigurationError, DecodeError

__all__ = ["dump", "is_array", "is_object", "load"]


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_reject_constant)
_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


# Numbers beyond 64 bits, which orjson reads as floats.
_LONG_NUMBER: Final = b"0" * 20
_DIGITS_AS_ZERO: Final = bytes(
    ord("0") if chr(code) in "-0123456789" else ord(" ") for code in range(256)
)


def _fast_reader() -> Callable[[bytes], Any] | None:
    try:
        import orjson  # noqa: PLC0415 - optional
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
        DecodeError: The content is not JSON. The message quotes none of it: it can be private.
    """
    if _read_fast is not None and _LONG_NUMBER not in content.translate(_DIGITS_AS_ZERO):
        try:
            return _read_fast(content)
        except ValueError:
            # The standard library reads more than orjson (lone surrogates), and its errors are the
            # ones that are reported.
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

    Half of a surrogate pair, which JSON can carry and UTF-8 cannot, is written as its escape.

    Raises:
        ConfigurationError: A value has no JSON form.
    """
    try:
        # The escapes of Python and JSON for lone surrogates are the same: \\ud83d.
        return _encoder.encode(value).encode("utf-8", "backslashreplace")
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"The value cannot be written as JSON: {error}.") from None
