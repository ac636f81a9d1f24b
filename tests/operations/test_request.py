"""Requests without a method of their own, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from operations.rows import APP, Row, check
from sunco import Sunco

pytestmark = pytest.mark.anyio


async def _status_of(sunco: Sunco, method: str, path: str, params: Any, json: Any) -> Any:
    response = await sunco.request(method, path, params=params, json=json)
    return response.status, response.json()


ROWS = [
    Row(
        "request",
        lambda s: _status_of(
            s, "post", "/v2/apps/app1/new thing?x=1", {"page": {"after": "y"}}, {"on": True}
        ),
        "POST",
        f"{APP}/new%20thing?x=1&page%5Bafter%5D=y",
        '{"on":true}',
        {"done": 1},
        (201, {"done": 1}),
        201,
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
