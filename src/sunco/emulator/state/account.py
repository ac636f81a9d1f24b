"""All that one account holds: its apps, its keys, and what was granted to partners."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sunco.emulator.services.merging import CoreUser
from sunco.emulator.state.app import App
from sunco.emulator.state.records import Records
from sunco.emulator.state.rendering import present
from sunco.emulator.state.webhooks import Outbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sunco.emulator.state.clock import Clock

SETTINGS: Mapping[str, Any] = {
    "appLocalizationEnabled": True,
    "echoPostback": False,
    "maskCreditCardNumbers": True,
    "multiConvoEnabled": False,
    "useAnimalNames": False,
}
SCOPES: Mapping[str, str] = {"act_": "account", "svc_": "account", "int_": "integration"}


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, and how far it reaches."""

    id: str
    secret: str
    display_name: str | None = None
    app_id: str | None = None
    integration_id: str | None = None

    @property
    def scope(self) -> str:
        """The scope, as the key's prefix says it."""
        return SCOPES.get(self.id[:4], "app")

    def to_json(self) -> dict[str, Any]:
        """The key as the API answers it."""
        return present(id=self.id, displayName=self.display_name, secret=self.secret)


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner's integration, which the owners of apps can grant access to."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code or an access token opens."""

    client_id: str
    app_id: str
    integration_id: str


@dataclass(slots=True)
class Attachment:
    """An uploaded file."""

    id: str
    name: str
    media_type: str
    content: bytes
    app_id: str
    conversation_id: str | None
    of_message: bool


@dataclass(slots=True)
class Account:
    """The root of everything that an emulator remembers."""

    clock: Clock
    message_limit: int
    app_limit: int
    outbox: Outbox = field(default_factory=Outbox)
    apps: dict[str, App] = field(default_factory=dict[str, App])
    listing: Records[App] = field(default_factory=Records[App])
    keys: dict[str, Key] = field(default_factory=dict[str, Key])
    partners: dict[str, Partner] = field(default_factory=dict[str, Partner])
    codes: dict[str, Grant] = field(default_factory=dict[str, Grant])
    tokens: dict[str, Grant] = field(default_factory=dict[str, Grant])
    attachments: dict[str, Attachment] = field(default_factory=dict[str, Attachment])
    core_users: dict[str, CoreUser] = field(default_factory=dict[str, CoreUser])

    def create_app(
        self,
        description: Mapping[str, Any],
        *,
        app_id: str | None = None,
        integrations: Sequence[Mapping[str, Any]] = (),
        switchboard: Sequence[Mapping[str, Any]] = (),
    ) -> App:
        """Add an app, from what the API was sent.

        Args:
            description: Its name, settings and metadata.
            app_id: Its id, if it is to be another than the place it takes in listings.
            integrations: The integrations it starts with.
            switchboard: The integrations of the switchboard it starts with.
        """
        place = self.clock.new_id()
        app = App(
            app_id or place,
            place,
            self,
            display_name=description["displayName"],
            settings={**SETTINGS, **description.get("settings", {})},
            metadata=description.get("metadata") or {},
            integrations=integrations,
            switchboard=switchboard,
        )
        self.apps[app.id] = app
        self.listing.add(place, app)
        return app

    def delete_app(self, app: App) -> None:
        """Remove an app with its keys, its grants and its files."""
        del self.apps[app.id]
        self.listing.remove(app.place)
        self.keys = {name: key for name, key in self.keys.items() if key.app_id != app.id}
        self.codes = {name: one for name, one in self.codes.items() if one.app_id != app.id}
        self.tokens = {name: one for name, one in self.tokens.items() if one.app_id != app.id}
        self.attachments = {
            name: one for name, one in self.attachments.items() if one.app_id != app.id
        }

    def keys_of(self, app: App, integration_id: str | None = None) -> list[Key]:
        """The keys of an app itself, or those of one of its integrations."""
        return [
            key
            for key in self.keys.values()
            if key.app_id == app.id and key.integration_id == integration_id
        ]

    def create_key(self, app: App, display_name: str | None, integration_id: str | None) -> Key:
        """Add a key to an app, or to one of its integrations."""
        prefix = "app_" if integration_id is None else "int_"
        key = Key(
            f"{prefix}{self.clock.new_id()}",
            self.clock.new_secret(),
            display_name,
            app.id,
            integration_id,
        )
        self.keys[key.id] = key
        return key

    def revoke(self, app: App, integration_id: str) -> None:
        """Remove the keys and tokens of an integration."""
        for key in self.keys_of(app, integration_id):
            del self.keys[key.id]
        self.tokens = {
            name: grant
            for name, grant in self.tokens.items()
            if grant.integration_id != integration_id
        }
