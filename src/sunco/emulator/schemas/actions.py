"""The six message actions."""

from __future__ import annotations

from sunco.emulator.schemas.common import ANY_TEXT, FLAG, METADATA
from sunco.emulator.schemas.schema import Number, Object, Schema, String, Tagged

_EXTRA_CHANNEL_OPTIONS = Object(
    {
        "messenger": Object(
            {"messenger_extensions": FLAG, "webview_share_button": String(enum=("hide",))}
        )
    }
)
_LINK_FIELDS: dict[str, Schema] = {
    "uri": ANY_TEXT,
    "text": ANY_TEXT,
    "default": FLAG,
    "metadata": METADATA,
    "extraChannelOptions": _EXTRA_CHANNEL_OPTIONS,
}

ACTIONS: dict[str, Schema] = {
    "buy": Object(
        {
            "text": ANY_TEXT,
            "amount": Number(integer=True),
            "currency": ANY_TEXT,
            "metadata": METADATA,
        },
        required=("text", "amount"),
    ),
    "link": Object(_LINK_FIELDS, required=("text", "uri")),
    "locationRequest": Object({"text": ANY_TEXT, "metadata": METADATA}, required=("text",)),
    "postback": Object(
        {"text": ANY_TEXT, "payload": ANY_TEXT, "metadata": METADATA},
        required=("text", "payload"),
    ),
    "reply": Object(
        {"text": ANY_TEXT, "payload": ANY_TEXT, "metadata": METADATA, "iconUrl": ANY_TEXT},
        required=("text", "payload"),
    ),
    "webview": Object(
        {
            **_LINK_FIELDS,
            "size": String(enum=("compact", "tall", "full")),
            "fallback": ANY_TEXT,
            "openOnReceive": FLAG,
        },
        required=("text", "uri", "fallback"),
    ),
}
ACTION = Tagged(ACTIONS)
ITEM_ACTION = Tagged({name: ACTIONS[name] for name in ("buy", "link", "postback", "webview")})
