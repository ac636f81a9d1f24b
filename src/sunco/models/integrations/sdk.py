"""Integrations of your own site or app: the web and mobile SDKs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, TypeAlias

import attrs

from sunco.models.base import Model, model, read_only
from sunco.models.content import FormField
from sunco.models.integrations.base import ChannelIntegration

__all__ = [
    "AndroidIntegration",
    "IosIntegration",
    "PrechatCapture",
    "SdkIntegration",
    "UnityIntegration",
    "WebDisplayStyle",
    "WebIntegration",
]

WebDisplayStyle: TypeAlias = Literal["button", "tab"] | str


@model
class SdkIntegration(ChannelIntegration):
    """The base class of the integrations of SDKs.

    Attributes:
        can_user_see_conversation_list: Let users see all their conversations, as the API does by
            default; for apps with `multi_convo_enabled`.
        can_user_create_more_conversations: Let users have more than one conversation.
        attachments_enabled: Whether users can send attachments; set in the Admin Center. Read-only.
    """

    can_user_see_conversation_list: bool | None = None
    can_user_create_more_conversations: bool | None = None
    attachments_enabled: bool | None = attrs.field(default=None, metadata=read_only())


@model
class AndroidIntegration(SdkIntegration):
    """The Android SDK. A Firebase private key file has the values for push notifications.

    Attributes:
        project_id: The file's `project_id`. Write-only.
        client_email: The file's `client_email`. Write-only.
        private_key: The file's `private_key`. Write-only.
        server_key: Of Firebase's legacy API, which is gone. Write-only.
        sender_id: Of Firebase's legacy API, which is gone.
    """

    type: ClassVar[Literal["android"]] = "android"

    project_id: str | None = None
    client_email: str | None = None
    private_key: str | None = attrs.field(default=None, repr=False)
    server_key: str | None = attrs.field(default=None, repr=False)
    sender_id: str | None = None


@model
class IosIntegration(SdkIntegration):
    """The iOS SDK. Push notifications need a certificate of Apple's service for them (APN).

    Attributes:
        certificate: The certificate (`.p12`) in base64. Write-only.
        password: The certificate's password. Write-only.
        production: Use Apple's production environment, not its sandbox; by default as the
            certificate has it.
        auto_update_badge: Show the number of unread messages on the app's icon.
    """

    type: ClassVar[Literal["ios"]] = "ios"

    certificate: str | None = attrs.field(default=None, repr=False)
    password: str | None = attrs.field(default=None, repr=False)
    production: bool | None = None
    auto_update_badge: bool | None = None


@model
class UnityIntegration(SdkIntegration):
    """The Unity SDK."""

    type: ClassVar[Literal["unity"]] = "unity"


@model
class PrechatCapture(Model):
    """A form that the Web Messenger shows before a conversation begins.

    Attributes:
        avatar_url: The picture beside the automatic replies.
        enabled: Show the form. The API's default is false.
        enable_email_linking: Link the email address to the user, where Mailgun is integrated. The
            API's default is false.
        fields: The form's fields, in place of the ordinary ones.
    """

    avatar_url: str | None = None
    enabled: bool | None = None
    enable_email_linking: bool | None = None
    fields: Sequence[FormField] | None = None


@model
class WebIntegration(SdkIntegration):
    """The Web Messenger. Colours are three or six hexadecimal digits.

    Attributes:
        brand_color: Of the header, and of the button or tab; `"65758e"` by default.
        fixed_intro_pane: Pin the introduction above the conversation. The API's default is false.
        conversation_color: Of the user's messages and quick replies; `"0099ff"` by default.
        action_color: Of buttons in messages; `"0099ff"` by default.
        display_style: `"button"` (the API's default) or `"tab"`.
        button_icon_url: A picture for the button: JPG, PNG or GIF, 200 x 200 pixels at least.
        button_width: `"58"` by default.
        button_height: `"58"` by default.
        integration_order: The ids of the channels to offer, in their order; by default all.
        business_name: The name in the header.
        business_icon_url: A picture: JPG, PNG or GIF, 200 x 200 pixels at least.
        background_image_url: A picture that is tiled behind the conversation.
        origin_whitelist: The origins that may load it, such as `"https://example.com"`; by default
            all.
        prechat_capture: A form to show before a conversation begins.
    """

    type: ClassVar[Literal["web"]] = "web"

    brand_color: str | None = None
    fixed_intro_pane: bool | None = None
    conversation_color: str | None = None
    action_color: str | None = None
    display_style: WebDisplayStyle | None = None
    button_icon_url: str | None = None
    button_width: str | None = None
    button_height: str | None = None
    integration_order: Sequence[str] | None = None
    business_name: str | None = None
    business_icon_url: str | None = None
    background_image_url: str | None = None
    origin_whitelist: Sequence[str] | None = None
    prechat_capture: PrechatCapture | None = None
