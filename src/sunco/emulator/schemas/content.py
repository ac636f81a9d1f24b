"""The nine content types of messages."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from sunco.emulator.schemas.actions import ACTION, ITEM_ACTION
from sunco.emulator.schemas.common import (
    ALT_TEXT,
    ANY_TEXT,
    FLAG,
    MESSAGE_TEXT,
    METADATA,
    SHORT_TEXT,
    TEXT,
)
from sunco.emulator.schemas.schema import (
    Array,
    Number,
    Object,
    String,
    Tagged,
    TextOr,
    at_least_one,
    at_most_one,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sunco.emulator.schemas.schema import Rule, Schema


def _own_actions(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    actions: list[dict[str, Any]] = content.get("actions", [])
    return actions


def _item_actions(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [action for item in content["items"] for action in item["actions"]]


def _one_opens_among(*sources: Callable[[Mapping[str, Any]], list[dict[str, Any]]]) -> Rule:
    def rule(content: Mapping[str, Any]) -> str | None:
        actions = chain.from_iterable(source(content) for source in sources)
        if sum(action.get("openOnReceive") is True for action in actions) > 1:
            return "only one action can have openOnReceive"
        return None

    return rule


def _no_mixed_replies(content: Mapping[str, Any]) -> str | None:
    kinds = {action["type"] for action in content.get("actions", ())}
    if {"reply", "postback"} <= kinds:
        return "actions of type reply and postback cannot be mixed"
    return None


def _unique_names(content: Mapping[str, Any]) -> str | None:
    names = [entry["name"] for entry in content["fields"]]
    if len(set(names)) < len(names):
        return "the names of the fields must be unique"
    return None


_ITEM = Object(
    {
        "title": SHORT_TEXT,
        "description": String(max_length=128),
        "mediaUrl": String(max_length=2048, uri=True),
        "mediaType": String(max_length=128),
        "altText": ALT_TEXT,
        "size": String(enum=("compact", "large")),
        "actions": Array(ITEM_ACTION, min_items=1, max_items=3),
        "metadata": METADATA,
    },
    required=("title", "actions"),
)
_ITEMS = Array(_ITEM, min_items=1, max_items=10)
RICH_TEXT: dict[str, Schema] = {"text": ANY_TEXT, "htmlText": TEXT, "markdownText": TEXT}
MEDIA_FIELDS: dict[str, Schema] = {
    **RICH_TEXT,
    "mediaUrl": String(uri=True),
    "altText": ALT_TEXT,
    "blockChatInput": FLAG,
    "attachmentId": ANY_TEXT,
}
_OPTION = Object({"name": SHORT_TEXT, "label": SHORT_TEXT})
_FIELD: dict[str, Schema] = {
    "type": String(enum=("email", "select", "text")),
    "name": SHORT_TEXT,
    "label": SHORT_TEXT,
    "text": String(min_length=1, max_length=256),
    "email": SHORT_TEXT,
    "select": Array(_OPTION),
    "format": String(enum=("integer", "decimal")),
}
_SIZE = Number(minimum=1, maximum=256, integer=True)
_FIELD_REQUIRED = ("type", "name", "label")
_FORM_FIELD = Object(
    {
        **_FIELD,
        "placeholder": SHORT_TEXT,
        "minSize": _SIZE,
        "maxSize": _SIZE,
        "options": Array(_OPTION, max_items=200),
    },
    required=_FIELD_REQUIRED,
)
# What fields of all forms have in common.
FORM_FIELD_BASE = Object(_FIELD, required=_FIELD_REQUIRED)
_FORM_RESPONSE_FIELD = Object({**_FIELD, "quotedMessageId": ANY_TEXT}, required=_FIELD_REQUIRED)
ONE_RICH_TEXT = at_most_one("htmlText", "markdownText")

CONTENT = Tagged(
    {
        "text": Object(
            {
                **RICH_TEXT,
                "text": MESSAGE_TEXT,
                "blockChatInput": FLAG,
                "actions": Array(ACTION),
                "payload": ANY_TEXT,
            },
            rules=(
                at_least_one("text", "actions", "htmlText", "markdownText"),
                ONE_RICH_TEXT,
                _one_opens_among(_own_actions),
                _no_mixed_replies,
            ),
        ),
        "carousel": Object(
            {
                "blockChatInput": FLAG,
                "items": _ITEMS,
                "displaySettings": Object(
                    {"imageAspectRatio": String(enum=("horizontal", "square"))}
                ),
            },
            required=("items",),
            rules=(_one_opens_among(_item_actions),),
        ),
        "file": Object(MEDIA_FIELDS, required=("mediaUrl",), rules=(ONE_RICH_TEXT,)),
        "form": Object(
            {
                "blockChatInput": FLAG,
                "fields": Array(_FORM_FIELD, min_items=1, max_items=20),
                "text": ANY_TEXT,
            },
            required=("fields",),
            rules=(_unique_names,),
        ),
        "formResponse": Object(
            {"fields": Array(_FORM_RESPONSE_FIELD, min_items=1, max_items=20)},
            required=("fields",),
            rules=(_unique_names,),
        ),
        "image": Object(
            {**MEDIA_FIELDS, "actions": Array(ACTION)},
            required=("mediaUrl",),
            rules=(ONE_RICH_TEXT, _one_opens_among(_own_actions), _no_mixed_replies),
        ),
        "list": Object(
            {
                "blockChatInput": FLAG,
                "items": _ITEMS,
                "actions": Array(ITEM_ACTION, min_items=1, max_items=10),
            },
            required=("items",),
            rules=(_one_opens_among(_own_actions, _item_actions),),
        ),
        "location": Object(
            {
                "blockChatInput": FLAG,
                "coordinates": Object(
                    {"lat": Number(), "long": Number()}, required=("lat", "long")
                ),
                "location": Object({"address": ANY_TEXT, "name": ANY_TEXT}),
            },
            required=("coordinates",),
        ),
        "template": Object({"blockChatInput": FLAG, "template": Object()}, required=("template",)),
    }
)
# A string stands for a text message.
TEXT_OR_CONTENT = TextOr(CONTENT, MESSAGE_TEXT)
