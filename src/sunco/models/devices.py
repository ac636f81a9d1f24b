"""The devices of a user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

from sunco.models.base import Model, model

__all__ = ["Device", "DeviceStatus", "DeviceType"]

DeviceType: TypeAlias = Literal["android", "ios", "web"] | str
DeviceStatus: TypeAlias = Literal["active", "inactive"] | str


@model
class Device(Model):
    """A phone or browser in which the SDK runs. All of it is set by the API.

    Attributes:
        id: The device's id.
        type: `"android"`, `"ios"` or `"web"`.
        guid: The SDK's own identifier.
        client_id: The client it belongs to.
        status: `"active"` or `"inactive"`: whether it gets push notifications.
        integration_id: The integration it was made for.
        last_seen: When the user last used it.
        push_notification_token: The token for push notifications on Android and iOS.
        info: The platform as the SDK reports it; no key is guaranteed.
        app_version: The version of the app around the SDK; none for `"web"`.
    """

    id: str
    type: DeviceType | None = None
    guid: str | None = None
    client_id: str | None = None
    status: DeviceStatus | None = None
    integration_id: str | None = None
    last_seen: datetime | None = None
    push_notification_token: str | None = attrs.field(default=None, repr=False)
    info: Mapping[str, Any] | None = None
    app_version: str | None = None
