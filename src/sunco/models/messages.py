"""Messages with their authors, sources and destinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from sunco.models.base import Metadata, Model, model, read_only
from sunco.models.clients import Client
from sunco.models.content import Content
from sunco.models.devices import Device
from sunco.models.users import User

__all__ = [
    "ActivityType",
    "AppleOverride",
    "Author",
    "AuthorSubtype",
    "AuthorType",
    "Campaign",
    "ChannelOverride",
    "Destination",
    "Message",
    "MessageActivity",
    "MessageOverride",
    "MessagePost",
    "QuotedExternalMessage",
    "QuotedMessage",
    "QuotedMessageMessage",
    "Reference",
    "Source",
    "UnknownQuotedMessage",
]

ActivityType: TypeAlias = Literal["conversation:read", "typing:start", "typing:stop"] | str
AuthorType: TypeAlias = Literal["business", "user"] | str
AuthorSubtype: TypeAlias = Literal["AI", "activity", "agent", "bot"] | str


@model
class Author(Model):
    """The author of a message or activity.

    Attributes:
        type: `"business"` or `"user"` (the end user).
        subtypes: One at most: `"AI"` (a disclaimer is added for the user), `"activity"`; in
            responses also `"agent"` and `"bot"`.
        user_id: The user; for `"user"` only.
        user_external_id: The user by external id; for `"user"` only. Write-only.
        brand_id: The brand of a brand-separated user named by external id. Write-only.
        display_name: The name to show.
        avatar_url: A picture (JPG, PNG or GIF) to show.
        user: The user, in webhooks; with profile and more if they ask for the full user. Read-only.
    """

    type: AuthorType = attrs.field(kw_only=False)
    subtypes: Sequence[AuthorSubtype] | None = None
    user_id: str | None = None
    user_external_id: str | None = None
    brand_id: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None
    user: User | None = attrs.field(default=None, metadata=read_only())


@model
class MessageActivity(Model):
    """A system activity that a message reports.

    Attributes:
        type: The ticket was closed, was moved to email, or the user ended the conversation.
        data: Details; empty for the types known today.
    """

    type: Literal["ticket:closed", "ticket:transfer:email", "conversation:endedByUser"] | str = (
        attrs.field(kw_only=False)
    )
    data: Mapping[str, Any] | None = None


@model
class Campaign(Model):
    """A campaign of proactive messages.

    Attributes:
        id: The campaign's id.
    """

    id: str | None = None


@model
class Source(Model):
    """The channel that a message or event came from.

    Attributes:
        type: The channel: `"api:conversations"`, `"sdk"`, `"messenger"`, and many more.
        integration_id: The integration it came through; for messages of users.
        original_message_id: The id of the message on the channel.
        original_message_timestamp: When the channel received it.
        client: The user's client; in webhooks that ask for the full source.
        device: The user's device; in webhooks that ask for the full source.
        campaign: The campaign that a message replies to; in webhooks.
    """

    type: str | None = attrs.field(default=None, kw_only=False)
    integration_id: str | None = None
    original_message_id: str | None = None
    original_message_timestamp: datetime | None = None
    client: Client | None = None
    device: Device | None = None
    campaign: Campaign | None = None


@model
class Reference(Model):
    """A source of a bot's reply.

    Attributes:
        uri: The URL, 2,048 characters at most.
        title: 128 characters at most.
        description: 256 characters at most.
    """

    uri: str = attrs.field(kw_only=False)
    title: str | None = None
    description: str | None = None


@model
class Message(Model):
    """A message of a conversation. All of it is set by the API.

    Attributes:
        id: The message's id.
        received: When the API received it.
        author: The author.
        content: The content.
        activity: The system activity that it reports, if any.
        source: The channel it came from.
        quoted_message: The quoted message (WhatsApp, and Web Messenger's form responses).
        metadata: Custom properties.
        deleted: True for the placeholder of a deleted message.
        references: The sources of a bot's reply, ten at most.
    """

    id: str
    received: datetime | None = None
    author: Author | None = None
    content: Content | None = None
    activity: MessageActivity | None = None
    source: Source | None = None
    quoted_message: QuotedMessage | None = None
    metadata: Metadata | None = None
    deleted: bool | None = None
    references: Sequence[Reference] | None = None


@model
class QuotedMessageMessage(Model):
    """A quoted message that the API has.

    Attributes:
        message: The message.
    """

    type: ClassVar[Literal["message"]] = "message"

    message: Message | None = attrs.field(default=None, kw_only=False)


@model
class QuotedExternalMessage(Model):
    """A quoted message that only the channel has.

    Attributes:
        external_message_id: The id of the message on the channel.
    """

    type: ClassVar[Literal["externalMessageId"]] = "externalMessageId"

    external_message_id: str | None = attrs.field(default=None, kw_only=False)


@model
class UnknownQuotedMessage(Model):
    """A quotation of a type that is unknown to this version of sunco, or that cannot be read.

    Attributes:
        type: The type as the API gave it. All else is in `extra`.
    """

    type: str | None = attrs.field(default=None, kw_only=False)


QuotedMessage: TypeAlias = QuotedMessageMessage | QuotedExternalMessage | UnknownQuotedMessage
"""A quoted message."""


@model
class Destination(Model):
    """The only channel to deliver a business message to. Pass one of the two.

    Attributes:
        integration_id: The integration.
        integration_type: Its type; `"none"` sends a silent message.
    """

    integration_id: str | None = None
    integration_type: str | None = None


@model
class ChannelOverride(Model):
    """A message in a channel's own format.

    Attributes:
        payload: Passed to the channel unchanged.
    """

    payload: Mapping[str, Any] | None = attrs.field(default=None, kw_only=False)


@model
class AppleOverride(Model):
    """A message in Apple's own format.

    Attributes:
        payload: Passed to the channel unchanged.
        with_capabilities: What the user's device must support: `"LIST"`, `"TIME"`, `"FORM"`,
            `"QUICK"`, `"AUTH2"`.
    """

    payload: Mapping[str, Any] | None = attrs.field(default=None, kw_only=False)
    with_capabilities: Sequence[Literal["LIST", "TIME", "FORM", "QUICK", "AUTH2"] | str] | None = (
        None
    )


@model
class MessageOverride(Model):
    """Replacements for the content on single channels.

    Attributes:
        apple: For Apple Messages for Business.
        line: For LINE.
        messenger: For Facebook Messenger.
        whatsapp: For WhatsApp.
    """

    apple: AppleOverride | None = None
    line: ChannelOverride | None = None
    messenger: ChannelOverride | None = None
    whatsapp: ChannelOverride | None = None


@model
class MessagePost(Model):
    """A message to send as part of another request (`Confirmation`).

    Attributes:
        content: The content.
        author: The author; the business by default.
        destination: The only channel to deliver it to.
        metadata: Custom properties.
        override: Replacements for `content` on single channels.
        schema: `"whatsapp"` when the content is a WhatsApp template.
    """

    content: Content = attrs.field(kw_only=False)
    author: Author = attrs.field(factory=lambda: Author("business"))
    destination: Destination | None = None
    metadata: Metadata | None = None
    override: MessageOverride | None = None
    schema: str | None = None
