"""Responses about apps and their parts are read, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sunco.codec import decode, encode
from sunco.models import Device, User
from sunco.models.apps import App, AppKey
from sunco.models.integrations import Integration, IntegrationKey
from sunco.models.switchboards import Switchboard, SwitchboardIntegration
from sunco.models.webhooks import Webhook

KEY = {"displayName": "Ci", "secret": "JWSooRf7", "createdAt": "2026-01-02T12:00:00.000Z"}

DOCUMENTS: list[tuple[Any, str, dict[str, Any]]] = [
    (
        App,
        "app",
        {
            "id": "67a0e55e",
            "displayName": "Shop",
            "settings": {
                "appLocalizationEnabled": True,
                "echoPostback": False,
                "maskCreditCardNumbers": True,
                "multiConvoEnabled": False,
                "useAnimalNames": False,
                "newSetting": {"deep": [None]},
            },
            "subdomain": "acme",
            "metadata": {"plan": "pro", "seats": 3},
        },
    ),
    (AppKey, "key", {"id": "app_67a0e949", **KEY}),
    (IntegrationKey, "key", {"id": "int_67a1110e", **KEY}),
    (
        Integration,
        "integration",
        {"id": "5e4af71a", "type": "android", "status": "active", "displayName": "Android"},
    ),
    (Integration, "integration", {"id": "5e4af71b", "type": "zd:agentWorkspace", "deep": [1]}),
    (
        Integration,
        "integration",
        {
            "id": "5e4af71c",
            "type": "custom",
            "status": "degraded",
            "webhooks": [
                {"id": "5e554d2c", "version": "v3", "target": "https://a.test", "triggers": ["*"]}
            ],
        },
    ),
    (
        Integration,
        "integration",
        {
            "type": "web",
            "prechatCapture": {
                "enabled": True,
                "fields": [{"type": "text", "name": "n", "label": "N", "minSize": 1, "new": 1}],
            },
            "defaultResponder": {"messageHistoryCount": 5, "inherited": True, "new": 1},
        },
    ),
    (
        Webhook,
        "webhook",
        {
            "id": "5e554d2c",
            "version": "v2",
            "target": "https://example.test/w",
            "triggers": ["conversation:read", "conversation:message"],
            "secret": "8564b3e6",
            "includeFullUser": False,
            "includeFullSource": False,
        },
    ),
    (Switchboard, "switchboard", {"id": "5ef21b13", "enabled": False}),
    (
        SwitchboardIntegration,
        "switchboardIntegration",
        {
            "id": "5ef21b86",
            "name": "zd-agentWorkspace",
            "integrationId": "5ef21b87",
            "integrationType": "zd:agentWorkspace",
            "deliverStandbyEvents": False,
        },
    ),
    (
        Device,
        "device",
        {
            "id": "5d9b870d",
            "guid": "f1c7abea",
            "clientId": "5d9b870e",
            "integrationId": "5d83a25d",
            "type": "web",
            "status": "active",
            "info": {"currentUrl": "https://example.test", "URL": "example.test"},
            "lastSeen": "2026-01-02T12:00:00.331Z",
        },
    ),
    (
        User,
        "user",
        {
            "id": "67a11490",
            "externalId": "me",
            "zendeskId": "35436",
            "brandId": "9477922990333",
            "signedUpAt": "2026-01-02T12:00:00.152Z",
            "hasPaymentInfo": False,
            "identities": [
                {"type": "email", "value": "sue@example.test", "verification": "sso", "new": 1}
            ],
            "profile": {"locale": "en", "localeOrigin": "zendeskAccount"},
            "metadata": {},
        },
    ),
]


@pytest.mark.parametrize(("into", "key", "document"), DOCUMENTS)
def test_responses_are_read_and_nothing_is_lost(
    into: Any, key: str, document: dict[str, Any]
) -> None:
    response = json.dumps({key: document}).encode()
    assert json.loads(encode(decode(response, into, key=key))) == document


def test_a_number_for_an_id_and_null_for_what_is_optional_are_read() -> None:
    document = {"id": 1, "status": None, "type": "line", "channelId": 7, "lineId": None}
    read = decode(json.dumps(document).encode(), Integration)
    assert (read.id, read.status, read.channel_id, read.line_id) == ("1", None, "7", None)
