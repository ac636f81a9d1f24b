"""End users, and how they can be reached."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.records import Records
from sunco.emulator.state.rendering import Detail, Shown, present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.state.conversations import Conversation

_PERSONAL = ("givenName", "surname", "email", "avatarUrl")


@dataclass(slots=True)
class Client(Shown):
    """A user's presence on a channel."""

    id: str
    type: str
    status: str
    integration_id: str | None = None
    external_id: str | None = None
    linked_at: str | None = None
    last_seen: str | None = None
    display_name: str | None = None
    target_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The client as the API answers it."""
        return present(
            id=self.id,
            type=self.type,
            status=self.status,
            integrationId=self.integration_id,
            externalId=self.external_id,
            lastSeen=self.last_seen,
            linkedAt=self.linked_at,
            displayName=self.display_name,
        )

    def shown(self, detail: Detail) -> dict[str, Any]:
        """The client, the same for every webhook."""
        del detail
        return self.to_json()


@dataclass(slots=True)
class Device:
    """A browser or a telephone in which an SDK runs."""

    id: str
    type: str
    guid: str
    client_id: str
    integration_id: str
    last_seen: str

    def to_json(self) -> dict[str, Any]:
        """The device as the API answers it."""
        return {
            "id": self.id,
            "type": self.type,
            "guid": self.guid,
            "clientId": self.client_id,
            "status": "active",
            "integrationId": self.integration_id,
            "lastSeen": self.last_seen,
            "info": {"vendor": "zendesk"},
        }


def _no_conversations() -> Records[Conversation]:
    return Records()


@dataclass(slots=True)
class User(Shown):
    """An end user."""

    id: str
    external_id: str | None = None
    zendesk_id: str | None = None
    brand_id: str | None = None
    signed_up_at: str | None = None
    to_be_retained: bool | None = None
    authenticated: bool = False
    email: str | None = None
    profile: dict[str, Any] = field(default_factory=dict[str, Any])
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    clients: Records[Client] = field(default_factory=Records[Client])
    devices: Records[Device] = field(default_factory=Records[Device])
    conversations: Records[Conversation] = field(default_factory=_no_conversations)
    has_default_conversation: bool = False

    def __getstate__(self) -> dict[str, Any]:
        # Conversations hold their users: to keep both ways would tie everyone to everyone, deeper
        # than a snapshot can be nested.
        return {
            one.name: getattr(self, one.name) for one in fields(self) if one.name != "conversations"
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, member in state.items():
            setattr(self, name, member)
        self.conversations = Records()

    def to_json(self) -> dict[str, Any]:
        """The user as the API answers it."""
        return self.shown(Detail()) | present(
            signedUpAt=self.signed_up_at,
            toBeRetained=self.to_be_retained,
            hasPaymentInfo=False,
            identities=self.identities,
            profile=self.profile,
            metadata=self.metadata,
        )

    def shown(self, detail: Detail) -> dict[str, Any]:
        """The user, in full only if that was asked for."""
        if detail.full_user:
            return self.to_json()
        return present(
            id=self.id,
            authenticated=self.authenticated,
            externalId=self.external_id,
            zendeskId=self.zendesk_id,
            brandId=self.brand_id,
        )

    @property
    def identities(self) -> list[dict[str, Any]]:
        """The e-mail address that the user has proven to own."""
        if self.email is None:
            return []
        return [{"type": "email", "value": self.email, "verification": "sso"}]

    @property
    def display_name(self) -> str | None:
        """The name that stands on the user's messages."""
        names = (self.profile.get("givenName"), self.profile.get("surname"))
        return " ".join(name for name in names if name) or None

    @property
    def default_conversation(self) -> Conversation | None:
        """The conversation that the user's channels write to."""
        return next((one for one in self.conversations if one.is_default), None)

    def update(self, changes: Mapping[str, Any]) -> None:
        """Set what is given, and clear what is given as null."""
        if "signedUpAt" in changes:
            self.signed_up_at = changes["signedUpAt"]
        if "toBeRetained" in changes:
            self.to_be_retained = changes["toBeRetained"]
        self.profile = present(**{**self.profile, **changes.get("profile", {})})
        if "metadata" in changes:
            self.metadata = changes["metadata"] or {}

    def forget_personal_information(self) -> None:
        """Clear who the user is: the names, the addresses, and what was added to them."""
        self.profile = {
            name: member for name, member in self.profile.items() if name not in _PERSONAL
        }
        self.metadata = {}
        self.email = None
        for client in self.clients:
            client.display_name = None
