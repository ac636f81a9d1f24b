"""The operations of the API, one class for each namespace. Each loads when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco._lazy import lazy_getattr

if TYPE_CHECKING:
    from sunco.resources.activities import Activities
    from sunco.resources.app_keys import AppKeys
    from sunco.resources.apps import Apps
    from sunco.resources.attachments import Attachments
    from sunco.resources.clients import Clients
    from sunco.resources.conversations import Conversations
    from sunco.resources.devices import Devices
    from sunco.resources.integration_keys import IntegrationKeys
    from sunco.resources.integrations import Integrations
    from sunco.resources.messages import Messages
    from sunco.resources.oauth import OAuth
    from sunco.resources.participants import Participants
    from sunco.resources.switchboard_actions import SwitchboardActions
    from sunco.resources.switchboard_integrations import SwitchboardIntegrations
    from sunco.resources.switchboards import Switchboards
    from sunco.resources.users import Users
    from sunco.resources.webhooks import Webhooks

__all__ = [
    "Activities",
    "AppKeys",
    "Apps",
    "Attachments",
    "Clients",
    "Conversations",
    "Devices",
    "IntegrationKeys",
    "Integrations",
    "Messages",
    "OAuth",
    "Participants",
    "SwitchboardActions",
    "SwitchboardIntegrations",
    "Switchboards",
    "Users",
    "Webhooks",
]

# To a type checker, a module with __getattr__ has every name.
if not TYPE_CHECKING:  # pragma: no branch
    __getattr__ = lazy_getattr(
        __name__,
        {
            "Activities": "activities",
            "AppKeys": "app_keys",
            "Apps": "apps",
            "Attachments": "attachments",
            "Clients": "clients",
            "Conversations": "conversations",
            "Devices": "devices",
            "IntegrationKeys": "integration_keys",
            "Integrations": "integrations",
            "Messages": "messages",
            "OAuth": "oauth",
            "Participants": "participants",
            "SwitchboardActions": "switchboard_actions",
            "SwitchboardIntegrations": "switchboard_integrations",
            "Switchboards": "switchboards",
            "Users": "users",
            "Webhooks": "webhooks",
        },
    )
