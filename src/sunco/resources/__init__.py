"""The operations of the API, one class for each namespace."""

from __future__ import annotations

from sunco.resources.attachments import Attachments
from sunco.resources.clients import Clients
from sunco.resources.conversations import Conversations
from sunco.resources.messages import Messages
from sunco.resources.participants import Participants
from sunco.resources.switchboard_actions import SwitchboardActions
from sunco.resources.users import Users

__all__ = [
    "Attachments",
    "Clients",
    "Conversations",
    "Messages",
    "Participants",
    "SwitchboardActions",
    "Users",
]
