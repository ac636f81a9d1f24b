"""The operations of `switchboard_actions`, byte for byte."""

from __future__ import annotations

import pytest
import respx

from operations.rows import CONVERSATION, Row, check

pytestmark = pytest.mark.anyio


ROWS = [
    Row(
        "switchboard_actions.pass_control",
        lambda s: s.switchboard_actions.pass_control("c1", "next", metadata={"why": "tired"}),
        "POST",
        f"{CONVERSATION}/passControl",
        '{"switchboardIntegration":"next","metadata":{"why":"tired"}}',
    ),
    Row(
        "switchboard_actions.offer_control",
        lambda s: s.switchboard_actions.offer_control("c1", "agent"),
        "POST",
        f"{CONVERSATION}/offerControl",
        '{"switchboardIntegration":"agent"}',
    ),
    Row(
        "switchboard_actions.accept_control",
        lambda s: s.switchboard_actions.accept_control("c1"),
        "POST",
        f"{CONVERSATION}/acceptControl",
        "{}",
    ),
    Row(
        "switchboard_actions.release_control",
        lambda s: s.switchboard_actions.release_control("c1", metadata={"done": True}),
        "POST",
        f"{CONVERSATION}/releaseControl",
        '{"metadata":{"done":true}}',
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
