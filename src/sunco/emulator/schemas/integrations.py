"""Bodies that create and update the sixteen types of integrations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sunco.emulator.schemas.common import ANY_TEXT, FLAG
from sunco.emulator.schemas.configuration import WEBHOOK_CREATE
from sunco.emulator.schemas.content import FORM_FIELD_BASE
from sunco.emulator.schemas.schema import Array, Nullable, Number, Object, Schema, String, Tagged

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = Nullable(String(max_length=100))
_SOME_TEXT = String(min_length=1)
_SOME_OR_NULL = Nullable(_SOME_TEXT)
_TEXT_OR_NULL = Nullable(ANY_TEXT)
_TEXTS_OR_NULL = Nullable(Array(ANY_TEXT))

_EVERY: dict[str, Schema] = {
    "displayName": _NAME,
    "defaultResponderId": _TEXT_OR_NULL,
    "showAIDisclaimer": FLAG,
}
_CHANGED: dict[str, Schema] = {
    **_EVERY,
    "displayName": Nullable(String(min_length=1, max_length=100)),
}
_SDK: dict[str, Schema] = {
    "canUserSeeConversationList": FLAG,
    "canUserCreateMoreConversations": FLAG,
}
_ANDROID_SECRETS = ("projectId", "clientEmail", "privateKey", "serverKey")
_ANDROID: dict[str, Schema] = {
    **dict.fromkeys(_ANDROID_SECRETS, _SOME_OR_NULL),
    "senderId": _SOME_OR_NULL,
    **_SDK,
}
_IOS: dict[str, Schema] = {
    "certificate": _SOME_OR_NULL,
    "password": ANY_TEXT,
    "production": FLAG,
    "autoUpdateBadge": FLAG,
    **_SDK,
}
_STORIES: dict[str, Schema] = {"storyRepliesEnabled": FLAG, "storyMentionsEnabled": FLAG}
_MAILGUN: dict[str, Schema] = {"hideUnsubscribeLink": FLAG, "fromAddress": _SOME_OR_NULL}
_WHATSAPP: dict[str, Schema] = dict.fromkeys(
    ("hsmFallbackLanguage", "accountId", "accountManagementAccessToken"), _TEXT_OR_NULL
)
_WEB_TEXTS = (
    "brandColor",
    "conversationColor",
    "actionColor",
    "displayStyle",
    "buttonWidth",
    "buttonHeight",
    "businessName",
    "businessIconUrl",
    "backgroundImageUrl",
)
_WEB: dict[str, Schema] = {
    **dict.fromkeys(_WEB_TEXTS, ANY_TEXT),
    "fixedIntroPane": FLAG,
    "buttonIconUrl": _TEXT_OR_NULL,
    "integrationOrder": _TEXTS_OR_NULL,
    "originWhitelist": _TEXTS_OR_NULL,
    "prechatCapture": Object(
        {
            "avatarUrl": ANY_TEXT,
            "enabled": FLAG,
            "enableEmailLinking": FLAG,
            "fields": Array(FORM_FIELD_BASE),
        }
    ),
    **_SDK,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of integration.

    Args:
        properties: What can be set on creation, besides what every type has.
        required: What must be set on creation.
        changes: What can be updated, besides what every type has.
        secrets: What responses omit.
        defaults: What responses contain if it was not set.
    """

    properties: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    required: tuple[str, ...] = ()
    changes: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    secrets: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def create(self) -> Object:
        """The body that creates one."""
        return Object({**_EVERY, **self.properties}, required=self.required)

    @property
    def update(self) -> Object:
        """The body that updates one."""
        return Object({**_CHANGED, **self.changes})


_ATTACHMENTS = {"attachmentsEnabled": True}

_SDKS = ("android", "ios", "unity", "web")
KINDS: Mapping[str, Kind] = {
    "android": Kind(_ANDROID, changes=_ANDROID, secrets=_ANDROID_SECRETS, defaults=_ATTACHMENTS),
    "apple": Kind(
        {
            "businessId": ANY_TEXT,
            "apiSecret": ANY_TEXT,
            "mspId": ANY_TEXT,
            "authenticationMessageSecret": String(min_length=88),
        },
        required=("businessId", "apiSecret", "mspId"),
        changes={"authenticationMessageSecret": String(min_length=88)},
        secrets=("apiSecret",),
    ),
    "custom": Kind(
        {"webhooks": Array(WEBHOOK_CREATE, min_items=1, max_items=1)},
        required=("webhooks",),
    ),
    "instagram": Kind(
        {
            "pageAccessToken": _TEXT_OR_NULL,
            "appId": ANY_TEXT,
            "appSecret": _TEXT_OR_NULL,
            **_STORIES,
        },
        required=("pageAccessToken", "appId", "appSecret"),
        changes={"pageAccessToken": ANY_TEXT, **_STORIES},
        secrets=("pageAccessToken", "appSecret"),
        defaults={"storyRepliesEnabled": True, "storyMentionsEnabled": True},
    ),
    "ios": Kind(_IOS, changes=_IOS, secrets=("certificate", "password"), defaults=_ATTACHMENTS),
    "line": Kind(
        {
            **dict.fromkeys(
                ("channelId", "channelSecret", "channelAccessToken", "serviceCode", "qrCodeUrl"),
                ANY_TEXT,
            ),
            "switcherSecret": _SOME_TEXT,
        }
    ),
    "mailgun": Kind(
        {
            "apiKey": _SOME_OR_NULL,
            "signingKey": _SOME_TEXT,
            "domain": _SOME_TEXT,
            "incomingAddress": _SOME_TEXT,
            **_MAILGUN,
        },
        required=("apiKey", "domain", "incomingAddress"),
        changes=_MAILGUN,
        secrets=("apiKey",),
    ),
    "messagebird": Kind(
        {"accessKey": _SOME_OR_NULL, "signingKey": _SOME_OR_NULL, "originator": _SOME_TEXT},
        required=("accessKey", "signingKey", "originator"),
        secrets=("accessKey", "signingKey"),
    ),
    "messenger": Kind(
        {
            "pageAccessToken": _TEXT_OR_NULL,
            "appId": ANY_TEXT,
            "appSecret": _TEXT_OR_NULL,
            "pageId": Number(),
            "pageName": ANY_TEXT,
        },
        required=("pageAccessToken", "appId", "appSecret"),
        changes={"pageAccessToken": ANY_TEXT},
        # The spec marks only the secret; the page's token gives the same access.
        secrets=("pageAccessToken", "appSecret"),
    ),
    "telegram": Kind({"token": _SOME_OR_NULL}, required=("token",), secrets=("token",)),
    "twilio": Kind(
        {
            "accountSid": ANY_TEXT,
            "authToken": _SOME_OR_NULL,
            "phoneNumberSid": _SOME_TEXT,
            "messagingServiceSid": _SOME_TEXT,
        },
        required=("accountSid", "authToken"),
        secrets=("authToken",),
    ),
    "twitter": Kind(
        {
            "tier": String(enum=("enterprise",)),
            "consumerKey": _SOME_TEXT,
            "consumerSecret": _SOME_OR_NULL,
            "accessTokenKey": _SOME_TEXT,
            "accessTokenSecret": _SOME_OR_NULL,
        },
        required=(
            "tier",
            "consumerKey",
            "consumerSecret",
            "accessTokenKey",
            "accessTokenSecret",
        ),
        secrets=("consumerKey", "consumerSecret", "accessTokenKey", "accessTokenSecret"),
    ),
    "unity": Kind(_SDK, changes=_SDK, defaults=_ATTACHMENTS),
    "viber": Kind({"token": _SOME_OR_NULL}, required=("token",), secrets=("token",)),
    "web": Kind(
        _WEB,
        changes=_WEB,
        defaults={
            "brandColor": "65758e",
            "fixedIntroPane": False,
            "conversationColor": "0099ff",
            "actionColor": "0099ff",
            "displayStyle": "button",
            "buttonWidth": "58",
            "buttonHeight": "58",
            **_ATTACHMENTS,
        },
    ),
    "whatsapp": Kind(
        _WHATSAPP,
        changes=_WHATSAPP,
        secrets=("accountManagementAccessToken",),
        defaults={"hsmFallbackLanguage": "en_US"},
    ),
}
# The type of a partner's integration is the partner's client id.
UNKNOWN_KIND = Kind()

# The types that are no SDKs, which confirm what they deliver.
CHANNELS = tuple(name for name in KINDS if name not in (*_SDKS, "custom"))
INTEGRATION = Tagged({name: kind.create for name, kind in KINDS.items()})
