"""Bodies about apps, keys, webhooks, switchboards, attachments, activities and OAuth."""

from __future__ import annotations

from sunco.emulator.schemas.common import ANY_TEXT, DISPLAY_NAME, FLAG, METADATA
from sunco.emulator.schemas.messages import AUTHOR
from sunco.emulator.schemas.schema import (
    Array,
    Nullable,
    Number,
    Object,
    String,
    at_most_one,
    exactly_one,
)

TRIGGERS = (
    "client:add",
    "client:remove",
    "client:update",
    "conversation:create",
    "conversation:join",
    "conversation:leave",
    "conversation:remove",
    "conversation:message",
    "conversation:message:delivery:channel",
    "conversation:message:delivery:failure",
    "conversation:message:delivery:user",
    "conversation:postback",
    "conversation:read",
    "conversation:referral",
    "passthrough:messaging",
    "conversation:typing",
    "switchboard:acceptControl",
    "switchboard:acceptControl:failure",
    "switchboard:offerControl",
    "switchboard:offerControl:failure",
    "switchboard:passControl",
    "switchboard:passControl:failure",
    "switchboard:releaseControl",
    "user:merge",
    "user:update",
    "user:remove",
)

_FLAGS = (
    "maskCreditCardNumbers",
    "useAnimalNames",
    "echoPostback",
    "ignoreAutoConversationStart",
    "multiConvoEnabled",
    "appLocalizationEnabled",
    "endSessionEnabled",
    "disableConversationReopen",
)
APP_UPDATE = Object(
    {
        "displayName": DISPLAY_NAME,
        "settings": Object(
            {
                "conversationRetentionSeconds": Number(minimum=0, integer=True),
                **dict.fromkeys(_FLAGS, FLAG),
            }
        ),
        "metadata": METADATA,
    }
)
APP_CREATE = Object(APP_UPDATE.properties, required=("displayName",))

APP_KEY = Object({"displayName": DISPLAY_NAME}, required=("displayName",))
INTEGRATION_KEY = Object({"displayName": ANY_TEXT}, required=("displayName",))

WEBHOOK_UPDATE = Object(
    {
        "target": String(uri=True),
        "triggers": Array(String(enum=TRIGGERS)),
        "includeFullUser": FLAG,
        "includeFullSource": FLAG,
    }
)
WEBHOOK_CREATE = Object(WEBHOOK_UPDATE.properties, required=("target", "triggers"))

SWITCHBOARD = Object({"enabled": FLAG, "defaultSwitchboardIntegrationId": ANY_TEXT})
SWITCHBOARD_INTEGRATION_UPDATE = Object(
    {
        "name": String(min_length=1, max_length=128, pattern=r"[A-Za-z0-9_-]+"),
        "integrationId": ANY_TEXT,
        "integrationType": ANY_TEXT,
        "deliverStandbyEvents": FLAG,
        "nextSwitchboardIntegrationId": Nullable(ANY_TEXT),
        "messageHistoryCount": Nullable(Number(minimum=1, maximum=10, integer=True)),
    },
    rules=(at_most_one("integrationId", "integrationType"),),
)
SWITCHBOARD_INTEGRATION_CREATE = Object(
    SWITCHBOARD_INTEGRATION_UPDATE.properties,
    required=("name",),
    rules=(exactly_one("integrationId", "integrationType"),),
)

ATTACHMENT_REMOVE = Object({"mediaUrl": ANY_TEXT}, required=("mediaUrl",))
ACTIVITY = Object(
    {
        "author": AUTHOR,
        "type": String(enum=("conversation:read", "typing:start", "typing:stop")),
    },
    required=("author", "type"),
)
SYNC = Object({"survivingZendeskId": ANY_TEXT})
TOKEN = Object(
    {
        "code": ANY_TEXT,
        "grant_type": String(enum=("authorization_code",)),
        "client_id": ANY_TEXT,
        "client_secret": ANY_TEXT,
    },
    required=("code", "grant_type", "client_id", "client_secret"),
)
