"""What reading and writing back has lost."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sunco._json import is_array, is_object

__all__ = ["lost"]


def lost(sent: Any, kept: Any, place: str = "") -> list[str]:
    """Where a document that was read and written back is poorer than it was.

    A scalar may have become one of another type, and null may have gone: that is no loss.
    """
    if is_object(sent):
        return [
            loss
            for key, value in sent.items()
            if value is not None
            for loss in lost(value, kept.get(key, "<gone>"), f"{place}.{key}")
        ]
    if is_array(sent):
        if len(kept) != len(sent):
            return [f"{place}: {len(sent)} became {len(kept)}"]
        return [
            loss
            for number, (one, other) in enumerate(zip(sent, kept, strict=True))
            for loss in lost(one, other, f"{place}[{number}]")
        ]
    return [] if _same(sent, kept) else [f"{place}: {sent!r} became {kept!r}"]


def _same(one: Any, other: Any) -> bool:
    if str(one).lower() == str(other).lower():
        return True
    try:
        return float(one) == float(other)
    except (TypeError, ValueError):
        pass
    try:
        return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (TypeError, ValueError):
        return False
