"""What the API says about a page of a list."""

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
        has_more: Whether there is more in the direction of travel.
        after_cursor: What to pass as `after` for what follows; absent at the end.
        before_cursor: What to pass as `before` for what precedes; absent at the start.
    """

    has_more: bool | None = None
    after_cursor: str | None = None
    before_cursor: str | None = None


@model
class Links(Model):
    """Where the neighbouring pages are.

    Attributes:
        prev: The page before; absent at the start.
        next: The page after; absent at the end.
    """

    prev: str | None = None
    next: str | None = None


@attrs.frozen
class Listing(Generic[T_co]):
    """A page as the API returned it.

    Attributes:
        items: What is on it.
        meta: Its position; absent from some responses.
        links: Where its neighbours are.
    """

    items: Sequence[T_co]
    meta: Meta = attrs.field(factory=Meta)
    links: Links = attrs.field(factory=Links)
