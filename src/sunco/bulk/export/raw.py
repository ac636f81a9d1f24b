"""Lists of the API as the JSON text that came, without models in between."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, cast
from urllib.parse import parse_qs, urlsplit

import attrs

from sunco import DecodeError, PaginationError, Sunco

__all__ = [
    "RawItem",
    "RawPage",
    "parse_object",
    "parse_page",
    "parse_time",
    "raw_items",
    "raw_pages",
]

_MAX_EMPTY_PAGES: Final = 20
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def _reject_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decoder: Final = json.JSONDecoder(parse_constant=_reject_constant)


@attrs.frozen
class RawItem:
    """One item of a list.

    Attributes:
        text: Its JSON, in one line, as it came.
        value: The same, parsed.
    """

    text: str
    value: Any

    def get(self, name: str) -> Any:
        """A field of it; None if it has none of this name."""
        return _field(self.value, name)


@attrs.frozen
class RawPage:
    """One page of a list.

    Attributes:
        items: The items, in the API's order.
        document: The document without the items.
    """

    items: Sequence[RawItem]
    document: Mapping[str, Any]

    def newest_first(self) -> Sequence[RawItem]:
        """The items, the newest first: the API does not promise an order."""
        times = [str(time) for item in self.items if (time := item.get("received"))]
        descending = len(times) > 1 and times[0] > times[-1]
        return self.items if descending else self.items[::-1]


def parse_page(content: bytes) -> RawPage:
    """Parse a document that holds one list, and keep the text of the list's items.

    Raises:
        DecodeError: The content is not a JSON object, or does not hold exactly one list.
    """
    members = _parse(content)
    lists = [items for _, items, _ in members if items is not None]
    if len(lists) != 1:
        raise DecodeError("the response is not a list")
    return RawPage(lists[0], {name: item.value for name, items, item in members if items is None})


def parse_object(content: bytes, name: str) -> RawItem:
    """Parse a document that wraps an object, `{"conversation": {...}}`, and keep its text.

    Raises:
        DecodeError: The content is not a JSON object, or has no such member.
    """
    for found, _, item in _parse(content):
        if found == name:
            return item
    raise DecodeError(f"the response has no {name!r}")


_Member: TypeAlias = tuple[str, list[RawItem] | None, RawItem]


def _parse(content: bytes) -> list[_Member]:
    try:
        return list(_members(content.decode()))
    except (ValueError, RecursionError):
        raise DecodeError("the response is not a JSON object") from None


def _members(text: str) -> Iterator[_Member]:
    """The members of a JSON object: the name, the items if it is an array, and the value."""
    at = _after(text, 0, "{")
    if text.startswith("}", at):
        return
    while True:
        name, at = _decoder.raw_decode(text, at)
        at = _after(text, at, ":")
        if text.startswith("[", at):
            items, at = _array(text, at)
            yield name, items, RawItem("", None)
        else:
            value, end = _decoder.raw_decode(text, at)
            yield name, None, RawItem(_one_line(text[at:end], value), value)
            at = end
        at = _skip(text, at)
        if text.startswith("}", at):
            return
        at = _after(text, at, ",")


def _array(text: str, at: int) -> tuple[list[RawItem], int]:
    items: list[RawItem] = []
    at = _after(text, at, "[")
    if text.startswith("]", at):
        return items, at + 1
    while True:
        value, end = _decoder.raw_decode(text, at)
        items.append(RawItem(_one_line(text[at:end], value), value))
        at = _skip(text, end)
        if text.startswith("]", at):
            return items, at + 1
        at = _after(text, at, ",")


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None  # noqa: S101 - the pattern matches the empty string
    return space.end()


def _after(text: str, at: int, expected: str) -> int:
    at = _skip(text, at)
    if not text.startswith(expected, at):
        raise ValueError(at)
    return _skip(text, at + 1)


def _one_line(text: str, value: Any) -> str:
    if "\n" in text or "\r" in text:
        return json.dumps(value, separators=(",", ":"))
    return text


async def raw_pages(
    sunco: Sunco, path: str, params: Mapping[str, Any] | None = None
) -> AsyncGenerator[RawPage]:
    """The pages of a list, in one direction: messages from the newest, all else from the start.

    Args:
        sunco: The client.
        path: The path of the list, behind the base URL.
        params: The query. A cursor in it sets the direction.

    Raises:
        DecodeError: A response is not a page of a list.
        PaginationError: The cursors do not lead to an end.
        SuncoError: A request failed.
    """
    query = dict(params or {})
    backwards: bool | None = None
    cursors: set[str] = set()
    empty = 0
    while True:
        page = parse_page((await sunco.request("GET", path, params=query)).content)
        after = _cursor(page.document, "after", "next")
        before = _cursor(page.document, "before", "prev")
        if backwards is None:
            backwards = "page[before]" in query or (
                "page[after]" not in query and (path.endswith("/messages") or not after)
            )
        yield RawPage(page.newest_first(), page.document) if backwards else page
        cursor = before if backwards else after
        if not _has_more(page.document, cursor):
            return
        empty = 0 if page.items else empty + 1
        if cursor is None or cursor in cursors or empty > _MAX_EMPTY_PAGES:
            raise PaginationError(
                "The API reports that there are more items, and its cursors do not lead to them."
            )
        cursors.add(cursor)
        for name in ("page[after]", "page[before]"):
            query.pop(name, None)
        query["page[before]" if backwards else "page[after]"] = cursor


async def raw_items(
    sunco: Sunco, path: str, params: Mapping[str, Any] | None = None
) -> AsyncGenerator[RawItem]:
    """The items of a list, page after page; see `raw_pages`."""
    async with aclosing(raw_pages(sunco, path, params)) as pages:
        async for page in pages:
            for item in page.items:
                yield item


def parse_time(value: object) -> datetime | None:
    """A moment of the API; None for what is not one."""
    try:
        moment = datetime.fromisoformat(cast("str", value))
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _field(value: Any, name: str) -> Any:
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def _cursor(document: Mapping[str, Any], name: str, link: str) -> str | None:
    cursor = _field(document.get("meta"), f"{name}Cursor")
    if isinstance(cursor, str) and cursor:
        return cursor
    url = _field(document.get("links"), link)
    if not isinstance(url, str):
        return None
    return parse_qs(urlsplit(url).query).get(f"page[{name}]", [None])[0]


def _has_more(document: Mapping[str, Any], cursor: str | None) -> bool:
    reported = _field(document.get("meta"), "hasMore")
    return cursor is not None if reported is None else bool(reported)
