"""Bodies about conversations, their participants and their control."""

from __future__ import annotations

from sunco.emulator.schemas.common import ANY_TEXT, DISPLAY_NAME, FLAG, ICON, METADATA
from sunco.emulator.schemas.schema import Array, Nullable, Object, String, exactly_one

MAX_PARTICIPANTS = 10

CONVERSATION_UPDATE = Object(
    {
        "displayName": DISPLAY_NAME,
        "description": DISPLAY_NAME,
        "iconUrl": Nullable(ICON),
        "metadata": METADATA,
    }
)
PARTICIPANT = Object(
    {"userId": ANY_TEXT, "userExternalId": ANY_TEXT, "subscribeSDKClient": FLAG},
    rules=(exactly_one("userId", "userExternalId"),),
)
CONVERSATION_CREATE = Object(
    {
        **CONVERSATION_UPDATE.properties,
        "type": String(enum=("personal", "sdkGroup")),
        "participants": Array(PARTICIPANT, max_items=MAX_PARTICIPANTS),
    },
    required=("type",),
)
LEAVE = Object(
    {"userId": ANY_TEXT, "userExternalId": ANY_TEXT, "participantId": ANY_TEXT},
    rules=(exactly_one("userId", "userExternalId", "participantId"),),
)

_REFERENCE_PARTS = ("url", "bid", "key", "signature", "owner")
DOWNLOAD = Object(
    {
        "userId": ANY_TEXT,
        "apple": Object(
            {
                "interactiveDataRef": Object(
                    dict.fromkeys(_REFERENCE_PARTS, ANY_TEXT), required=_REFERENCE_PARTS
                )
            },
            required=("interactiveDataRef",),
        ),
    },
    # Apple is the only channel of this operation.
    required=("userId", "apple"),
)
_META_EVENT = Object(
    {"payload": Object({"data": Array(Object())}, required=("data",))}, required=("payload",)
)
CONVERSION_EVENTS = Object(
    {"messenger": _META_EVENT, "instagram": _META_EVENT, "whatsapp": _META_EVENT},
    rules=(exactly_one("messenger", "instagram", "whatsapp"),),
)

CONTROL = Object({"metadata": METADATA})
CONTROL_TRANSFER = Object(
    {"switchboardIntegration": ANY_TEXT, "metadata": METADATA}, required=("switchboardIntegration",)
)
