"""Who is in control of a conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sunco.emulator.state import Conversation

NEXT = "next"


class ControlError(ValueError):
    """A transfer of control that cannot be made; the message says why."""


@dataclass(frozen=True, slots=True)
class SwitchboardIntegration:
    """A system that can be in control of conversations."""

    id: str
    name: str
    integration_id: str
    integration_type: str
    next_id: str | None

    def to_json(self) -> dict[str, Any]:
        """The form that a conversation shows."""
        return {
            "id": self.id,
            "name": self.name,
            "integrationId": self.integration_id,
            "integrationType": self.integration_type,
        }


@dataclass(slots=True)
class Switchboard:
    """The systems among which control moves, the first of them the default."""

    integrations: list[SwitchboardIntegration] = field(default_factory=list[SwitchboardIntegration])

    @property
    def default(self) -> SwitchboardIntegration | None:
        """The integration that gets control when a conversation begins."""
        return self.integrations[0] if self.integrations else None

    def resolve(self, reference: str, conversation: Conversation) -> SwitchboardIntegration:
        """Find an integration by the `next` keyword, its id, its name or its type, in that order.

        Raises:
            ControlError: The reference names no integration, or several.
        """
        if reference == NEXT:
            return self._next(conversation.active)
        for key in _KEYS:
            matches = [one for one in self.integrations if key(one) == reference]
            if len(matches) > 1:
                raise ControlError(f"More than one switchboard integration matches {reference}")
            if matches:
                return matches[0]
        raise ControlError(f"No switchboard integration matches {reference}")

    def pass_control(self, conversation: Conversation, reference: str) -> None:
        """Make the integration active and all others standby."""
        conversation.active = self.resolve(reference, conversation)
        conversation.pending = None

    def offer_control(self, conversation: Conversation, reference: str) -> None:
        """Make the integration pending, in place of any that was offered control before.

        Raises:
            ControlError: The integration is active already, or cannot be told.
        """
        target = self.resolve(reference, conversation)
        if target == conversation.active:
            raise ControlError("Cannot offer control to the active switchboard integration.")
        conversation.pending = target

    def accept_control(self, conversation: Conversation) -> None:
        """Make the pending integration active.

        Raises:
            ControlError: Control has not been offered.
        """
        if conversation.pending is None:
            raise ControlError("There is no pendingSwitchboardIntegration")
        conversation.active, conversation.pending = conversation.pending, None

    def _next(self, active: SwitchboardIntegration | None) -> SwitchboardIntegration:
        next_id = active.next_id if active else None
        for integration in self.integrations:
            if integration.id == next_id:
                return integration
        raise ControlError("There is no next switchboard integration")


_KEYS: tuple[Callable[[SwitchboardIntegration], str], ...] = (
    lambda integration: integration.id,
    lambda integration: integration.name,
    lambda integration: integration.integration_type,
)


def build_switchboard(
    descriptions: Sequence[Mapping[str, Any]], new_id: Callable[[], str]
) -> Switchboard:
    """Build a switchboard from plain data.

    Args:
        descriptions: One mapping for each integration: `name`, and where they matter `id`,
            `integrationId`, `integrationType` and `next`, the name of the one that follows.
        new_id: Makes the ids that are not given.
    """
    ids = {one["name"]: one.get("id") or new_id() for one in descriptions}
    return Switchboard(
        [
            SwitchboardIntegration(
                id=ids[one["name"]],
                name=one["name"],
                integration_id=one.get("integrationId") or new_id(),
                integration_type=one.get("integrationType", "custom"),
                next_id=ids[one["next"]] if "next" in one else None,
            )
            for one in descriptions
        ]
    )
