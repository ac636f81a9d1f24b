"""The switchboard, and the control of conversations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.rendering import omit_none

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

NEXT = "next"


class ControlError(ValueError):
    """A rejected transfer of control.

    Args:
        message: Why it is rejected.
        code: The error code in the failure event.
    """

    def __init__(self, message: str, code: str = "switchboard_invalid_target") -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True, eq=False)
class SwitchboardIntegration:
    """A system that can control conversations."""

    id: str
    name: str
    integration_id: str
    integration_type: str
    next_id: str | None = None
    deliver_standby_events: bool = False
    message_history_count: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The form in conversations."""
        return {
            "id": self.id,
            "name": self.name,
            "integrationId": self.integration_id,
            "integrationType": self.integration_type,
        }

    def settings_to_json(self) -> dict[str, Any]:
        """The form in the switchboard's configuration."""
        return self.to_json() | omit_none(
            deliverStandbyEvents=self.deliver_standby_events,
            nextSwitchboardIntegrationId=self.next_id,
            messageHistoryCount=self.message_history_count,
        )


@dataclass(frozen=True, slots=True)
class Control:
    """The integration that controls a conversation, and the one that control was offered to."""

    active: SwitchboardIntegration | None = None
    pending: SwitchboardIntegration | None = None

    def without(self, integration: SwitchboardIntegration) -> Control:
        """The control after an integration left the switchboard."""
        return Control(
            None if self.active is integration else self.active,
            None if self.pending is integration else self.pending,
        )


@dataclass(slots=True)
class Switchboard:
    """The integrations among which control moves."""

    id: str = ""
    enabled: bool = False
    default_id: str | None = None
    integrations: list[SwitchboardIntegration] = field(default_factory=list[SwitchboardIntegration])

    def to_json(self) -> dict[str, Any]:
        """The switchboard in API responses."""
        return {"id": self.id, "enabled": self.enabled} | omit_none(
            defaultSwitchboardIntegrationId=self.default_id
        )

    @property
    def default(self) -> SwitchboardIntegration | None:
        """The integration that controls new conversations."""
        return self.find(self.default_id) if self.enabled else None

    def find(self, identifier: str | None) -> SwitchboardIntegration | None:
        """The switchboard integration with this id, or None."""
        return next((one for one in self.integrations if one.id == identifier), None)

    def entries_of(self, integration_id: str) -> list[SwitchboardIntegration]:
        """The switchboard integrations of an integration."""
        return [one for one in self.integrations if one.integration_id == integration_id]

    def receives_events(self, control: Control, integration_id: str) -> bool:
        """Whether an integration receives the events of a conversation.

        An integration on standby does not, unless `deliverStandbyEvents` is set. One that is not on
        the switchboard receives all events.
        """
        entries = self.entries_of(integration_id)
        if not self.enabled or not entries or control.active is None:
            return True
        return any(
            one.deliver_standby_events or one is control.active or one is control.pending
            for one in entries
        )

    def resolve(self, reference: str, control: Control) -> SwitchboardIntegration:
        """Find an integration by the keyword `next`, its id, its name or its type, in this order.

        Raises:
            ControlError: No integration matches, or several do.
        """
        if reference == NEXT:
            return self._next(control.active)
        for key in _KEYS:
            matches = [one for one in self.integrations if key(one) == reference]
            if len(matches) > 1:
                raise ControlError(f"More than one switchboard integration matches {reference}")
            if matches:
                return matches[0]
        raise ControlError(f"No switchboard integration matches {reference}")

    def pass_control(self, control: Control, reference: str) -> Control:
        """Make an integration active and all others standby.

        Raises:
            ControlError: The reference cannot be resolved.
        """
        return Control(self.resolve(reference, control))

    def offer_control(self, control: Control, reference: str) -> Control:
        """Make an integration pending, in place of any other.

        Raises:
            ControlError: The integration is active already, or cannot be resolved.
        """
        target = self.resolve(reference, control)
        if target is control.active:
            raise ControlError("Cannot offer control to the active switchboard integration.")
        return Control(control.active, target)

    def accept_control(self, control: Control) -> Control:
        """Make the pending integration active.

        Raises:
            ControlError: No integration is pending.
        """
        if control.pending is None:
            raise ControlError(
                "There is no pendingSwitchboardIntegration", "switchboard_invalid_action"
            )
        return Control(control.pending)

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
    """Build an enabled switchboard, or none without descriptions.

    Args:
        descriptions: One mapping per integration, the default first: `name`, and optionally `id`,
            `integrationId`, `integrationType` and `next` (the name of another).
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
    default_id = integrations[0].id
    return Switchboard(new_id(), enabled=True, default_id=default_id, integrations=integrations)
