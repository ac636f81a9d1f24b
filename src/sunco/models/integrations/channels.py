"""Integrations that lead to other companies' channels: messengers, SMS, email.

What is required to create one is optional in its class where the API need not return it:
reading must not fail for want of a secret.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import attrs

from sunco.models.base import model, read_only
from sunco.models.integrations.base import ChannelIntegration

__all__ = [
    "AppleIntegration",
    "InstagramIntegration",
    "LineIntegration",
    "MailgunIntegration",
    "MessagebirdIntegration",
    "MessengerIntegration",
    "TelegramIntegration",
    "TwilioIntegration",
    "TwitterIntegration",
    "ViberIntegration",
    "WhatsappIntegration",
]


@model
class AppleIntegration(ChannelIntegration):
    """Apple Messages for Business.

    Attributes:
        business_id: The business's id with Apple. Required to create.
        api_secret: The messaging service provider's secret. Required to create. Write-only.
        msp_id: The messaging service provider's id. Required to create.
        authentication_message_secret: What the state of authentication messages (Apple's version
            2.0) is made with, 88 characters at least.
    """

    type: ClassVar[Literal["apple"]] = "apple"

    business_id: str | None = None
    api_secret: str | None = attrs.field(default=None, repr=False)
    msp_id: str | None = None
    authentication_message_secret: str | None = attrs.field(default=None, repr=False)


@model
class InstagramIntegration(ChannelIntegration):
    """Instagram Direct, through a Facebook app that Meta has reviewed.

    Attributes:
        page_access_token: For the Facebook page that the Instagram account is linked to. Required
            to create. Write-only.
        app_id: The Facebook app. Required to create.
        app_secret: The Facebook app's secret. Required to create. Write-only.
        business_name: The Instagram account's name. Read-only.
        business_username: The Instagram account's unique user name. Read-only.
        page_id: The linked Facebook page. Read-only.
        business_id: The Instagram account's id. Read-only.
        username: The name of the Facebook user who connected it on the dashboard. Read-only.
        user_id: The id of the Facebook user who connected it on the dashboard. Read-only.
        story_replies_enabled: Create messages for replies and reactions to the business's stories.
            The API's default is true.
        story_mentions_enabled: Report it as a `conversation:referral` event when a user's story
            mentions the business. The API's default is true.
    """

    type: ClassVar[Literal["instagram"]] = "instagram"

    page_access_token: str | None = attrs.field(default=None, repr=False)
    app_id: str | None = None
    app_secret: str | None = attrs.field(default=None, repr=False)
    business_name: str | None = attrs.field(default=None, metadata=read_only())
    business_username: str | None = attrs.field(default=None, metadata=read_only())
    page_id: str | None = attrs.field(default=None, metadata=read_only())
    business_id: str | None = attrs.field(default=None, metadata=read_only())
    username: str | None = attrs.field(default=None, metadata=read_only())
    user_id: str | None = attrs.field(default=None, metadata=read_only())
    story_replies_enabled: bool | None = None
    story_mentions_enabled: bool | None = None


@model
class LineIntegration(ChannelIntegration):
    """LINE. Its console takes a webhook URL that has the integration's id in it.

    `channel_id` and `channel_secret` can both be left out, to have that URL before LINE gives them.

    Attributes:
        channel_id: The LINE channel.
        channel_secret: The channel's secret.
        channel_access_token: The channel's access token.
        service_code: LINE's code for the service.
        switcher_secret: LINE's secret for its switcher.
        qr_code_url: The URL that LINE's console gives.
        line_id: The account's basic id, taken from `qr_code_url`. Read-only.
    """

    type: ClassVar[Literal["line"]] = "line"

    channel_id: str | None = None
    channel_secret: str | None = attrs.field(default=None, repr=False)
    channel_access_token: str | None = attrs.field(default=None, repr=False)
    service_code: str | None = None
    switcher_secret: str | None = attrs.field(default=None, repr=False)
    qr_code_url: str | None = None
    line_id: str | None = attrs.field(default=None, metadata=read_only())


@model
class MailgunIntegration(ChannelIntegration):
    """Email, through Mailgun.

    Attributes:
        api_key: The Mailgun account's API key. Required to create. Write-only.
        signing_key: The key that Mailgun signs webhooks with, where it is not `api_key`.
        domain: The domain that relays email, verified with Mailgun. Required to create.
        incoming_address: Where users write to, in `domain`. Required to create.
        hide_unsubscribe_link: Leave the unsubscribe link out of emails; the business then has to
            give another way.
        from_address: The sender of emails and recipient of replies, `incoming_address` by default.
            It must forward there, else replies are lost.
    """

    type: ClassVar[Literal["mailgun"]] = "mailgun"

    api_key: str | None = attrs.field(default=None, repr=False)
    signing_key: str | None = attrs.field(default=None, repr=False)
    domain: str | None = None
    incoming_address: str | None = None
    hide_unsubscribe_link: bool | None = None
    from_address: str | None = None


@model
class MessagebirdIntegration(ChannelIntegration):
    """SMS, through MessageBird, whose flow needs a URL with the integration's id and secret.

    Attributes:
        access_key: The MessageBird account's API key. Required to create. Write-only.
        signing_key: The key that MessageBird signs webhooks with. Required to create. Write-only.
        originator: The phone number that users write to. Required to create.
        webhook_secret: For the webhook's URL in MessageBird. Read-only.
    """

    type: ClassVar[Literal["messagebird"]] = "messagebird"

    access_key: str | None = attrs.field(default=None, repr=False)
    signing_key: str | None = attrs.field(default=None, repr=False)
    originator: str | None = None
    webhook_secret: str | None = attrs.field(default=None, repr=False, metadata=read_only())


@model
class MessengerIntegration(ChannelIntegration):
    """Facebook Messenger, through a Facebook app that Meta has reviewed.

    Attributes:
        page_access_token: For the Facebook page. Required to create.
        app_id: The Facebook app. Required to create.
        app_secret: The Facebook app's secret. Required to create. Write-only.
        page_id: The Facebook page; a whole number.
        page_name: The Facebook page's name.
    """

    type: ClassVar[Literal["messenger"]] = "messenger"

    page_access_token: str | None = attrs.field(default=None, repr=False)
    app_id: str | None = None
    app_secret: str | None = attrs.field(default=None, repr=False)
    page_id: float | None = None
    page_name: str | None = None


@model
class TelegramIntegration(ChannelIntegration):
    """A Telegram bot.

    Attributes:
        token: The bot's token. Required to create. Write-only.
        username: The bot's user name. Read-only.
        bot_id: The bot's id. Read-only.
    """

    type: ClassVar[Literal["telegram"]] = "telegram"

    token: str | None = attrs.field(default=None, repr=False)
    username: str | None = attrs.field(default=None, metadata=read_only())
    bot_id: str | None = attrs.field(default=None, metadata=read_only())


@model
class TwilioIntegration(ChannelIntegration):
    """SMS, through Twilio; one of the two SIDs for numbers is required to create it.

    Attributes:
        account_sid: The Twilio account. Required to create.
        auth_token: The account's token. Required to create. Write-only.
        phone_number_sid: A single phone number.
        messaging_service_sid: A messaging service.
    """

    type: ClassVar[Literal["twilio"]] = "twilio"

    account_sid: str | None = None
    auth_token: str | None = attrs.field(default=None, repr=False)
    phone_number_sid: str | None = None
    messaging_service_sid: str | None = None


@model
class TwitterIntegration(ChannelIntegration):
    """Direct messages on Twitter (X).

    Attributes:
        tier: `"enterprise"`, the only one for new integrations. Required to create.
        env_name: The development environment of older tiers. Read-only.
        consumer_key: The Twitter app's key. Required to create. Write-only.
        consumer_secret: The Twitter app's secret. Required to create. Write-only.
        access_token_key: The account's token, by OAuth. Required to create. Write-only.
        access_token_secret: The token's secret. Required to create. Write-only.
    """

    type: ClassVar[Literal["twitter"]] = "twitter"

    tier: Literal["enterprise"] | str | None = None
    env_name: str | None = attrs.field(default=None, metadata=read_only())
    consumer_key: str | None = attrs.field(default=None, repr=False)
    consumer_secret: str | None = attrs.field(default=None, repr=False)
    access_token_key: str | None = attrs.field(default=None, repr=False)
    access_token_secret: str | None = attrs.field(default=None, repr=False)


@model
class ViberIntegration(ChannelIntegration):
    """A Viber account.

    Attributes:
        token: The account's token. Required to create. Write-only.
        uri: The account's unique URI. Read-only.
        account_id: The account's id. Read-only.
    """

    type: ClassVar[Literal["viber"]] = "viber"

    token: str | None = attrs.field(default=None, repr=False)
    uri: str | None = attrs.field(default=None, metadata=read_only())
    account_id: str | None = attrs.field(default=None, metadata=read_only())


@model
class WhatsappIntegration(ChannelIntegration):
    """WhatsApp.

    The account's id and token together let the API show templates in the conversation as the user
    saw them.

    Attributes:
        hsm_fallback_language: For templates in shorthand that are not there in the user's language;
            `"en_US"` by default.
        account_id: The business id of the WhatsApp account.
        account_management_access_token: For the account's management API.
        phone_number: The phone number that users write to. Read-only.
    """

    type: ClassVar[Literal["whatsapp"]] = "whatsapp"

    hsm_fallback_language: str | None = None
    account_id: str | None = None
    account_management_access_token: str | None = attrs.field(default=None, repr=False)
    phone_number: str | None = attrs.field(default=None, metadata=read_only())
