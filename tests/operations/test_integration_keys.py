"""The operations of `integration_keys`, byte for byte."""

from __future__ import annotations

import pytest
import respx

from operations.rows import APP, Row, check
from sunco.models.integrations import IntegrationKey

pytestmark = pytest.mark.anyio

INTEGRATION = f"{APP}/integrations/i1"

ROWS = [
    Row(
        "integration_keys.create",
        lambda s: s.integration_keys.create("i1", "Bot"),
        "POST",
        f"{INTEGRATION}/keys",
        '{"displayName":"Bot"}',
        {"key": {"id": "int_1", "displayName": "Bot", "secret": "s"}},
        IntegrationKey(id="int_1", display_name="Bot", secret="s"),
        201,
    ),
    Row(
        "integration_keys.list",
        lambda s: s.integration_keys.list("i1"),
        "GET",
        f"{INTEGRATION}/keys",
        None,
        {"keys": [{"id": "int_1"}]},
        [IntegrationKey(id="int_1")],
    ),
    Row(
        "integration_keys.get",
        lambda s: s.integration_keys.get("i1", "int_1"),
        "GET",
        f"{INTEGRATION}/keys/int_1",
        None,
        {"key": {"id": "int_1"}},
        IntegrationKey(id="int_1"),
    ),
    Row(
        "integration_keys.delete",
        lambda s: s.integration_keys.delete("i1", "int_1"),
        "DELETE",
        f"{INTEGRATION}/keys/int_1",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
