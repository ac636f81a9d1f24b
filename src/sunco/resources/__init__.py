"""The operations of the API, one class for each namespace."""

from __future__ import annotations

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
    "Participants",
    "SwitchboardActions",
    "SwitchboardIntegrations",
    "Switchboards",
    "Users",
    "Webhooks",
]
