"""The root of the state: apps, credentials, attachments and the users of Zendesk Support."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from sunco.emulator.state.app import App, Limits
from sunco.emulator.state.attachments import Attachments
from sunco.emulator.state.channels import ChannelPlan
from sunco.emulator.state.credentials import Credentials
from sunco.emulator.state.records import SortedRecords
from sunco.emulator.state.switchboard import build_switchboard
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


@dataclass(frozen=True, slots=True)
class CoreUser:
    """A user of Zendesk Support."""

    given_name: str | None = None
    surname: str | None = None
    external_id: str | None = None
    email: str | None = None


@dataclass(slots=True)
class Account:
    """The root of the state."""

    clock: Clock
    limits: Limits
    outbox: Outbox = field(default_factory=Outbox)
    credentials: Credentials = field(default_factory=Credentials)
    attachments: Attachments = field(default_factory=Attachments)
    channels: ChannelPlan = field(default_factory=ChannelPlan)
    apps: dict[str, App] = field(default_factory=dict[str, App])
    listing: SortedRecords[App] = field(default_factory=SortedRecords[App])
    core_users: dict[str, CoreUser] = field(default_factory=dict[str, CoreUser])

    def clear(self) -> None:
        """Remove everything but the limits and the clock."""
        self.replace(Account(self.clock, self.limits))

    def replace(self, other: Account) -> None:
        """Take over the records of another account."""
        for one in fields(self):
            setattr(self, one.name, getattr(other, one.name))

    def create_app(
        self,
        description: Mapping[str, Any],
        *,
        app_id: str | None = None,
        integrations: Sequence[Mapping[str, Any]] = (),
        switchboard: Sequence[Mapping[str, Any]] = (),
    ) -> App:
        """Add an app.

        Args:
            description: Its name, settings and metadata in the form of the API.
            app_id: Its id; by default its position in listings.
            integrations: Its first integrations, in the form of the API. A webhook can have a
                `secret`.
            switchboard: The integrations of its switchboard, see `build_switchboard`.
        """
        sort_id = self.clock.new_id()
        app = self.add_app(
            app_id or sort_id,
            sort_id,
            display_name=description["displayName"],
            settings={**SETTINGS, **description.get("settings", {})},
            metadata=description.get("metadata") or {},
        )
        for integration in integrations:
            plain = {name: integration[name] for name in integration if name != "webhooks"}
            added = app.add_integration(plain)
            for webhook in integration.get("webhooks", ()):
                app.add_webhook(added["id"], webhook, secret=webhook.get("secret"))
        app.switchboard = build_switchboard(switchboard, self.clock.new_id)
        return app

    def add_app(
        self,
        app_id: str,
        sort_id: str,
        *,
        display_name: str | None,
        settings: dict[str, Any],
        metadata: dict[str, Any],
    ) -> App:
        """Add an app without integrations; see `App` for the arguments."""
        app = App(
            app_id,
            sort_id,
            clock=self.clock,
            outbox=self.outbox,
            attachments=self.attachments,
            channels=self.channels,
            limits=self.limits,
            display_name=display_name,
            settings=settings,
            metadata=metadata,
        )
        self.apps[app_id] = app
        self.listing.add(sort_id, app)
        return app

    def delete_app(self, app: App) -> None:
        """Remove an app with its credentials and files."""
        del self.apps[app.id]
        self.listing.remove(app.sort_id)
        self.credentials.revoke_app(app.id)
        self.attachments.remove_app(app.id)

    def remove_integration(self, app: App, integration_id: str) -> None:
        """Remove an integration with its webhooks, keys and tokens."""
        app.remove_integration(integration_id)
        self.credentials.revoke_integration(app.id, integration_id)
