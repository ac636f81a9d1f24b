"""Conversations, and their references to switchboards and ad platforms."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import attrs

from sunco.models.base import Metadata, Model, model

__all__ = [
    "Conversation",
    "ConversationType",
    "ConversionEvents",
    "InteractiveDataRef",
    "SwitchboardIntegrationReference",
]

ConversationType: TypeAlias = Literal["personal", "sdkGroup"] | str


@model
class SwitchboardIntegrationReference(Model):
    """A reference to a switchboard integration.

    Attributes:
        id: The switchboard integration's id.
        name: Its name in the switchboard.
        integration_id: The integration behind it.
        integration_type: That integration's type; for OAuth integrations their client id.
    """

    id: str | None = None
    name: str | None = None
    integration_id: str | None = None
    integration_type: str | None = None


@model
class Conversation(Model):
    """A stored history of messages. All of it is set by the API.

    Attributes:
        id: The conversation's id.
        type: `"personal"` (one user) or `"sdkGroup"`.
        metadata: Custom properties.
        active_switchboard_integration: The integration in control.
        pending_switchboard_integration: The integration that control was offered to.
        is_default: Whether it is the user's first personal conversation, which cannot be deleted.
        display_name: The display name, 100 characters at most.
        description: 100 characters at most.
        icon_url: A picture (JPG, PNG or GIF).
        business_last_read: When the business last read it.
        last_updated_at: The time of the last message, else of its creation.
        created_at: When it was created.
    """

    id: str
    type: ConversationType | None = None
    metadata: Metadata | None = None
    active_switchboard_integration: SwitchboardIntegrationReference | None = None
    pending_switchboard_integration: SwitchboardIntegrationReference | None = None
    is_default: bool | None = None
    display_name: str | None = None
    description: str | None = None
    icon_url: str | None = None
    business_last_read: datetime | None = None
    last_updated_at: datetime | None = None
    created_at: datetime | None = None


@model
class InteractiveDataRef(Model):
    """A reference to a large response from Apple, part of the `passthrough:messaging` event.

    Attributes:
        url: The URL of the data.
        bid: The extension's bundle id.
        key: The key that decrypts the data.
        signature: The data's signature.
        owner: The owner of the data.
    """

    url: str
    bid: str
    key: str = attrs.field(repr=False)
    signature: str
    owner: str


@model
class ConversionEvents(Model):
    """Meta's result for posted conversion events.

    Attributes:
        dataset_id: The dataset that received them.
        events_received: The number of accepted events.
    """

    dataset_id: str | None = None
    events_received: int | None = None
