"""End users, and the clients and devices that they are reached by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.records import SortedRecords
from sunco.emulator.state.rendering import Detail, Renderable, omit_none

if TYPE_CHECKING:
    from collections.abc import Mapping

_PERSONAL = ("givenName", "surname", "email", "avatarUrl")


@dataclass(slots=True)
class Client(Renderable):
    """A user's presence on a channel.

    Args:
        target_id: The conversation that the client joins when its user confirms it.
        primary: Whether it becomes the primary client of that conversation then.
        last_inbound: When its user last wrote on the channel.
    """

    id: str
    type: str
    status: str
    integration_id: str | None = None
    external_id: str | None = None
    linked_at: str | None = None
    last_seen: str | None = None
    display_name: str | None = None
    target_id: str | None = None
    primary: bool = False
    last_inbound: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The client in API responses."""
        return omit_none(
            id=self.id,
            type=self.type,
            status=self.status,
            integrationId=self.integration_id,
            externalId=self.external_id,
            lastSeen=self.last_seen,
            linkedAt=self.linked_at,
            displayName=self.display_name,
        )

    def render(self, detail: Detail) -> dict[str, Any]:
        """The client in events, the same for every webhook."""
        del detail
        return self.to_json()


@dataclass(slots=True)
class Device:
    """A browser or a phone that an SDK runs on."""

    id: str
    type: str
    guid: str
    client_id: str
    integration_id: str
    last_seen: str

    def to_json(self) -> dict[str, Any]:
        """The device in API responses."""
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


@dataclass(slots=True)
class User(Renderable):
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
    has_default_conversation: bool = False
    clients: SortedRecords[Client] = field(default_factory=SortedRecords[Client])
    devices: SortedRecords[Device] = field(default_factory=SortedRecords[Device])

    def to_json(self) -> dict[str, Any]:
        """The user in API responses."""
        return self.render(Detail()) | omit_none(
            signedUpAt=self.signed_up_at,
            toBeRetained=self.to_be_retained,
            hasPaymentInfo=False,
            identities=self.identities,
            profile=self.profile,
            metadata=self.metadata,
        )

    def render(self, detail: Detail) -> dict[str, Any]:
        """The user in events, in full only if the webhook includes full users."""
        if detail.full_user:
            return self.to_json()
        return omit_none(
            id=self.id,
            authenticated=self.authenticated,
            externalId=self.external_id,
            zendeskId=self.zendesk_id,
            brandId=self.brand_id,
        )

    @property
    def identities(self) -> list[dict[str, Any]]:
        """The verified e-mail address, if any."""
        if self.email is None:
            return []
        return [{"type": "email", "value": self.email, "verification": "sso"}]

    @property
    def name(self) -> str | None:
        """Given name and surname, if the profile has any."""
        names = (self.profile.get("givenName"), self.profile.get("surname"))
        return " ".join(name for name in names if name) or None

    def update(self, changes: Mapping[str, Any]) -> None:
        """Set what is given, and clear what is given as null."""
        if "signedUpAt" in changes:
            self.signed_up_at = changes["signedUpAt"]
        if "toBeRetained" in changes:
            self.to_be_retained = changes["toBeRetained"]
        self.profile = omit_none(**{**self.profile, **changes.get("profile", {})})
        if "metadata" in changes:
            self.metadata = changes["metadata"] or {}

    def clear_personal_information(self) -> None:
        """Clear names, addresses, metadata and the display names of clients."""
        self.profile = {
            name: member for name, member in self.profile.items() if name not in _PERSONAL
        }
        self.metadata = {}
        self.email = None
        for client in self.clients:
            client.display_name = None
