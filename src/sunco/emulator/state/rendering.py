"""How records look in webhooks, which depends on what the webhook asked to see."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from sunco.emulator.state.users import Client, Device


@dataclass(frozen=True, slots=True)
class Detail:
    """How much a webhook wants to see of users, and of where things come from."""

    full_user: bool = False
    full_source: bool = False


class Shown(ABC):
    """A record that looks different to different webhooks."""

    __slots__ = ()

    @abstractmethod
    def shown(self, detail: Detail) -> dict[str, Any]:
        """The record as a webhook with this much detail shows it."""


@dataclass(frozen=True, slots=True)
class Source(Shown):
    """Where a message or an activity comes from."""

    type: str
    integration_id: str | None = None
    client: Client | None = None
    device: Device | None = None

    def to_json(self) -> dict[str, Any]:
        """The source as the API answers it."""
        return present(type=self.type, integrationId=self.integration_id)

    def shown(self, detail: Detail) -> dict[str, Any]:
        """The source, with the client and the device if they were asked for."""
        if not detail.full_source:
            return self.to_json()
        return self.to_json() | present(
            client=self.client.to_json() if self.client else None,
            device=self.device.to_json() if self.device else None,
        )


API = Source("api:conversations")


def render(value: Any, detail: Detail) -> Any:
    """Turn a payload that contains records into plain JSON."""
    if isinstance(value, Shown):
        return value.shown(detail)
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {name: render(member, detail) for name, member in members.items()}
    return value


def present(**members: Any) -> dict[str, Any]:
    """The members that have a value."""
    return {name: member for name, member in members.items() if member is not None}
