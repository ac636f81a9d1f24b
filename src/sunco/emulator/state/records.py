"""Records by id, in the order of their ids."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Record = TypeVar("Record")


class Records(Generic[Record]):
    """A mapping sorted by id, so that a page from any cursor costs no more than its size.

    A record id is a cursor even after the record itself is gone.
    """

    __slots__ = ("_by_id", "_ids")

    def __init__(self) -> None:
        self._by_id: dict[str, Record] = {}
        self._ids: list[str] = []

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Record]:
        return (self._by_id[identifier] for identifier in self._ids)

    def get(self, identifier: str) -> Record | None:
        """The record with this id, if there is one."""
        return self._by_id.get(identifier)

    def add(self, identifier: str, record: Record) -> None:
        """Keep a record; the newest id, the usual case, goes straight to the end."""
        if self._ids and identifier < self._ids[-1]:
            insort(self._ids, identifier)
        else:
            self._ids.append(identifier)
        self._by_id[identifier] = record

    def remove(self, identifier: str) -> Record | None:
        """Let a record go, and return it."""
        record = self._by_id.pop(identifier, None)
        if record is not None:
            del self._ids[bisect_left(self._ids, identifier)]
        return record

    def clear(self) -> None:
        """Let every record go."""
        self._by_id.clear()
        self._ids.clear()

    def positions_after(self, cursor: str, size: int) -> tuple[int, int]:
        """Where the first `size` records later than `cursor` stand."""
        start = bisect_right(self._ids, cursor)
        return start, min(start + size, len(self._ids))

    def positions_before(self, cursor: str | None, size: int) -> tuple[int, int]:
        """Where the last `size` records earlier than `cursor` stand, or the last of all."""
        stop = len(self._ids) if cursor is None else bisect_left(self._ids, cursor)
        return max(stop - size, 0), stop

    def between(self, start: int, stop: int) -> tuple[list[str], list[Record]]:
        """The ids and the records at these positions."""
        identifiers = self._ids[start:stop]
        return identifiers, [self._by_id[identifier] for identifier in identifiers]
