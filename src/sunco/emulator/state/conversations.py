"""Conversations and their participants."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.records import SortedRecords
from sunco.emulator.state.rendering import Detail, Renderable, omit_none
from sunco.emulator.state.switchboard import Control

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.state.users import Client, User


@dataclass(slots=True)
class Participant:
    """A user in a conversation.

    Args:
        clients: The clients that are linked to the conversation, the most recently used first.
            The first one is the primary: it receives the messages of the business.
    """

    id: str
    user: User
    unread_count: int = 0
    last_read: str | None = None
    clients: list[Client] = field(default_factory=list["Client"])

    def add_client(self, client: Client, *, primary: bool = False) -> None:
        """Link a client to the conversation, as the last one or as the primary."""
        self.remove_client(client)
        self.clients.insert(0 if primary else len(self.clients), client)

    def remove_client(self, client: Client) -> None:
        """Remove a client from the conversation, if it is linked."""
        self.clients = [one for one in self.clients if one is not client]

    def to_json(self) -> dict[str, Any]:
        """The participant in API responses."""
        return omit_none(
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
class Conversation(Renderable):
    """A conversation with its participants, its messages and its control."""

    id: str
    type: str
    is_default: bool
    created_at: str
    last_updated_at: str
    business_last_read: str | None = None
    details: dict[str, Any] = field(default_factory=dict[str, Any])
    participants: SortedRecords[Participant] = field(default_factory=SortedRecords[Participant])
    messages: SortedRecords[dict[str, Any]] = field(default_factory=SortedRecords[dict[str, Any]])
    control: Control = field(default_factory=Control)

    def to_json(self) -> dict[str, Any]:
        """The conversation in API responses."""
        return self.render(Detail()) | omit_none(
            isDefault=self.is_default,
            businessLastRead=self.business_last_read,
            lastUpdatedAt=self.last_updated_at,
            createdAt=self.created_at,
            **self.details,
        )

    def render(self, detail: Detail) -> dict[str, Any]:
        """The conversation in events, the same for every webhook."""
        del detail
        active, pending = self.control.active, self.control.pending
        return omit_none(
            id=self.id,
            type=self.type,
            metadata=self.details.get("metadata"),
            activeSwitchboardIntegration=active.to_json() if active else None,
            pendingSwitchboardIntegration=pending.to_json() if pending else None,
        )

    def participant_of(self, user: User) -> Participant | None:
        """The participant that is this user, or None."""
        return next((one for one in self.participants if one.user is user), None)

    def update(self, changes: Mapping[str, Any]) -> None:
        """Set what is given, and clear what is given as null."""
        for name in ("displayName", "description", "iconUrl", "metadata"):
            if name in changes:
                self.details[name] = changes[name]

    def mark_read(self, user: User | None, now: str) -> None:
        """Mark everything as read by a user, or by the business for None."""
        if user is None:
            self.business_last_read = now
            return
        for participant in self.participants:
            if participant.user is user:
                participant.unread_count = 0
                participant.last_read = now
