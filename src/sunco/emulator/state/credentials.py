"""API keys, partners and what was granted to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.rendering import omit_none

if TYPE_CHECKING:
    from sunco.emulator.state.clock import Clock

_SCOPES = {"act_": "account", "svc_": "account", "int_": "integration"}


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of an operation, and its scope.

    Args:
        key_id: The id of the key, or a partner's client id.
        scope: `account`, `app` or `integration`; empty without authentication.
        app_id: The only app that may be accessed, unless the scope is `account`.
        integration_id: The integration that the key or token belongs to.
    """

    key_id: str
    scope: str
    app_id: str | None = None
    integration_id: str | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API key."""

    id: str
    secret: str = field(repr=False)
    display_name: str | None = None
    app_id: str | None = None
    integration_id: str | None = None

    @property
    def scope(self) -> str:
        """The scope, which the prefix of the id determines."""
        return _SCOPES.get(self.id[:4], "app")

    @property
    def principal(self) -> Principal:
        """The caller that uses this key."""
        return Principal(self.id, self.scope, self.app_id, self.integration_id)

    def to_json(self) -> dict[str, Any]:
        """The key in API responses."""
        return omit_none(id=self.id, displayName=self.display_name, secret=self.secret)


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner's integration, to which the owners of apps can grant access."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authorization code or an access token gives access to."""

    client_id: str
    app_id: str
    integration_id: str

    @property
    def principal(self) -> Principal:
        """The caller that uses the token."""
        return Principal(self.client_id, "integration", self.app_id, self.integration_id)


@dataclass(slots=True, repr=False)
class Credentials:
    """All credentials of an account: keys by id, partners by client id, grants by code or token."""

    keys: dict[str, Key] = field(default_factory=dict[str, Key])
    partners: dict[str, Partner] = field(default_factory=dict[str, Partner])
    codes: dict[str, Grant] = field(default_factory=dict[str, Grant])
    tokens: dict[str, Grant] = field(default_factory=dict[str, Grant])

    def keys_of(self, app_id: str, integration_id: str | None = None) -> list[Key]:
        """The keys of an app, or those of one of its integrations."""
        return [
            key
            for key in self.keys.values()
            if key.app_id == app_id and key.integration_id == integration_id
        ]

    def create_key(
        self, clock: Clock, app_id: str, display_name: str | None, integration_id: str | None
    ) -> Key:
        """Add a key to an app, or to one of its integrations."""
        prefix = "app_" if integration_id is None else "int_"
        identifier = f"{prefix}{clock.new_id()}"
        key = Key(identifier, clock.new_secret(), display_name, app_id, integration_id)
        self.keys[key.id] = key
        return key

    def revoke_app(self, app_id: str) -> None:
        """Remove the keys, codes and tokens of an app."""
        self.keys = {name: key for name, key in self.keys.items() if key.app_id != app_id}
        self.codes = {name: one for name, one in self.codes.items() if one.app_id != app_id}
        self.tokens = {name: one for name, one in self.tokens.items() if one.app_id != app_id}

    def revoke_integration(self, app_id: str, integration_id: str) -> None:
        """Remove the keys and tokens of an integration."""
        for key in self.keys_of(app_id, integration_id):
            del self.keys[key.id]
        self.tokens = {
            name: grant
            for name, grant in self.tokens.items()
            if grant.integration_id != integration_id
        }
