"""Parts of requests, which no response leads to, and what is left out on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sunco import models

__all__ = ["LEFT_OUT", "REQUEST_PARTS", "WHOLE_MODELS"]

_UPDATES: Final = {
    "androidUpdate": models.AndroidIntegrationUpdate,
    "appleUpdate": models.AppleIntegrationUpdate,
    "customUpdate": models.CustomIntegrationUpdate,
    "instagramUpdate": models.InstagramIntegrationUpdate,
    "iosUpdate": models.IosIntegrationUpdate,
    "lineUpdate": models.LineIntegrationUpdate,
    "mailgunUpdate": models.MailgunIntegrationUpdate,
    "messageBirdUpdate": models.MessagebirdIntegrationUpdate,
    "messengerUpdate": models.MessengerIntegrationUpdate,
    "telegramUpdate": models.TelegramIntegrationUpdate,
    "twilioUpdate": models.TwilioIntegrationUpdate,
    "twitterUpdate": models.TwitterIntegrationUpdate,
    "unityUpdate": models.UnityIntegrationUpdate,
    "viberUpdate": models.ViberIntegrationUpdate,
    "webUpdate": models.WebIntegrationUpdate,
    "whatsAppUpdate": models.WhatsappIntegrationUpdate,
}

# A schema, or a property somewhere in one, and the type that is sent for it.
REQUEST_PARTS: Final[Mapping[str, Any]] = {
    "clientCreate.confirmation": models.Confirmation,
    "downloadMessageRefBody.apple.interactiveDataRef": models.InteractiveDataRef,
    "matchCriteria": models.MatchCriteria,
    "messagePost": models.MessagePost,
    "participantSubSchema": models.ParticipantUser,
    "userCreateBody.profile": models.Profile,
    "userUpdateBody.profile": models.ProfileUpdate,
    **_UPDATES,
}

# Operations whose body is a model as it is: the models are compared, not the bodies.
WHOLE_MODELS: Final = frozenset({"CreateIntegration", "UpdateIntegration"})

# Differences that are meant, and why.
LEFT_OUT: Final[Mapping[str, str]] = {
    "ListMessages: query takes page[size]": "it does not apply there: pages have 100 messages",
    "schema error": "read where error responses are, in sunco.wire",
    "schema errorResponse": "as error",
    "schema appSubSchema": "WebhookDelivery.app_id",
    "schema webhookSubSchema": "WebhookDelivery.webhook_id and .version",
}
