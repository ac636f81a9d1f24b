"""The operations of `devices`, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import respx

from operations.rows import APP, USER, Row, check
from sunco.models import Device

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 2, 12, 0, 0, 5000, tzinfo=UTC)

ROWS = [
    Row(
        "devices.list",
        lambda s: s.devices.list("u1"),
        "GET",
        f"{USER}/devices",
        None,
        {"devices": [{"id": "d1", "lastSeen": "2026-01-02T12:00:00.005Z"}]},
        [Device(id="d1", last_seen=NOON)],
    ),
    Row(
        "devices.list of a brand's user",
        lambda s: s.devices.list("me", brand_id="b1"),
        "GET",
        f"{APP}/users/me/devices?brandId=b1",
        None,
        {"devices": []},
        [],
    ),
    Row(
        "devices.get",
        lambda s: s.devices.get("u1", "d1", brand_id="b1"),
        "GET",
        f"{USER}/devices/d1?brandId=b1",
        None,
        {"device": {"id": "d1", "type": "web", "info": {"URL": "example.test"}}},
        Device(id="d1", type="web", info={"URL": "example.test"}),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
