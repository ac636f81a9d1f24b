"""Participants of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from sunco.models.base import Model, json_key, model
from sunco.models.clients import ClientType

__all__ = ["ClientAssociation", "Participant", "ParticipantUser"]


@model
class ClientAssociation(Model):
    """A client that a participant uses in the conversation.

    Attributes:
        type: The channel.
        client_id: The client.
    """

    type: ClientType | None = None
    client_id: str | None = None


@model
class Participant(Model):
    """A user's membership of a conversation. All of it is set by the API.

    Attributes:
        id: The participant's id.
        user_id: The user.
        unread_count: The number of messages that the user has not read.
        client_associations: The user's clients in this conversation, the most recently used first.
        user_external_id: The user's external id.
        last_read: When the newest message was received that the user has read.
    """

    id: str
    user_id: str | None = None
    unread_count: int | None = None
    client_associations: Sequence[ClientAssociation] | None = None
    user_external_id: str | None = None
    last_read: datetime | None = None


@model
class ParticipantUser(Model):
    """A user to add to a conversation. Pass one of `user_id` and `user_external_id`.

    Attributes:
        user_id: The user.
        user_external_id: The user by external id.
        subscribe_sdk_client: Subscribe the user's SDK client, so that push notifications start at
            once. Required for `"sdkGroup"` conversations.
    """

    user_id: str | None = None
    user_external_id: str | None = None
    subscribe_sdk_client: bool | None = attrs.field(
        default=None, metadata=json_key("subscribeSDKClient")
    )
