"""Output that every terminal, pipe and encoding can take."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import suppress
from typing import Any, Final, cast

import click

__all__ = ["OutputError", "complain", "is_closed", "mark", "printable", "write", "write_json"]

# Control characters move the cursor, C1 ones are escape sequences, and direction marks reorder
# what a terminal shows.
_UNSAFE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSAFE_IN_JSON: Final = re.compile(r"[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_closed: Final = [False]


class OutputError(Exception):
    """Standard output cannot be written."""


def printable(text: str) -> str:
    """Text with the characters that control a terminal as escapes."""
    return _UNSAFE.sub(lambda found: ascii(found[0])[1:-1], text)


def mark(*, ok: bool) -> str:
    """A check mark or a cross, or words where the encoding has neither."""
    sign, word = ("✓", "ok:") if ok else ("✗", "not ok:")
    try:
        sign.encode(_encoding())
    except (UnicodeEncodeError, LookupError):
        return word
    return sign


def is_closed() -> bool:
    """Whether the reader of standard output has closed the pipe."""
    return _closed[0]


def write(text: str) -> None:
    """Write text to standard output; what its encoding lacks is written as escapes.

    Raises:
        OutputError: It cannot be written. A closed pipe is no error: the rest is discarded.
    """
    _write(printable(text).encode(_encoding(), "backslashreplace"))


def write_json(text: str) -> None:
    """Write JSON to standard output, in UTF-8 whatever its encoding.

    Raises:
        OutputError: It cannot be written. A closed pipe is no error: the rest is discarded.
    """
    escaped = _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    # Lone surrogates have the same escapes in Python and JSON.
    _write(escaped.encode("utf-8", "backslashreplace"))


def pretty(value: Any) -> str:
    """A value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def complain(text: str) -> None:
    """Write a line to standard error, if it can be written."""
    with suppress(OSError):
        click.echo(printable(text), err=True)


def _encoding() -> str:
    # A process that was started without standard output has None.
    return getattr(sys.stdout, "encoding", None) or "ascii"


def _write(content: bytes) -> None:
    if _closed[0]:
        return
    if cast("object", sys.stdout) is None:
        raise OutputError("The output cannot be written: standard output is closed.")
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _discard_the_rest()
    except OSError as error:
        _discard_the_rest()
        raise OutputError(f"The output cannot be written: {error.strerror}.") from error


def _discard_the_rest() -> None:
    """Let the interpreter's own flush at its end succeed."""
    _closed[0] = True
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), sys.stdout.fileno())
