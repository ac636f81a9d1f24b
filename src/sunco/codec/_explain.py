"""What is wrong with a JSON document, and where."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["ReadError", "kind_of", "mismatch"]

_KINDS: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    types.NoneType: "null",
}


class ReadError(Exception):
    """A part of a document that cannot be read.

    Readers add a step to the path while the error passes through them, so that finding the
    location costs no second reading.

    Attributes:
        reason: What is wrong, without any value of the document.
        path: Keys and indexes from the part outwards.
    """

    def __init__(self, reason: str, *path: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = list(path)

    def within(self, step: str | int) -> ReadError:
        """The same error, seen from one level further out."""
        self.path.append(step)
        return self

    def location(self, start: str = "") -> str:
        """The path in the usual notation: `messages[3].author.type`.

        Args:
            start: The location of the document itself.
        """
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path[::-1])
        return "".join((start, *steps)).lstrip(".")

    def __str__(self) -> str:
        return f"{self.location()}: {self.reason}" if self.path else self.reason


def mismatch(expected: str, value: object) -> ReadError:
    """The error for a value that is not of the expected kind."""
    return ReadError(f"expected {expected}, got {kind_of(value)}")


def kind_of(value: Any) -> str:
    """A value's kind in the words of JSON."""
    kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]
    return _KINDS.get(kind, kind.__name__)
