"""The body that links a client."""

from __future__ import annotations

from sunco.emulator.schemas.actions import ACTIONS
from sunco.emulator.schemas.common import ANY_TEXT, FLAG, PHONE_NUMBER, TEXT
from sunco.emulator.schemas.content import MEDIA_FIELDS, ONE_RICH_TEXT, RICH_TEXT
from sunco.emulator.schemas.messages import MESSAGE
from sunco.emulator.schemas.schema import Array, Object, Schema, String, Tagged, at_least_one

_CRITERIA: dict[str, Schema] = {"integrationId": ANY_TEXT, "primary": FLAG}
_PHONE_CRITERIA = Object(
    {**_CRITERIA, "phoneNumber": PHONE_NUMBER}, required=("integrationId", "phoneNumber")
)
MATCH_CRITERIA = Tagged(
    {
        "mailgun": Object(
            {**_CRITERIA, "address": String(min_length=1), "subject": ANY_TEXT},
            required=("integrationId", "address"),
        ),
        "messagebird": _PHONE_CRITERIA,
        "twilio": _PHONE_CRITERIA,
        "whatsapp": _PHONE_CRITERIA,
    }
)
_CONFIRMATION_TEXT: dict[str, Schema] = {
    **RICH_TEXT,
    "actions": Array(Tagged({"link": ACTIONS["link"]})),
}
CONFIRMATION_CONTENT = Tagged(
    {
        "text": Object(
            {**_CONFIRMATION_TEXT, "text": TEXT},
            rules=(at_least_one("text", "actions", "htmlText", "markdownText"), ONE_RICH_TEXT),
        ),
        "image": Object(
            {**MEDIA_FIELDS, **_CONFIRMATION_TEXT}, required=("mediaUrl",), rules=(ONE_RICH_TEXT,)
        ),
    }
)
CLIENT_CREATE = Object(
    {
        "matchCriteria": MATCH_CRITERIA,
        "confirmation": Object(
            {
                "type": String(enum=("immediate", "userActivity", "prompt")),
                "message": Object(
                    {**MESSAGE.properties, "content": CONFIRMATION_CONTENT},
                    required=("author", "content"),
                ),
            },
            required=("type",),
        ),
        "target": Object({"conversationId": ANY_TEXT}, required=("conversationId",)),
    },
    required=("matchCriteria", "confirmation", "target"),
)
