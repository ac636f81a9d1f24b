"""The base of all namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from sunco.errors import ConfigurationError
from sunco.models.base import UNSET
from sunco.models.pages import Listing
from sunco.pagination import Paginator
from sunco.session import Session
from sunco.wire import Operation

__all__ = ["Resource", "changes", "exactly_one", "given"]

T = TypeVar("T")

_MAX_PAGE_SIZE: Final = 100


class Resource:
    """A namespace of operations over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _paginate(
        self,
        operation: Operation[list[T]],
        *,
        after: str | None,
        before: str | None,
        page_size: int | None = None,
        params: Mapping[str, Any] | None = None,
        backwards: bool = False,
        **ids: str | None,
    ) -> Paginator[T]:
        if page_size is not None:
            _check_page_size(page_size)

        async def fetch(*, after: str | None, before: str | None) -> Listing[T]:
            page = {"after": after, "before": before, "size": page_size}
            return await self._session.list_page(
                operation, params={"page": page, **(params or {})}, **ids
            )

        return Paginator(fetch, after=after, before=before, backwards=backwards)


def _check_page_size(size: object) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= _MAX_PAGE_SIZE:
        raise ConfigurationError(f"page_size must be from 1 to {_MAX_PAGE_SIZE}, not {size!r}.")


def given(**values: Any) -> dict[str, Any]:
    """The values that were given; None is left out, as there is nothing to clear."""
    return {name: value for name, value in values.items() if value is not None}


def changes(**values: Any) -> dict[str, Any]:
    """The values to update: None clears one, UNSET leaves it unchanged."""
    return {name: value for name, value in values.items() if value is not UNSET}


def exactly_one(**values: Any) -> None:
    """Check that one of several arguments was given.

    Raises:
        ConfigurationError: None was, or more than one.
    """
    named = [name for name, value in values.items() if value is not None]
    if len(named) == 1:
        return
    *others, last = values
    choice = f"{', '.join(others)} or {last}"
    got = f"not {' and '.join(named)} together" if named else "one is needed"
    raise ConfigurationError(f"Pass {choice}: {got}.")
