"""Which arguments are numbers."""

from __future__ import annotations

from typing import Final, TypeGuard

__all__ = ["is_integer", "is_number"]

# A larger one cannot be added to a time.
_LARGEST: Final = 2**63


def is_number(value: object) -> TypeGuard[float]:
    """Whether an argument is a number that arithmetic with floats accepts. A bool is none."""
    return isinstance(value, float) or is_integer(value)


def is_integer(value: object) -> TypeGuard[int]:
    """Whether an argument is a whole number. A bool is none."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST
