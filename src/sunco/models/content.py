"""The content of messages: nine types and their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from sunco.models.actions import Action
from sunco.models.base import Metadata, Model, model, read_only

__all__ = [
    "CarouselMessage",
    "Content",
    "Coordinates",
    "DisplaySettings",
    "FieldOption",
    "FieldType",
    "FileMessage",
    "FormField",
    "FormMessage",
    "FormResponseField",
    "FormResponseMessage",
    "ImageMessage",
    "Item",
    "ListMessage",
    "Location",
    "LocationMessage",
    "TemplateMessage",
    "TextMessage",
    "UnknownContent",
]

FieldType: TypeAlias = Literal["email", "select", "text"] | str


@model
class TextMessage(Model):
    """Text, plain or rich, with optional buttons.

    One of `text`, `html_text`, `markdown_text` or `actions` is needed.

    Attributes:
        text: Plain text, 4,096 characters at most.
        html_text: Rich text as HTML, 4,096 characters at most; excludes `markdown_text`.
        markdown_text: Rich text as Markdown. Write-only: responses have `html_text`.
        block_chat_input: Disable the user's input while this is the newest message.
        actions: Buttons or quick replies.
        payload: The payload of the quick reply that the user tapped.
    """

    type: ClassVar[Literal["text"]] = "text"

    text: str | None = attrs.field(default=None, kw_only=False)
    html_text: str | None = None
    markdown_text: str | None = None
    block_chat_input: bool | None = None
    actions: Sequence[Action] | None = None
    payload: str | None = None


@model
class Item(Model):
    """A card of a carousel or a row of a list.

    Attributes:
        title: 128 characters at most.
        actions: One to three buttons: `Buy`, `Link`, `Postback` or `Webview`.
        description: 128 characters at most.
        media_url: An image.
        media_type: The image's MIME type.
        alt_text: A description of the image, 128 characters at most; by default its file name.
        size: `"compact"` or `"large"`.
        metadata: Custom properties.
    """

    title: str = attrs.field(kw_only=False)
    actions: Sequence[Action]
    description: str | None = None
    media_url: str | None = None
    media_type: str | None = None
    alt_text: str | None = None
    size: Literal["compact", "large"] | str | None = None
    metadata: Metadata | None = None


@model
class DisplaySettings(Model):
    """The appearance of a carousel.

    Attributes:
        image_aspect_ratio: `"horizontal"` (the API's default) or `"square"`.
    """

    image_aspect_ratio: Literal["horizontal", "square"] | str | None = None


@model
class CarouselMessage(Model):
    """Cards in a row; plain text on channels without carousels.

    Attributes:
        items: One to ten cards.
        text: The fallback for channels without carousels. Read-only.
        block_chat_input: Disable the user's input while this is the newest message.
        display_settings: The appearance of the cards.
    """

    type: ClassVar[Literal["carousel"]] = "carousel"

    items: Sequence[Item] = attrs.field(kw_only=False)
    text: str | None = attrs.field(default=None, metadata=read_only())
    block_chat_input: bool | None = None
    display_settings: DisplaySettings | None = None


@model
class FileMessage(Model):
    """A file to download.

    Attributes:
        media_url: The URL of the file; `attachments.upload` gives such a URL. Private attachments
            need an authorization header to be read.
        media_size: In bytes. Read-only.
        media_type: The MIME type. Read-only.
        alt_text: A description of the file, 128 characters at most; by default its name.
        text: A caption.
        block_chat_input: Disable the user's input while this is the newest message.
        html_text: The caption as HTML; excludes `markdown_text`.
        markdown_text: The caption as Markdown. Write-only: responses have `html_text`.
        attachment_id: The API's own identifier.
    """

    type: ClassVar[Literal["file"]] = "file"

    media_url: str = attrs.field(kw_only=False)
    media_size: float | None = attrs.field(default=None, metadata=read_only())
    media_type: str | None = attrs.field(default=None, metadata=read_only())
    alt_text: str | None = None
    text: str | None = None
    block_chat_input: bool | None = None
    html_text: str | None = None
    markdown_text: str | None = None
    attachment_id: str | None = None


@model
class FieldOption(Model):
    """A choice of a `select` field.

    Attributes:
        name: Its identifier, unique in the field, 128 characters at most.
        label: The label that the user sees, 128 characters at most.
    """

    name: str | None = attrs.field(default=None, kw_only=False)
    label: str | None = None


@model
class FormField(Model):
    """A field of a form.

    Attributes:
        type: `"email"`, `"select"` or `"text"`.
        name: Its identifier, unique in the form, 128 characters at most.
        label: The label that the user sees, 128 characters at most.
        text: The value of a text field.
        email: The value of an email field.
        select: The selected options of a select field.
        format: What a text field accepts: `"integer"` or `"decimal"`.
        placeholder: Shown while the field is empty, 128 characters at most.
        min_size: The minimum length of a text field, 1 to 256 characters; 1 by default.
        max_size: The maximum length of a text field, 1 to 256 characters; 128 by default.
        options: The choices of a select field, 200 at most.
    """

    type: FieldType
    name: str
    label: str
    text: str | None = None
    email: str | None = None
    select: Sequence[FieldOption] | None = None
    format: Literal["integer", "decimal"] | str | None = None
    placeholder: str | None = None
    min_size: int | None = None
    max_size: int | None = None
    options: Sequence[FieldOption] | None = None


@model
class FormMessage(Model):
    """A form for the user to fill in.

    Attributes:
        fields: One to twenty fields.
        submitted: Whether the user has submitted it. Read-only.
        block_chat_input: Disable the user's input while this is the newest message.
        text: Shown above the link to the form on social channels.
    """

    type: ClassVar[Literal["form"]] = "form"

    fields: Sequence[FormField] = attrs.field(kw_only=False)
    submitted: bool | None = attrs.field(default=None, metadata=read_only())
    block_chat_input: bool | None = None
    text: str | None = None


@model
class FormResponseField(Model):
    """A field of a form with the user's input.

    Attributes:
        type: `"email"`, `"select"` or `"text"`.
        name: Its identifier, as in the form.
        label: The label that the user saw.
        text: The value of a text field.
        email: The value of an email field.
        select: The selected options of a select field.
        format: What the text field accepts: `"integer"` or `"decimal"`.
        quoted_message_id: The form's message. Write-only.
    """

    type: FieldType
    name: str
    label: str
    text: str | None = None
    email: str | None = None
    select: Sequence[FieldOption] | None = None
    format: Literal["integer", "decimal"] | str | None = None
    quoted_message_id: str | None = None


@model
class FormResponseMessage(Model):
    """A submitted form. Users send it from the Web Messenger; the API does not accept it.

    Attributes:
        fields: The fields with their values.
        text_fallback: Every field as `label: value`, a line each. Read-only.
    """

    type: ClassVar[Literal["formResponse"]] = "formResponse"

    fields: Sequence[FormResponseField] = attrs.field(kw_only=False)
    text_fallback: str | None = attrs.field(default=None, metadata=read_only())


@model
class ImageMessage(Model):
    """An image, with an optional caption and buttons.

    Attributes:
        media_url: The URL of the image; `attachments.upload` gives such a URL. Private attachments
            need an authorization header to be read.
        media_type: The MIME type. Read-only.
        media_size: In bytes. Read-only.
        alt_text: A description of the image, 128 characters at most; by default its file name.
        text: A caption.
        block_chat_input: Disable the user's input while this is the newest message.
        html_text: The caption as HTML; excludes `markdown_text`.
        markdown_text: The caption as Markdown. Write-only: responses have `html_text`.
        actions: Buttons.
        attachment_id: The API's own identifier.
    """

    type: ClassVar[Literal["image"]] = "image"

    media_url: str = attrs.field(kw_only=False)
    media_type: str | None = attrs.field(default=None, metadata=read_only())
    media_size: float | None = attrs.field(default=None, metadata=read_only())
    alt_text: str | None = None
    text: str | None = None
    block_chat_input: bool | None = None
    html_text: str | None = None
    markdown_text: str | None = None
    actions: Sequence[Action] | None = None
    attachment_id: str | None = None


@model
class ListMessage(Model):
    """Items in rows; a carousel or plain text on channels without lists.

    Attributes:
        items: One to ten rows.
        block_chat_input: Disable the user's input while this is the newest message.
        actions: Buttons below the list, as many as the channel allows.
    """

    type: ClassVar[Literal["list"]] = "list"

    items: Sequence[Item] = attrs.field(kw_only=False)
    block_chat_input: bool | None = None
    actions: Sequence[Action] | None = None


@model
class Coordinates(Model):
    """A geographic position, in degrees.

    Attributes:
        lat: Latitude.
        long: Longitude.
    """

    lat: float
    long: float


@model
class Location(Model):
    """The name of a place.

    Attributes:
        address: Its address.
        name: Its name.
    """

    address: str | None = None
    name: str | None = None


@model
class LocationMessage(Model):
    """A location, often in reply to a `LocationRequest`.

    Attributes:
        coordinates: The position.
        text: The fallback for channels without locations. Read-only.
        block_chat_input: Disable the user's input while this is the newest message.
        location: Its name.
    """

    type: ClassVar[Literal["location"]] = "location"

    coordinates: Coordinates = attrs.field(kw_only=False)
    text: str | None = attrs.field(default=None, metadata=read_only())
    block_chat_input: bool | None = None
    location: Location | None = None


@model
class TemplateMessage(Model):
    """A WhatsApp template. Post it with `schema="whatsapp"`.

    Attributes:
        template: The template in WhatsApp's own form.
        block_chat_input: Disable the user's input while this is the newest message.
    """

    type: ClassVar[Literal["template"]] = "template"

    template: Mapping[str, Any] = attrs.field(kw_only=False)
    block_chat_input: bool | None = None


@model
class UnknownContent(Model):
    """Content of a type that is unknown to this version of sunco, or that cannot be read.

    Attributes:
        type: The type in the API's words. Everything else is in `extra`.
    """

    type: str | None = attrs.field(default=None, kw_only=False)


Content: TypeAlias = (
    TextMessage
    | CarouselMessage
    | FileMessage
    | FormMessage
    | FormResponseMessage
    | ImageMessage
    | ListMessage
    | LocationMessage
    | TemplateMessage
    | UnknownContent
)
"""The content of a message."""
