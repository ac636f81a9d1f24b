"""The operations of `activities`, byte for byte."""

from __future__ import annotations

import pytest
import respx

from operations.rows import CONVERSATION, Row, check
from sunco.models import Author

pytestmark = pytest.mark.anyio


ROWS = [
    Row(
        "activities.post",
        lambda s: s.activities.post("c1", "typing:start"),
        "POST",
        f"{CONVERSATION}/activity",
        '{"author":{"type":"business"},"type":"typing:start"}',
    ),
    Row(
        "activities.post of a user",
        lambda s: s.activities.post(
            "c1", "conversation:read", author=Author("user", user_external_id="me")
        ),
        "POST",
        f"{CONVERSATION}/activity",
        '{"author":{"type":"user","userExternalId":"me"},"type":"conversation:read"}',
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
