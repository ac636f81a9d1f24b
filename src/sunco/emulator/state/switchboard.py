"""Who is in control of a conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.rendering import present

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sunco.emulator.state.conversations import Conversation

NEXT = "next"


class ControlError(ValueError):
    """A transfer of control that cannot be made; the message says why.

    Args:
        message: Why it cannot be made.
        code: The code of the failure in the event that tells of it.
    """

    def __init__(self, message: str, code: str = "switchboard_invalid_target") -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True, eq=False)
class SwitchboardIntegration:
    """A system that can be in control of conversations."""

    id: str
    name: str
    integration_id: str
    integration_type: str
    next_id: str | None = None
    deliver_standby_events: bool = False
    message_history_count: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The form that a conversation shows."""
        return {
            "id": self.id,
            "name": self.name,
            "integrationId": self.integration_id,
            "integrationType": self.integration_type,
        }

    def settings_to_json(self) -> dict[str, Any]:
        """The form in which it is configured."""
        return self.to_json() | present(
            deliverStandbyEvents=self.deliver_standby_events,
            nextSwitchboardIntegrationId=self.next_id,
            messageHistoryCount=self.message_history_count,
        )


@dataclass(slots=True)
class Switchboard:
    """The systems among which control moves."""

    id: str = ""
    enabled: bool = False
    default_id: str | None = None
    integrations: list[SwitchboardIntegration] = field(default_factory=list[SwitchboardIntegration])

    def to_json(self) -> dict[str, Any]:
        """The switchboard as the API answers it."""
        return {"id": self.id, "enabled": self.enabled} | present(
            defaultSwitchboardIntegrationId=self.default_id
        )

    @property
    def default(self) -> SwitchboardIntegration | None:
        """The integration that gets control when a conversation begins."""
        return self.find(self.default_id) if self.enabled else None

    def find(self, identifier: str | None) -> SwitchboardIntegration | None:
        """The integration with this id."""
        return next((one for one in self.integrations if one.id == identifier), None)

    def hears(self, conversation: Conversation, integration_id: str) -> bool:
        """Whether an integration is told what happens in a conversation.

        Not if it is on standby, unless it wants to be told even then. Whoever is not on the
        switchboard is told everything.
        """
        seats = [one for one in self.integrations if one.integration_id == integration_id]
        if not self.enabled or not seats or conversation.active is None:
            return True
        return any(
            one.deliver_standby_events or one is conversation.active or one is conversation.pending
            for one in seats
        )

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
        if target is conversation.active:
            raise ControlError("Cannot offer control to the active switchboard integration.")
        conversation.pending = target

    def accept_control(self, conversation: Conversation) -> None:
        """Make the pending integration active.

        Raises:
            ControlError: Control has not been offered.
        """
        if conversation.pending is None:
            raise ControlError(
                "There is no pendingSwitchboardIntegration", "switchboard_invalid_action"
            )
        conversation.active, conversation.pending = conversation.pending, None

    def _next(self, active: SwitchboardIntegration | None) -> SwitchboardIntegration:
        found = self.find(active.next_id) if active else None
        if found is None:
            raise ControlError("There is no next switchboard integration")
        return found


_KEYS: tuple[Callable[[SwitchboardIntegration], str], ...] = (
    lambda integration: integration.id,
    lambda integration: integration.name,
    lambda integration: integration.integration_type,
)


def build_switchboard(
    descriptions: Sequence[Mapping[str, Any]], new_id: Callable[[], str]
) -> Switchboard | None:
    """Build a switchboard from plain data; from nothing, none.

    Args:
        descriptions: One mapping for each integration: `name`, and where they matter `id`,
            `integrationId`, `integrationType` and `next`, the name of the one that follows.
        new_id: Makes the ids that are not given.
    """
    if not descriptions:
        return None
    ids = {one["name"]: one.get("id") or new_id() for one in descriptions}
    integrations = [
        SwitchboardIntegration(
            id=ids[one["name"]],
            name=one["name"],
            integration_id=one.get("integrationId") or new_id(),
            integration_type=one.get("integrationType", "custom"),
            next_id=ids[one["next"]] if "next" in one else None,
        )
        for one in descriptions
    ]
    return Switchboard(new_id(), True, integrations[0].id, integrations)  # noqa: FBT003
