"""Actions: the buttons and quick replies of a message."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import attrs

from sunco.models.base import Metadata, Model, json_key, model

__all__ = [
    "Action",
    "Buy",
    "ExtraChannelOptions",
    "Link",
    "LocationRequest",
    "MessengerOptions",
    "Postback",
    "Reply",
    "UnknownAction",
    "Webview",
    "WebviewSize",
]

WebviewSize: TypeAlias = Literal["compact", "tall", "full"] | str


@model
class MessengerOptions(Model):
    """Options of Facebook Messenger for a link or webview.

    Attributes:
        messenger_extensions: Load the page with Messenger Extensions. The API's default is false.
        webview_share_button: `"hide"` removes the share button.
    """

    messenger_extensions: bool | None = attrs.field(
        default=None, metadata=json_key("messenger_extensions")
    )
    webview_share_button: Literal["hide"] | str | None = attrs.field(
        default=None, metadata=json_key("webview_share_button")
    )


@model
class ExtraChannelOptions(Model):
    """Options that are passed to a channel unchanged.

    Attributes:
        messenger: For Facebook Messenger.
    """

    messenger: MessengerOptions | None = None


@model
class Buy(Model):
    """Asks the user to pay.

    Attributes:
        text: The button's text.
        amount: The price in the currency's smallest unit: 9.99 $ is 999.
        currency: An ISO 4217 code in lower case, `"usd"`.
        metadata: Custom properties.
    """

    type: ClassVar[Literal["buy"]] = "buy"

    text: str = attrs.field(kw_only=False)
    amount: int
    currency: str | None = None
    metadata: Metadata | None = None


@model
class Link(Model):
    """Opens a page when tapped.

    Attributes:
        text: The button's text.
        uri: What is opened.
        default: Whether this is the item's default action in Facebook Messenger.
        metadata: Custom properties.
        extra_channel_options: Options for single channels.
    """

    type: ClassVar[Literal["link"]] = "link"

    text: str = attrs.field(kw_only=False)
    uri: str
    default: bool | None = None
    metadata: Metadata | None = None
    extra_channel_options: ExtraChannelOptions | None = None


@model
class LocationRequest(Model):
    """Asks the user for their location.

    Attributes:
        text: The button's text.
        metadata: Custom properties.
    """

    type: ClassVar[Literal["locationRequest"]] = "locationRequest"

    text: str = attrs.field(kw_only=False)
    metadata: Metadata | None = None


@model
class Postback(Model):
    """Reports a tap to the business and leaves no message in the conversation.

    Attributes:
        text: The button's text.
        payload: Returned in the `conversation:postback` event.
        metadata: Custom properties.
    """

    type: ClassVar[Literal["postback"]] = "postback"

    text: str = attrs.field(kw_only=False)
    payload: str
    metadata: Metadata | None = None


@model
class Reply(Model):
    """A quick reply: tapping it posts its text as the user's message.

    Attributes:
        text: The button's text. Facebook Messenger cuts it at 20 characters, the SDKs at 40.
        payload: Returned in the user's message.
        metadata: Custom properties.
        icon_url: A picture beside the text.
    """

    type: ClassVar[Literal["reply"]] = "reply"

    text: str = attrs.field(kw_only=False)
    payload: str
    metadata: Metadata | None = None
    icon_url: str | None = None


@model
class Webview(Model):
    """Opens a page inside the conversation.

    Attributes:
        text: The button's text.
        uri: What is opened.
        fallback: What is opened on channels without webviews.
        default: Whether this is the item's default action in Facebook Messenger.
        metadata: Custom properties.
        extra_channel_options: Options for single channels.
        size: `"compact"`, `"tall"` or `"full"`.
        open_on_receive: Open by itself; one action of a message at most, Web Messenger only.
    """

    type: ClassVar[Literal["webview"]] = "webview"

    text: str = attrs.field(kw_only=False)
    uri: str
    fallback: str
    default: bool | None = None
    metadata: Metadata | None = None
    extra_channel_options: ExtraChannelOptions | None = None
    size: WebviewSize | None = None
    open_on_receive: bool | None = None


@model
class UnknownAction(Model):
    """An action of a type that is unknown to this version of sunco, or that cannot be read.

    Attributes:
        type: The type in the API's words. Everything else is in `extra`.
    """

    type: str | None = attrs.field(default=None, kw_only=False)


Action: TypeAlias = Buy | Link | LocationRequest | Postback | Reply | Webview | UnknownAction
"""An action of a message. Items accept no `LocationRequest` or `Reply`."""
