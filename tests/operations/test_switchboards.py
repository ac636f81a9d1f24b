"""The operations of `switchboards`, byte for byte."""

from __future__ import annotations

import pytest
import respx

from operations.rows import APP, Row, check
from sunco.models.switchboards import Switchboard

pytestmark = pytest.mark.anyio

SWITCHBOARD = f"{APP}/switchboards/s1"

ROWS = [
    Row(
        "switchboards.create",
        lambda s: s.switchboards.create(),
        "POST",
        f"{APP}/switchboards",
        None,
        {"switchboard": {"id": "s1", "enabled": False}},
        Switchboard(id="s1", enabled=False),
        201,
    ),
    Row(
        "switchboards.list",
        lambda s: s.switchboards.list(),
        "GET",
        f"{APP}/switchboards",
        None,
        {"switchboards": [{"id": "s1", "defaultSwitchboardIntegrationId": "p1"}]},
        [Switchboard(id="s1", default_switchboard_integration_id="p1")],
    ),
    Row(
        "switchboards.update",
        lambda s: s.switchboards.update("s1", enabled=False),
        "PATCH",
        SWITCHBOARD,
        '{"enabled":false}',
        {"switchboard": {"id": "s1"}},
        Switchboard(id="s1"),
    ),
    Row(
        "switchboards.update, all of it",
        lambda s: s.switchboards.update(
            "s1", enabled=True, default_switchboard_integration_id="p1"
        ),
        "PATCH",
        SWITCHBOARD,
        '{"enabled":true,"defaultSwitchboardIntegrationId":"p1"}',
        {"switchboard": {"id": "s1"}},
        Switchboard(id="s1"),
    ),
    Row("switchboards.delete", lambda s: s.switchboards.delete("s1"), "DELETE", SWITCHBOARD),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
