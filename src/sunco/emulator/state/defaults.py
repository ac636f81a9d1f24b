"""The seeds: what an emulator contains at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WHATSAPP_ID = "000000005eed000000000001"
TWILIO_ID = "000000005eed000000000002"
MESSAGEBIRD_ID = "000000005eed000000000003"
MAILGUN_ID = "000000005eed000000000004"
BOT_ID = "000000005eed000000000005"
AGENT_ID = "000000005eed000000000006"
WEB_ID = "000000005eed000000000007"

_CHANNELS: Sequence[Mapping[str, Any]] = (
    {
        "id": WHATSAPP_ID,
        "type": "whatsapp",
        "displayName": "WhatsApp",
        "hsmFallbackLanguage": "en_US",
        "phoneNumber": "15144441919",
    },
    {
        "id": TWILIO_ID,
        "type": "twilio",
        "displayName": "Twilio",
        "accountSid": "AC" + "0" * 32,
        "phoneNumberSid": "PN" + "0" * 32,
    },
    {
        "id": MESSAGEBIRD_ID,
        "type": "messagebird",
        "displayName": "MessageBird",
        "originator": "12262121021",
        "webhookSecret": "0" * 24,
    },
    {
        "id": MAILGUN_ID,
        "type": "mailgun",
        "displayName": "Mailgun",
        "domain": "mail.example.org",
        "incomingAddress": "support@mail.example.org",
    },
    {"id": WEB_ID, "type": "web", "displayName": "Web", "configuredOnAdminCenter": True},
)
INTEGRATIONS: Sequence[Mapping[str, Any]] = (
    *_CHANNELS,
    {
        "id": BOT_ID,
        "type": "custom",
        "displayName": "Bot",
        # Custom integrations have at least one webhook; this one receives nothing.
        "webhooks": [{"target": "https://bot.example.org/webhook", "triggers": []}],
    },
    {"id": AGENT_ID, "type": "zd:agentWorkspace", "displayName": "Agent Workspace"},
)

SWITCHBOARD: Sequence[Mapping[str, Any]] = (
    {
        "id": "000000005eed000000000101",
        "name": "bot",
        "integrationId": BOT_ID,
        "integrationType": "custom",
        "next": "agent",
    },
    {
        "id": "000000005eed000000000102",
        "name": "agent",
        "integrationId": AGENT_ID,
        "integrationType": "zd:agentWorkspace",
    },
)

# As in an account of Zendesk with messaging.
_ZENDESK_INTEGRATIONS: Sequence[Mapping[str, Any]] = (
    *_CHANNELS,
    {"id": BOT_ID, "type": "zd:answerBot", "displayName": "Answer Bot"},
    {"id": AGENT_ID, "type": "zd:agentWorkspace", "displayName": "Agent Workspace"},
)
_ZENDESK_SWITCHBOARD: Sequence[Mapping[str, Any]] = (
    {
        "id": "000000005eed000000000101",
        "name": "zd-answerBot",
        "integrationId": BOT_ID,
        "integrationType": "zd:answerBot",
        "next": "zd-agentWorkspace",
    },
    {
        "id": "000000005eed000000000102",
        "name": "zd-agentWorkspace",
        "integrationId": AGENT_ID,
        "integrationType": "zd:agentWorkspace",
    },
)

PARTNERS: Sequence[Mapping[str, Any]] = (
    {
        "client_id": "demo_partner",
        "client_secret": "demo_partner_secret",
        "redirect_uris": ["http://localhost/callback"],
    },
)


@dataclass(frozen=True, slots=True)
class Seed:
    """What the app and the account contain at the start."""

    integrations: Sequence[Mapping[str, Any]] = ()
    switchboard: Sequence[Mapping[str, Any]] = ()
    partners: Sequence[Mapping[str, Any]] = ()


SEEDS: Mapping[str, Seed] = {
    "demo": Seed(INTEGRATIONS, SWITCHBOARD, PARTNERS),
    "zendesk": Seed(_ZENDESK_INTEGRATIONS, _ZENDESK_SWITCHBOARD, PARTNERS),
    "empty": Seed(),
}
