"""Clients: a user's channels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

from sunco.models.base import Model, model

__all__ = ["Client", "ClientStatus", "ClientType"]

ClientStatus: TypeAlias = Literal["active", "blocked", "inactive", "pending"] | str
ClientType: TypeAlias = (
    Literal[
        "apple",
        "gbm",
        "googlercs",
        "instagram",
        "kakao",
        "line",
        "mailgun",
        "messagebird",
        "messenger",
        "sdk",
        "slackconnect",
        "telegram",
        "twilio",
        "twitter",
        "viber",
        "wechat",
        "whatsapp",
    ]
    | str
)


@model
class Client(Model):
    """A user's presence on one channel. All of it is set by the API.

    Attributes:
        id: The client's id.
        type: The channel, `"whatsapp"`; `"sdk"` for the web and mobile SDKs.
        status: `"active"`, `"blocked"`, `"inactive"` or `"pending"`: whether messages reach it.
        integration_id: The integration it was made for; unused for `"sdk"`.
        external_id: The user's id on the channel, such as a phone number; none for `"sdk"`.
        last_seen: When the user last used it.
        linked_at: When it was added to the user.
        display_name: The user's name on the channel.
        avatar_url: The user's picture on the channel.
        info: Selected details, different for each channel; no key is guaranteed.
        raw: The channel's own details; no key is guaranteed.
    """

    id: str
    type: ClientType | None = None
    status: ClientStatus | None = None
    integration_id: str | None = None
    external_id: str | None = None
    last_seen: datetime | None = None
    linked_at: datetime | None = None
    display_name: str | None = None
    avatar_url: str | None = None
    info: Mapping[str, Any] | None = None
    raw: Mapping[str, Any] | None = None
