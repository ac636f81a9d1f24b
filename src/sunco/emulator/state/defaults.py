"""What an emulator holds when it starts."""

from __future__ import annotations

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

INTEGRATIONS: Sequence[Mapping[str, Any]] = (
    {"id": WHATSAPP_ID, "type": "whatsapp", "displayName": "WhatsApp"},
    {"id": TWILIO_ID, "type": "twilio", "displayName": "Twilio"},
    {"id": MESSAGEBIRD_ID, "type": "messagebird", "displayName": "MessageBird"},
    {"id": MAILGUN_ID, "type": "mailgun", "displayName": "Mailgun"},
    {"id": BOT_ID, "type": "custom", "displayName": "Bot"},
    {"id": AGENT_ID, "type": "zd:agentWorkspace", "displayName": "Agent Workspace"},
    {"id": WEB_ID, "type": "web", "displayName": "Web", "configuredOnAdminCenter": True},
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

PARTNERS: Sequence[Mapping[str, Any]] = (
    {
        "client_id": "demo_partner",
        "client_secret": "demo_partner_secret",
        "redirect_uris": ["http://localhost/callback"],
    },
)
