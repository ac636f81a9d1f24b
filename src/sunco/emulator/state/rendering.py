"""The JSON of records in events, which depends on what a webhook asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of users and sources a webhook includes in its events."""

    full_user: bool = False
    full_source: bool = False


class Renderable(ABC):
    """A record whose JSON in an event depends on the webhook."""

    __slots__ = ()

    @abstractmethod
    def render(self, detail: Detail) -> dict[str, Any]:
        """The JSON for a webhook with this detail."""


def render(value: Any, detail: Detail) -> Any:
    """Replace the records in a payload by their JSON."""
    if isinstance(value, Renderable):
        return value.render(detail)
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {name: render(member, detail) for name, member in members.items()}
    return value


def omit_none(**members: Any) -> dict[str, Any]:
    """The members that are not None."""
    return {name: member for name, member in members.items() if member is not None}
