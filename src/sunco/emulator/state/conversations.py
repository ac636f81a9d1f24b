"""Conversations and who takes part in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.records import Records
from sunco.emulator.state.rendering import Detail, Shown, present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.state.switchboard import SwitchboardIntegration
    from sunco.emulator.state.users import Client, User


@dataclass(slots=True)
class Participant:
    """A user in a conversation."""

    id: str
    user: User
    unread_count: int = 0
    last_read: str | None = None
    clients: list[Client] = field(default_factory=list["Client"])

    def to_json(self) -> dict[str, Any]:
        """The participant as the API answers it."""
        return present(
            id=self.id,
            userId=self.user.id,
            userExternalId=self.user.external_id,
            unreadCount=self.unread_count,
            lastRead=self.last_read,
            clientAssociations=[
                {"type": client.type, "clientId": client.id} for client in self.clients
            ],
        )


@dataclass(slots=True)
class Conversation(Shown):
    """A conversation with its participants, its messages and whoever is in control of it."""

    id: str
    type: str
    is_default: bool
    created_at: str
    last_updated_at: str
    business_last_read: str | None = None
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    participants: Records[Participant] = field(default_factory=Records[Participant])
    messages: Records[dict[str, Any]] = field(default_factory=Records[dict[str, Any]])
    active: SwitchboardIntegration | None = None
    pending: SwitchboardIntegration | None = None

    def to_json(self) -> dict[str, Any]:
        """The conversation as the API answers it."""
        return self.shown(Detail()) | present(
            isDefault=self.is_default,
            businessLastRead=self.business_last_read,
            lastUpdatedAt=self.last_updated_at,
            createdAt=self.created_at,
            **self.details,
        )

    def shown(self, detail: Detail) -> dict[str, Any]:
        """The conversation in short, the same for every webhook."""
        del detail
        return present(
            id=self.id,
            type=self.type,
            metadata=self.details.get("metadata"),
            activeSwitchboardIntegration=self.active.to_json() if self.active else None,
            pendingSwitchboardIntegration=self.pending.to_json() if self.pending else None,
        )

    def participant_of(self, user: User) -> Participant | None:
        """The participant that is this user."""
        return next((one for one in self.participants if one.user is user), None)

    def update(self, changes: Mapping[str, Any]) -> None:
        """Set what is given, and clear what is given as null."""
        for name in ("displayName", "description", "iconUrl", "metadata"):
            if name in changes:
                self.details[name] = changes[name]

    def mark_read(self, user: User | None, now: str) -> None:
        """Note that a user has read it all, or the business if there is no user."""
        if user is None:
            self.business_last_read = now
            return
        for participant in self.participants:
            if participant.user is user:
                participant.unread_count = 0
                participant.last_read = now
