"""Linking a user to a channel: match criteria and confirmation."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import attrs

from sunco.models.base import Model, model
from sunco.models.messages import MessagePost

__all__ = [
    "Confirmation",
    "ConfirmationType",
    "MailgunMatchCriteria",
    "MatchCriteria",
    "MessagebirdMatchCriteria",
    "TwilioMatchCriteria",
    "UnknownMatchCriteria",
    "WhatsappMatchCriteria",
]

ConfirmationType: TypeAlias = Literal["immediate", "userActivity", "prompt"] | str


@model
class MailgunMatchCriteria(Model):
    """Finds the user by email, through a Mailgun integration.

    Attributes:
        integration_id: The integration to link, of this type.
        address: The user's email address.
        subject: The subject of the first email; by default `New message from {appName}`.
        primary: Whether this becomes the conversation's primary client. The API's default is true.
    """

    type: ClassVar[Literal["mailgun"]] = "mailgun"

    integration_id: str
    address: str
    subject: str | None = None
    primary: bool | None = None


@model
class MessagebirdMatchCriteria(Model):
    """Finds the user by phone number, through a MessageBird integration.

    Attributes:
        integration_id: The integration to link, of this type.
        phone_number: With `+` and country code: `+1 212-555-2368`.
        primary: Whether this becomes the conversation's primary client. The API's default is true.
    """

    type: ClassVar[Literal["messagebird"]] = "messagebird"

    integration_id: str
    phone_number: str
    primary: bool | None = None


@model
class TwilioMatchCriteria(Model):
    """Finds the user by phone number, through a Twilio integration.

    Attributes:
        integration_id: The integration to link, of this type.
        phone_number: With `+` and country code: `+1 212-555-2368`.
        primary: Whether this becomes the conversation's primary client. The API's default is true.
    """

    type: ClassVar[Literal["twilio"]] = "twilio"

    integration_id: str
    phone_number: str
    primary: bool | None = None


@model
class WhatsappMatchCriteria(Model):
    """Finds the user by phone number, through a WhatsApp integration.

    Attributes:
        integration_id: The integration to link, of this type.
        phone_number: With `+` and country code: `+1 212-555-2368`.
        primary: Whether this becomes the conversation's primary client. The API's default is true.
    """

    type: ClassVar[Literal["whatsapp"]] = "whatsapp"

    integration_id: str
    phone_number: str
    primary: bool | None = None


@model
class UnknownMatchCriteria(Model):
    """Match criteria of a type that this version of sunco does not know.

    Attributes:
        type: The type as the API has it. All else is in `extra`.
    """

    type: str | None = attrs.field(default=None, kw_only=False)


MatchCriteria: TypeAlias = (
    MailgunMatchCriteria
    | MessagebirdMatchCriteria
    | TwilioMatchCriteria
    | WhatsappMatchCriteria
    | UnknownMatchCriteria
)
"""The channel, and the user's address on it."""


@model
class Confirmation(Model):
    """When a link becomes active, and the message to the user.

    Attributes:
        type: `"immediate"`, `"userActivity"` (once the user writes) or `"prompt"` (once the user
            agrees).
        message: Sent to reach out to the user: text or an image, with `Link` actions only. It does
            not become part of the conversation.
    """

    type: ConfirmationType = attrs.field(kw_only=False)
    message: MessagePost | None = None
