"""Paginated lists: a `Paginator` fetches them page by page, a `Page` is one response."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeVar, overload
from urllib.parse import parse_qs, urlsplit

from sunco._numbers import is_integer
from sunco.errors import ConfigurationError, PaginationError
from sunco.models.pages import Listing

__all__ = ["Page", "Paginator"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

# Filters can leave a page empty. More than this in a row, and the cursors lead nowhere.
_MAX_EMPTY_PAGES: Final = 20


class Fetch(Protocol[T_co]):
    """Fetches the page after or before a cursor; the first page where both are None."""

    def __call__(self, *, after: str | None, before: str | None) -> Awaitable[Listing[T_co]]: ...


class _Walk(Generic[T]):
    """The direction of an iteration, and the cursors that it has followed."""

    def __init__(self, fetch: Fetch[T], *, backwards: bool) -> None:
        self.fetch = fetch
        self.backwards = backwards
        self._positions: dict[str, int] = {}

    async def step(self, cursor: str | None, *, position: int, empty_pages: int) -> Page[T]:
        # `next_page` of one page can be called twice. Only a cursor that occurs at two positions
        # is a loop.
        if cursor is not None and self._positions.setdefault(cursor, position) != position:
            raise PaginationError(
                f"The API repeated the cursor {cursor!r}: following it would never end."
            )
        listing = await self.fetch(
            after=None if self.backwards else cursor, before=cursor if self.backwards else None
        )
        return Page(listing, self, position=position, empty_pages=empty_pages)


class Page(Sequence[T]):
    """One page of a list: a sequence of its items, in the API's order.

    Attributes:
        has_more: Whether there are more items in the direction of the iteration.
        after_cursor: The cursor to pass as `after` for the items that follow; None at the end.
        before_cursor: The cursor to pass as `before` for the items that precede; None at the start.
    """

    def __init__(
        self, listing: Listing[T], walk: _Walk[T], *, position: int, empty_pages: int
    ) -> None:
        self._items = listing.items
        self._walk = walk
        self._position = position
        self._empty_pages = 0 if listing.items else empty_pages + 1
        self.after_cursor: str | None = listing.meta.after_cursor or _cursor(
            listing.links.next, "page[after]"
        )
        self.before_cursor: str | None = listing.meta.before_cursor or _cursor(
            listing.links.prev, "page[before]"
        )
        has_more = listing.meta.has_more
        if has_more is None:
            # A link that cannot be read is not the end of the list: `next_page` reports it.
            link = listing.links.prev if walk.backwards else listing.links.next
            has_more = self._next_cursor is not None or not _is_url(link)
        self.has_more: bool = has_more

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<Page of {len(self)} items, has_more={self.has_more}>"

    @property
    def _next_cursor(self) -> str | None:
        return self.before_cursor if self._walk.backwards else self.after_cursor

    def newest_first(self) -> list[T]:
        """The items from the newest to the oldest.

        The API returns pages of messages oldest first but does not promise it, so their `received`
        times decide where there are any. Items without times are reversed.
        """
        first, last = _first_received(self._items), _first_received(reversed(self._items))
        descending = first is not None and last is not None and first > last
        return list(self._items) if descending else list(reversed(self._items))

    async def next_page(self) -> Page[T] | None:
        """The next page in the direction of the iteration; None at the end.

        Raises:
            PaginationError: The API repeats a cursor, gives no usable cursor to the next page, or
                returns too many empty pages in a row.
        """
        if not self.has_more:
            return None
        cursor = self._next_cursor
        if cursor is None:
            raise PaginationError("The API reports more items and gives no cursor to them.")
        if not _is_encodable(cursor):
            raise PaginationError("The API gives a cursor that no URL can carry.")
        if self._empty_pages > _MAX_EMPTY_PAGES:
            raise PaginationError(
                f"The API returned {self._empty_pages} empty pages in a row and reports more."
            )
        return await self._walk.step(
            cursor, position=self._position + 1, empty_pages=self._empty_pages
        )


class Paginator(Generic[T]):
    """A list that is fetched page by page while it is read.

    Use `async for` for the items, `pages()` for the pages and `await` for the first page. No
    request is sent before that, every iteration starts again, and no connection is held between
    pages. With `before`, the iteration goes backwards and returns the newest items first.

    Args:
        fetch: Fetches a page.
        after: Start after this cursor.
        before: Start before this cursor, and go backwards.
        backwards: Whether an iteration without a cursor goes backwards.

    Raises:
        ConfigurationError: Both cursors are given, or one is not a cursor.
    """

    def __init__(
        self,
        fetch: Fetch[T],
        *,
        after: str | None = None,
        before: str | None = None,
        backwards: bool = False,
    ) -> None:
        if after is not None and before is not None:
            raise ConfigurationError("Pass after or before, not both: a list has one direction.")
        _check_cursor("after", after)
        _check_cursor("before", before)
        self._fetch = fetch
        self._start = after if before is None else before
        self._backwards = before is not None or (backwards and after is None)

    def __await__(self) -> Generator[Any, Any, Page[T]]:
        return self._first().__await__()

    async def _first(self) -> Page[T]:
        walk = _Walk(self._fetch, backwards=self._backwards)
        return await walk.step(self._start, position=0, empty_pages=0)

    def pages(self) -> AsyncIterator[Page[T]]:
        """All pages, the items of each in the API's order.

        Raises:
            PaginationError: As `Page.next_page`.
        """
        return _Pages(self._first)

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(self.pages(), backwards=self._backwards)

    async def collect(self, limit: int | None = None) -> list[T]:
        """All items, or the first `limit` of them; no more pages than needed are fetched.

        Raises:
            ConfigurationError: `limit` is not a whole number, or negative.
            PaginationError: As `Page.next_page`.
        """
        if limit is not None and (not is_integer(limit) or limit < 0):
            raise ConfigurationError(f"limit must be a whole number from 0, not {limit!r}.")
        items: list[T] = []
        if limit == 0:
            return items
        async for item in self:
            items.append(item)
            if len(items) == limit:
                break
        return items


# Classes rather than async generators: an abandoned iterator needs no closing, on asyncio and trio.
class _Pages(AsyncIterator[Page[T]]):
    def __init__(self, first: Callable[[], Awaitable[Page[T] | None]]) -> None:
        self._step = first

    async def __anext__(self) -> Page[T]:
        page = await self._step()
        if page is None:
            raise StopAsyncIteration
        self._step = page.next_page
        return page


class _Items(AsyncIterator[T]):
    def __init__(self, pages: AsyncIterator[Page[T]], *, backwards: bool) -> None:
        self._pages = pages
        self._backwards = backwards
        self._items: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            page = await anext(self._pages)
            self._items = iter(page.newest_first() if self._backwards else page)


def _check_cursor(name: str, cursor: object) -> None:
    if cursor is None:
        return
    if not isinstance(cursor, str) or not cursor or not _is_encodable(cursor):
        raise ConfigurationError(f"{name} must be a cursor, not {cursor!r}.")


def _is_encodable(text: str) -> bool:
    """Whether UTF-8 can hold a text: JSON can carry half of a surrogate pair, a URL cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_url(link: str | None) -> bool:
    try:
        urlsplit(link or "")
    except ValueError:
        return False
    return True


def _cursor(link: str | None, name: str) -> str | None:
    if link is None or not _is_url(link):
        return None
    values = parse_qs(urlsplit(link).query).get(name)
    return values[0] if values else None


def _first_received(items: Iterable[object]) -> datetime | None:
    times = (getattr(item, "received", None) for item in items)
    return next((time for time in times if isinstance(time, datetime)), None)
