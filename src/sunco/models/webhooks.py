"""Webhooks: URLs that receive events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import attrs

from sunco.models.base import Model, model, read_only

__all__ = ["Trigger", "Webhook", "WebhookTrigger"]

Trigger: TypeAlias = Literal[
    "client:add",
    "client:remove",
    "client:update",
    "conversation:create",
    "conversation:join",
    "conversation:leave",
    "conversation:message",
    "conversation:message:delivery:channel",
    "conversation:message:delivery:failure",
    "conversation:message:delivery:user",
    "conversation:postback",
    "conversation:read",
    "conversation:referral",
    "conversation:remove",
    "conversation:typing",
    "passthrough:messaging",
    "switchboard:acceptControl",
    "switchboard:acceptControl:failure",
    "switchboard:offerControl",
    "switchboard:offerControl:failure",
    "switchboard:passControl",
    "switchboard:passControl:failure",
    "switchboard:releaseControl",
    "user:merge",
    "user:remove",
    "user:update",
]
"""The triggers that this version knows."""

WebhookTrigger: TypeAlias = Trigger | str


@model
class Webhook(Model):
    """A URL that receives events, as returned and as passed to a custom integration.

    Attributes:
        target: The URL that events are posted to.
        id: The webhook's id. Read-only.
        version: The form of what is posted: `"v1"`, `"v1.1"` or `"v2"`. Read-only.
        triggers: Which events to report; case matters.
        secret: Made by the API, and sent as `X-API-Key` with every delivery.
        include_full_user: Put the whole user into events. The API's default is false.
        include_full_source: Put client and device into events. The API's default is false.
    """

    target: str = attrs.field(kw_only=False)
    id: str | None = attrs.field(default=None, metadata=read_only())
    version: str | None = attrs.field(default=None, metadata=read_only())
    triggers: Sequence[WebhookTrigger]
    secret: str | None = attrs.field(default=None, repr=False)
    include_full_user: bool | None = None
    include_full_source: bool | None = None
