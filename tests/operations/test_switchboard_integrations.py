"""The operations of `switchboard_integrations`, byte for byte."""

from __future__ import annotations

import pytest
import respx

from operations.rows import APP, Row, check
from sunco.models.switchboards import SwitchboardIntegration

pytestmark = pytest.mark.anyio

SWITCHBOARD = f"{APP}/switchboards/s1"

PLACES = f"{SWITCHBOARD}/switchboardIntegrations"

ROWS = [
    Row(
        "switchboard_integrations.create",
        lambda s: s.switchboard_integrations.create("s1", "bot", integration_id="i1"),
        "POST",
        PLACES,
        '{"name":"bot","integrationId":"i1"}',
        {
            "switchboardIntegration": {
                "id": "p1",
                "name": "bot",
                "integrationId": "i1",
                "integrationType": "custom",
                "deliverStandbyEvents": True,
                "nextSwitchboardIntegrationId": None,
                "messageHistoryCount": None,
            }
        },
        SwitchboardIntegration(
            id="p1",
            name="bot",
            integration_id="i1",
            integration_type="custom",
            deliver_standby_events=True,
        ),
        201,
    ),
    Row(
        "switchboard_integrations.create with all options",
        lambda s: s.switchboard_integrations.create(
            "s1",
            "agents",
            integration_type="zd:agentWorkspace",
            deliver_standby_events=False,
            next_switchboard_integration_id="p1",
            message_history_count=10,
        ),
        "POST",
        PLACES,
        '{"name":"agents","integrationType":"zd:agentWorkspace","deliverStandbyEvents":false,'
        '"nextSwitchboardIntegrationId":"p1","messageHistoryCount":10}',
        {"switchboardIntegration": {"id": "p2"}},
        SwitchboardIntegration(id="p2"),
        201,
    ),
    Row(
        "switchboard_integrations.list",
        lambda s: s.switchboard_integrations.list("s1"),
        "GET",
        PLACES,
        None,
        {"switchboardIntegrations": [{"id": "p1", "messageHistoryCount": 3}]},
        [SwitchboardIntegration(id="p1", message_history_count=3)],
    ),
    Row(
        "switchboard_integrations.update, clearing",
        lambda s: s.switchboard_integrations.update(
            "s1", "p1", next_switchboard_integration_id=None, message_history_count=None
        ),
        "PATCH",
        f"{PLACES}/p1",
        '{"nextSwitchboardIntegrationId":null,"messageHistoryCount":null}',
        {"switchboardIntegration": {"id": "p1"}},
        SwitchboardIntegration(id="p1"),
    ),
    Row(
        "switchboard_integrations.update, all of it",
        lambda s: s.switchboard_integrations.update(
            "s1",
            "p1",
            name="bot-2",
            integration_id="i2",
            integration_type="custom",
            deliver_standby_events=False,
            next_switchboard_integration_id="p2",
            message_history_count=1,
        ),
        "PATCH",
        f"{PLACES}/p1",
        '{"name":"bot-2","integrationId":"i2","integrationType":"custom",'
        '"deliverStandbyEvents":false,"nextSwitchboardIntegrationId":"p2",'
        '"messageHistoryCount":1}',
        {"switchboardIntegration": {"id": "p1"}},
        SwitchboardIntegration(id="p1"),
    ),
    Row(
        "switchboard_integrations.delete",
        lambda s: s.switchboard_integrations.delete("s1", "p1"),
        "DELETE",
        f"{PLACES}/p1",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
