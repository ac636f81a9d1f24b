"""Changes to integrations: `None` clears a value, `UNSET` leaves it alone.

They hold what the API lets one change. For all else, an integration is deleted and made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import attrs

from sunco.models.base import UNSET, Model, Unset, json_key, model
from sunco.models.integrations.sdk import PrechatCapture, WebDisplayStyle

__all__ = [
    "AndroidIntegrationUpdate",
    "AppleIntegrationUpdate",
    "BaseIntegrationUpdate",
    "ChannelIntegrationUpdate",
    "CustomIntegrationUpdate",
    "InstagramIntegrationUpdate",
    "IntegrationUpdate",
    "IosIntegrationUpdate",
    "LineIntegrationUpdate",
    "MailgunIntegrationUpdate",
    "MessagebirdIntegrationUpdate",
    "MessengerIntegrationUpdate",
    "SdkIntegrationUpdate",
    "TelegramIntegrationUpdate",
    "TwilioIntegrationUpdate",
    "TwitterIntegrationUpdate",
    "UnityIntegrationUpdate",
    "ViberIntegrationUpdate",
    "WebIntegrationUpdate",
    "WhatsappIntegrationUpdate",
]


@model
class BaseIntegrationUpdate(Model):
    """Changes to any integration.

    Attributes:
        display_name: A name to show, 1 to 100 characters.
    """

    display_name: str | Unset | None = UNSET


@model
class ChannelIntegrationUpdate(BaseIntegrationUpdate):
    """Changes to any integration that users write through.

    Attributes:
        default_responder_id: The responder that responds first.
        show_ai_disclaimer: Mark messages that an AI has written. Turning it off can conflict with
            laws on AI.
    """

    default_responder_id: str | Unset | None = UNSET
    show_ai_disclaimer: bool | Unset = attrs.field(
        default=UNSET, metadata=json_key("showAIDisclaimer")
    )


@model
class SdkIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to the integration of an SDK.

    Attributes:
        can_user_see_conversation_list: Let users see all their conversations; for apps with
            `multi_convo_enabled`.
        can_user_create_more_conversations: Let users have more than one conversation.
    """

    can_user_see_conversation_list: bool | Unset = UNSET
    can_user_create_more_conversations: bool | Unset = UNSET


@model
class AndroidIntegrationUpdate(SdkIntegrationUpdate):
    """Changes to an `AndroidIntegration`.

    Attributes:
        project_id: The `project_id` of a Firebase private key file.
        client_email: The file's `client_email`.
        private_key: The file's `private_key`.
        server_key: Of Firebase's legacy API, which is gone.
        sender_id: Of Firebase's legacy API, which is gone.
    """

    project_id: str | Unset | None = UNSET
    client_email: str | Unset | None = UNSET
    private_key: str | Unset | None = attrs.field(default=UNSET, repr=False)
    server_key: str | Unset | None = attrs.field(default=UNSET, repr=False)
    sender_id: str | Unset | None = UNSET


@model
class IosIntegrationUpdate(SdkIntegrationUpdate):
    """Changes to an `IosIntegration`.

    Attributes:
        certificate: The certificate for push notifications (`.p12`) in base64.
        password: The certificate's password.
        production: Use Apple's production environment, not its sandbox.
        auto_update_badge: Show the number of unread messages on the app's icon.
    """

    certificate: str | Unset | None = attrs.field(default=UNSET, repr=False)
    password: str | Unset = attrs.field(default=UNSET, repr=False)
    production: bool | Unset = UNSET
    auto_update_badge: bool | Unset = UNSET


@model
class UnityIntegrationUpdate(SdkIntegrationUpdate):
    """Changes to a `UnityIntegration`."""


@model
class WebIntegrationUpdate(SdkIntegrationUpdate):
    """Changes to a `WebIntegration`. Colours are three or six hexadecimal digits.

    Attributes:
        brand_color: Of the header, and of the button or tab.
        fixed_intro_pane: Pin the introduction above the conversation.
        conversation_color: Of the user's messages and quick replies.
        action_color: Of buttons in messages.
        display_style: `"button"` or `"tab"`.
        button_icon_url: A picture for the button: JPG, PNG or GIF, 200 x 200 pixels at least.
        button_width: Of the button.
        button_height: Of the button.
        integration_order: The ids of the channels to offer, in their order; None offers all.
        business_name: The name in the header.
        business_icon_url: A picture: JPG, PNG or GIF, 200 x 200 pixels at least.
        background_image_url: A picture that is tiled behind the conversation.
        origin_whitelist: The origins that may load it; None lets all.
        prechat_capture: A form to show before a conversation begins.
    """

    brand_color: str | Unset = UNSET
    fixed_intro_pane: bool | Unset = UNSET
    conversation_color: str | Unset = UNSET
    action_color: str | Unset = UNSET
    display_style: WebDisplayStyle | Unset = UNSET
    button_icon_url: str | Unset | None = UNSET
    button_width: str | Unset = UNSET
    button_height: str | Unset = UNSET
    integration_order: Sequence[str] | Unset | None = UNSET
    business_name: str | Unset = UNSET
    business_icon_url: str | Unset = UNSET
    background_image_url: str | Unset = UNSET
    origin_whitelist: Sequence[str] | Unset | None = UNSET
    prechat_capture: PrechatCapture | Unset = UNSET


@model
class AppleIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to an `AppleIntegration`.

    Attributes:
        authentication_message_secret: What the state of authentication messages is made with, 88
            characters at least.
    """

    authentication_message_secret: str | Unset = attrs.field(default=UNSET, repr=False)


@model
class CustomIntegrationUpdate(BaseIntegrationUpdate):
    """Changes to a `CustomIntegration`; its webhooks have operations of their own."""


@model
class InstagramIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to an `InstagramIntegration`.

    Attributes:
        page_access_token: For the Facebook page that the Instagram account is linked to.
        story_replies_enabled: Create messages for replies and reactions to the business's stories.
        story_mentions_enabled: Report it as a `conversation:referral` event when a user's story
            mentions the business.
    """

    page_access_token: str | Unset = attrs.field(default=UNSET, repr=False)
    story_replies_enabled: bool | Unset = UNSET
    story_mentions_enabled: bool | Unset = UNSET


@model
class LineIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to a `LineIntegration`."""


@model
class MailgunIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to a `MailgunIntegration`.

    Attributes:
        hide_unsubscribe_link: Leave the unsubscribe link out of emails; the business then has to
            give another way.
        from_address: The sender of emails and recipient of replies. It must forward to the incoming
            address, else replies are lost. None resets it to the incoming address.
    """

    hide_unsubscribe_link: bool | Unset = UNSET
    from_address: str | Unset | None = UNSET


@model
class MessagebirdIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to a `MessagebirdIntegration`."""


@model
class MessengerIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to a `MessengerIntegration`.

    Attributes:
        page_access_token: For the Facebook page.
    """

    page_access_token: str | Unset = attrs.field(default=UNSET, repr=False)


@model
class TelegramIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to a `TelegramIntegration`."""


@model
class TwilioIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to a `TwilioIntegration`."""


@model
class TwitterIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to a `TwitterIntegration`."""


@model
class ViberIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to a `ViberIntegration`."""


@model
class WhatsappIntegrationUpdate(ChannelIntegrationUpdate):
    """Changes to a `WhatsappIntegration`.

    Attributes:
        hsm_fallback_language: For templates in shorthand that are not there in the user's language.
        account_id: The business id of the WhatsApp account.
        account_management_access_token: For the account's management API.
    """

    hsm_fallback_language: str | Unset | None = UNSET
    account_id: str | Unset | None = UNSET
    account_management_access_token: str | Unset | None = attrs.field(default=UNSET, repr=False)


IntegrationUpdate: TypeAlias = (
    AndroidIntegrationUpdate
    | AppleIntegrationUpdate
    | CustomIntegrationUpdate
    | InstagramIntegrationUpdate
    | IosIntegrationUpdate
    | LineIntegrationUpdate
    | MailgunIntegrationUpdate
    | MessagebirdIntegrationUpdate
    | MessengerIntegrationUpdate
    | TelegramIntegrationUpdate
    | TwilioIntegrationUpdate
    | TwitterIntegrationUpdate
    | UnityIntegrationUpdate
    | ViberIntegrationUpdate
    | WebIntegrationUpdate
    | WhatsappIntegrationUpdate
)
"""Changes to an integration of one type or another."""
