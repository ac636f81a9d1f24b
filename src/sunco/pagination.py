"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar, overload
from urllib.parse import parse_qs, urlsplit

from sunco.errors import ConfigurationError, PaginationError
from sunco.models.pages import Listing

__all__ = ["Page", "Paginator"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Fetch(Protocol[T_co]):
    """Gets the page after or before a cursor; the first one where both are None."""

    def __call__(self, *, after: str | None, before: str | None) -> Awaitable[Listing[T_co]]: ...


class _Walk(Generic[T]):
    """One way through a list, and where it has been."""

    def __init__(self, fetch: Fetch[T], *, backwards: bool) -> None:
        self.fetch = fetch
        self.backwards = backwards
        self._positions: dict[str, int] = {}

    async def step(self, cursor: str | None, position: int) -> Page[T]:
        # The same page may be asked for again from the same place: only a cursor that turns up in
        # two places of a walk leads in a circle.
        if cursor is not None and self._positions.setdefault(cursor, position) != position:
            raise PaginationError(
                f"The API repeated the cursor {cursor!r}: following it would never end."
            )
        listing = await self.fetch(
            after=None if self.backwards else cursor, before=cursor if self.backwards else None
        )
        return Page(listing, self, position)


class Page(Sequence[T]):
    """One page of a list: a sequence of its items, in the API's order.

    Attributes:
        has_more: Whether there is more in the walk's direction.
        after_cursor: What to pass as `after` to go on with what follows, if anything does.
        before_cursor: What to pass as `before` to go on with what precedes, if anything does.
    """

    def __init__(self, listing: Listing[T], walk: _Walk[T], position: int) -> None:
        self._items = listing.items
        self._walk = walk
        self._position = position
        self.after_cursor: str | None = listing.meta.after_cursor or _cursor(
            listing.links.next, "page[after]"
        )
        self.before_cursor: str | None = listing.meta.before_cursor or _cursor(
            listing.links.prev, "page[before]"
        )
        said = listing.meta.has_more
        self.has_more: bool = self._onward is not None if said is None else said

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
    def _onward(self) -> str | None:
        return self.before_cursor if self._walk.backwards else self.after_cursor

    async def next_page(self) -> Page[T] | None:
        """The next page in the walk's direction; None at the end.

        Raises:
            PaginationError: The API repeats a cursor, or says that there is more and not where.
        """
        if not self.has_more:
            return None
        if self._onward is None:
            raise PaginationError("The API says that there is more, and gives no cursor to it.")
        return await self._walk.step(self._onward, self._position + 1)


class Paginator(Generic[T]):
    """A list that is fetched page by page as it is read.

    Iterate over it for the items, over `pages()` for the pages, `await` it for the first page.
    Nothing is sent before that, and every iteration starts anew. A walk goes on in the direction it
    began in; where that is backwards, items come newest first.

    Args:
        fetch: Gets a page.
        after: Start after this cursor.
        before: Start before this cursor, and walk backwards.
        backwards: Whether a walk without a cursor goes backwards.
        descends: Whether a page of a backwards walk is newest first already.
    """

    def __init__(
        self,
        fetch: Fetch[T],
        *,
        after: str | None = None,
        before: str | None = None,
        backwards: bool = False,
        descends: Callable[[Sequence[T]], bool] = lambda _: False,
    ) -> None:
        if after is not None and before is not None:
            raise ConfigurationError("Pass after or before, not both: a walk has one direction.")
        for name, cursor in (("after", after), ("before", before)):
            if cursor == "":
                raise ConfigurationError(f"{name} must be a cursor, not an empty str.")
        self._fetch = fetch
        self._start = after if before is None else before
        self._backwards = before is not None or (backwards and after is None)
        self._descends = descends

    def __await__(self) -> Generator[Any, Any, Page[T]]:
        return self._first().__await__()

    async def _first(self) -> Page[T]:
        return await _Walk(self._fetch, backwards=self._backwards).step(self._start, 0)

    def pages(self) -> AsyncIterator[Page[T]]:
        """All pages, each in the API's order.

        Raises:
            PaginationError: The API repeats a cursor, or says that there is more and not where.
        """
        return _Pages(self._first)

    def __aiter__(self) -> AsyncIterator[T]:
        return _Items(self.pages(), self._in_order)

    def _in_order(self, page: Page[T]) -> Iterator[T]:
        turn = self._backwards and not self._descends(page)
        return reversed(page) if turn else iter(page)

    async def collect(self, limit: int | None = None) -> list[T]:
        """All items, or the first `limit` of them; no page more than needed is fetched."""
        if limit is not None and limit < 0:
            raise ConfigurationError(f"limit must not be negative, it is {limit}.")
        items: list[T] = []
        if limit == 0:
            return items
        async for item in self:
            items.append(item)
            if len(items) == limit:
                break
        return items


# Classes rather than async generators: one that is left half-way needs no closing, so that a walk
# can be broken off anywhere, on trio as on asyncio.
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
    def __init__(
        self, pages: AsyncIterator[Page[T]], in_order: Callable[[Page[T]], Iterator[T]]
    ) -> None:
        self._pages = pages
        self._in_order = in_order
        self._items: Iterator[T] = iter(())

    async def __anext__(self) -> T:
        while True:
            for item in self._items:
                return item
            self._items = self._in_order(await anext(self._pages))


def _cursor(link: str | None, name: str) -> str | None:
    if link is None:
        return None
    values = parse_qs(urlsplit(link).query).get(name)
    return values[0] if values else None
