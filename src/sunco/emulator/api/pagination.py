"""Cursor pagination."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from sunco.emulator.errors import bad_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sunco.emulator.state.records import SortedRecords

Record = TypeVar("Record")

DEFAULT_SIZE = 25
MAX_SIZE = 100

_CURSOR = re.compile(r"[0-9a-f]{24}")
_CURSOR_NAMES = frozenset({"page[after]", "page[before]"})
_SIZE = re.compile(r"[0-9]{1,3}")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """A requested page. At most one of the cursors is set."""

    after: str | None
    before: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Page(Generic[Record]):
    """A page of records, and the cursors of its neighbors."""

    records: list[Record]
    has_more: bool
    before: str | None
    after: str | None

    def to_json(
        self,
        name: str,
        view: Callable[[Record], Mapping[str, Any]],
        path: str,
        query: dict[str, str],
    ) -> dict[str, Any]:
        """The response: the records under `name`, `meta`, and `links` if there are any.

        Args:
            name: The key that holds the records.
            view: The JSON of a record.
            path: The URL of the list without its query.
            query: The query of the request, which the links keep but for the cursors.
        """
        meta: dict[str, Any] = {"hasMore": self.has_more}
        links: dict[str, str] = {}
        if self.after is not None:
            meta["afterCursor"] = self.after
            links["next"] = _link(path, query, "page[after]", self.after)
        if self.before is not None:
            meta["beforeCursor"] = self.before
            links["prev"] = _link(path, query, "page[before]", self.before)
        response: dict[str, Any] = {name: [view(record) for record in self.records], "meta": meta}
        if links:
            response["links"] = links
        return response


def read_page(query: Mapping[str, str], *, fixed_size: int | None = None) -> PageQuery:
    """Read the `page[...]` parameters.

    Args:
        query: The decoded query of the request.
        fixed_size: The page size of lists that do not support `page[size]`.

    Raises:
        ApiError: 400 for two cursors, a malformed one, or a size out of range.
    """
    after, before = query.get("page[after]"), query.get("page[before]")
    cursors = [cursor for cursor in (after, before) if cursor is not None]
    size = fixed_size or _read_size(query.get("page[size]", str(DEFAULT_SIZE)))
    if (
        "page" in query
        or len(cursors) > 1
        or not all(_CURSOR.fullmatch(cursor) for cursor in cursors)
        or not 1 <= size <= MAX_SIZE
    ):
        raise bad_request("Invalid page query parameters")
    return PageQuery(after, before, size)


def select(
    records: SortedRecords[Record], page: PageQuery, *, newest_first: bool = False
) -> Page[Record]:
    """Select a page. Its records are in ascending order in either direction.

    Args:
        records: All the records.
        page: The requested page.
        newest_first: Whether the default page is the last one instead of the first.
    """
    backwards = page.before is not None or (page.after is None and newest_first)
    if backwards:
        start, stop = records.positions_before(page.before, page.size)
    else:
        start, stop = records.positions_after(page.after or "", page.size)
    identifiers, found = records.between(start, stop)
    earlier, later = start > 0, stop < len(records)
    return Page(
        found,
        has_more=earlier if backwards else later,
        before=identifiers[0] if found and earlier else None,
        after=identifiers[-1] if found and later else None,
    )


def _read_size(text: str) -> int:
    return int(text) if _SIZE.fullmatch(text) else 0


def _link(path: str, query: Mapping[str, str], cursor_name: str, cursor: str) -> str:
    kept = {name: text for name, text in query.items() if name not in _CURSOR_NAMES}
    kept[cursor_name] = cursor
    pairs = (f"{quote(name, safe='[]')}={quote(text, safe='')}" for name, text in kept.items())
    return f"{path}?{'&'.join(pairs)}"
