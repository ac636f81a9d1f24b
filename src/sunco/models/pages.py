"""A page of a list, and its position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import attrs

from sunco.models.base import Model, model

__all__ = ["Links", "Listing", "Meta"]

T_co = TypeVar("T_co", covariant=True)


@model
class Meta(Model):
    """The position of a page in its list.

    Attributes:
        has_more: Whether there are more items in the direction of the iteration.
        after_cursor: The cursor to pass as `after` for the items that follow; None at the end.
        before_cursor: The cursor to pass as `before` for the items that precede; None at the
            start.
    """

    has_more: bool | None = None
    after_cursor: str | None = None
    before_cursor: str | None = None


@model
class Links(Model):
    """URLs of the neighbouring pages.

    Attributes:
        prev: The page before; None at the start.
        next: The page after; None at the end.
    """

    prev: str | None = None
    next: str | None = None


@attrs.frozen
class Listing(Generic[T_co]):
    """A page as the API returned it.

    Attributes:
        items: The items.
        meta: Its position in the list; real responses sometimes lack it.
        links: URLs of the neighbouring pages.
    """

    items: Sequence[T_co]
    meta: Meta = attrs.field(factory=Meta)
    links: Links = attrs.field(factory=Links)
