"""The operations of `app_keys`, byte for byte."""

from __future__ import annotations

import pytest
import respx

from operations.rows import APP, Row, check
from sunco.models.apps import AppKey
from sunco.models.integrations import IntegrationKey
from sunco.models.webhooks import Webhook

pytestmark = pytest.mark.anyio


ROWS = [
    Row(
        "app_keys.create",
        lambda s: s.app_keys.create("Ci"),
        "POST",
        f"{APP}/keys",
        '{"displayName":"Ci"}',
        {"key": {"id": "app_1", "displayName": "Ci", "secret": "s"}},
        AppKey(id="app_1", display_name="Ci", secret="s"),
        201,
    ),
    Row(
        "app_keys.list",
        lambda s: s.app_keys.list(),
        "GET",
        f"{APP}/keys",
        None,
        {"keys": [{"id": "app_1"}]},
        [AppKey(id="app_1")],
    ),
    Row(
        "app_keys.get",
        lambda s: s.app_keys.get("app_1"),
        "GET",
        f"{APP}/keys/app_1",
        None,
        {"key": {"id": "app_1"}},
        AppKey(id="app_1"),
    ),
    Row("app_keys.delete", lambda s: s.app_keys.delete("app_1"), "DELETE", f"{APP}/keys/app_1"),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)


@pytest.mark.parametrize(
    "key",
    [
        AppKey(id="app_1", secret="s3cret"),
        IntegrationKey(id="int_1", secret="s3cret"),
        Webhook("t", triggers=[], secret="s3cret"),
    ],
)
def test_no_repr_shows_a_secret(key: AppKey | IntegrationKey | Webhook) -> None:
    assert key.secret == "s3cret"
    assert "s3cret" not in repr(key)
