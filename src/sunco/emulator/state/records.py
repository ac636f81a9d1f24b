"""Records by id, sorted by id."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Record = TypeVar("Record")


class SortedRecords(Generic[Record]):
    """A mapping sorted by id: a page from any cursor costs O(page size).

    The id of a removed record remains a valid cursor.
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
        """The record with this id, or None."""
        return self._by_id.get(identifier)

    @property
    def last(self) -> Record | None:
        """The record with the greatest id, None if there is none."""
        return self._by_id[self._ids[-1]] if self._ids else None

    def add(self, identifier: str, record: Record) -> None:
        """Add a record. The greatest id, the usual case, is appended in O(1)."""
        if self._ids and identifier < self._ids[-1]:
            insort(self._ids, identifier)
        else:
            self._ids.append(identifier)
        self._by_id[identifier] = record

    def remove(self, identifier: str) -> Record | None:
        """Remove a record and return it, or None if there is none."""
        record = self._by_id.pop(identifier, None)
        if record is not None:
            del self._ids[bisect_left(self._ids, identifier)]
        return record

    def clear(self) -> None:
        """Remove all records."""
        self._by_id.clear()
        self._ids.clear()

    def positions_after(self, cursor: str, size: int) -> tuple[int, int]:
        """The slice of the first `size` records after `cursor`."""
        start = bisect_right(self._ids, cursor)
        return start, min(start + size, len(self._ids))

    def positions_before(self, cursor: str | None, size: int) -> tuple[int, int]:
        """The slice of the last `size` records before `cursor`, or of all for None."""
        stop = len(self._ids) if cursor is None else bisect_left(self._ids, cursor)
        return max(stop - size, 0), stop

    def between(self, start: int, stop: int) -> tuple[list[str], list[Record]]:
        """The ids and the records of a slice."""
        identifiers = self._ids[start:stop]
        return identifiers, [self._by_id[identifier] for identifier in identifiers]
