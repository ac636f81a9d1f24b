"""Integrations: what an app is connected to. All kinds can be had from here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

import attrs

from sunco.models.base import Model, model
from sunco.models.integrations.base import (
    BaseIntegration,
    ChannelIntegration,
    DefaultResponder,
    IntegrationStatus,
)
from sunco.models.integrations.channels import (
    AppleIntegration,
    InstagramIntegration,
    LineIntegration,
    MailgunIntegration,
    MessagebirdIntegration,
    MessengerIntegration,
    TelegramIntegration,
    TwilioIntegration,
    TwitterIntegration,
    ViberIntegration,
    WhatsappIntegration,
)
from sunco.models.integrations.sdk import (
    AndroidIntegration,
    IosIntegration,
    PrechatCapture,
    SdkIntegration,
    UnityIntegration,
    WebDisplayStyle,
    WebIntegration,
)
from sunco.models.webhooks import Webhook

__all__ = [
    "AndroidIntegration",
    "AppleIntegration",
    "BaseIntegration",
    "ChannelIntegration",
    "CustomIntegration",
    "DefaultResponder",
    "InstagramIntegration",
    "Integration",
    "IntegrationKey",
    "IntegrationStatus",
    "IntegrationType",
    "IosIntegration",
    "LineIntegration",
    "MailgunIntegration",
    "MessagebirdIntegration",
    "MessengerIntegration",
    "PrechatCapture",
    "SdkIntegration",
    "TelegramIntegration",
    "TwilioIntegration",
    "TwitterIntegration",
    "UnityIntegration",
    "UnknownIntegration",
    "ViberIntegration",
    "WebDisplayStyle",
    "WebIntegration",
    "WhatsappIntegration",
]

IntegrationType: TypeAlias = (
    Literal[
        "android",
        "apple",
        "custom",
        "instagram",
        "ios",
        "line",
        "mailgun",
        "messagebird",
        "messenger",
        "telegram",
        "twilio",
        "twitter",
        "unity",
        "viber",
        "web",
        "whatsapp",
    ]
    | str
)


@model
class CustomIntegration(BaseIntegration):
    """The business's own software, reached through a webhook.

    Attributes:
        webhooks: The webhook; exactly one is required to create.
    """

    type: ClassVar[Literal["custom"]] = "custom"

    webhooks: Sequence[Webhook] | None = None


@model
class UnknownIntegration(Model):
    """An integration of a type that this version of sunco does not know.

    Attributes:
        type: The type as the API gave it. All else is in `extra`.
    """

    type: str | None = attrs.field(default=None, kw_only=False)

    @property
    def id(self) -> str | None:
        """The integration's id, from `extra`."""
        return self.extra.get("id")

    @property
    def status(self) -> IntegrationStatus | None:
        """The integration's status, from `extra`."""
        return self.extra.get("status")

    @property
    def display_name(self) -> str | None:
        """The integration's name, from `extra`."""
        return self.extra.get("displayName")


Integration: TypeAlias = (
    AndroidIntegration
    | AppleIntegration
    | CustomIntegration
    | InstagramIntegration
    | IosIntegration
    | LineIntegration
    | MailgunIntegration
    | MessagebirdIntegration
    | MessengerIntegration
    | TelegramIntegration
    | TwilioIntegration
    | TwitterIntegration
    | UnityIntegration
    | ViberIntegration
    | WebIntegration
    | WhatsappIntegration
    | UnknownIntegration
)
"""Anything that an app can be connected to."""


@model
class IntegrationKey(Model):
    """An API key for a custom integration.

    Attributes:
        id: The key's id, `"int_..."`: the user name of Basic authentication, the `kid` of a JWT.
        display_name: A name to show.
        secret: The password of Basic authentication, and what JWTs are signed with.
    """

    id: str
    display_name: str | None = None
    secret: str | None = attrs.field(default=None, repr=False)
