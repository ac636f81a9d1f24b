"""The operations of `webhooks`, byte for byte."""

from __future__ import annotations

import pytest
import respx

from operations.rows import APP, Row, check
from sunco.models.webhooks import Webhook

pytestmark = pytest.mark.anyio

INTEGRATION = f"{APP}/integrations/i1"

WEBHOOKS = f"{INTEGRATION}/webhooks"

ROWS = [
    Row(
        "webhooks.create",
        lambda s: s.webhooks.create(
            "i1", target="https://example.test/w", triggers=["conversation:message"]
        ),
        "POST",
        WEBHOOKS,
        '{"target":"https://example.test/w","triggers":["conversation:message"]}',
        {
            "webhook": {
                "id": "w1",
                "version": "v2",
                "target": "https://example.test/w",
                "triggers": ["conversation:message"],
                "secret": "s",
                "includeFullUser": False,
                "includeFullSource": False,
            }
        },
        Webhook(
            "https://example.test/w",
            id="w1",
            version="v2",
            triggers=["conversation:message"],
            secret="s",
            include_full_user=False,
            include_full_source=False,
        ),
        201,
    ),
    Row(
        "webhooks.create with all options",
        lambda s: s.webhooks.create(
            "i1",
            target="t",
            triggers=("user:merge", "new:one"),
            include_full_user=True,
            include_full_source=False,
        ),
        "POST",
        WEBHOOKS,
        '{"target":"t","triggers":["user:merge","new:one"],"includeFullUser":true,'
        '"includeFullSource":false}',
        {"webhook": {"target": "t", "triggers": []}},
        Webhook("t", triggers=[]),
        201,
    ),
    Row(
        "webhooks.list",
        lambda s: s.webhooks.list("i1"),
        "GET",
        WEBHOOKS,
        None,
        {"webhooks": [{"id": "w1", "target": "t", "triggers": ["*"]}]},
        [Webhook("t", id="w1", triggers=["*"])],
    ),
    Row(
        "webhooks.get",
        lambda s: s.webhooks.get("i1", "w1"),
        "GET",
        f"{WEBHOOKS}/w1",
        None,
        {"webhook": {"target": "t", "triggers": []}},
        Webhook("t", triggers=[]),
    ),
    Row(
        "webhooks.update",
        lambda s: s.webhooks.update("i1", "w1", target="t2"),
        "PATCH",
        f"{WEBHOOKS}/w1",
        '{"target":"t2"}',
        {"webhook": {"target": "t2", "triggers": []}},
        Webhook("t2", triggers=[]),
    ),
    Row(
        "webhooks.update, all of it",
        lambda s: s.webhooks.update(
            "i1",
            "w1",
            target="t",
            triggers=["client:add"],
            include_full_user=False,
            include_full_source=True,
        ),
        "PATCH",
        f"{WEBHOOKS}/w1",
        '{"target":"t","triggers":["client:add"],"includeFullUser":false,"includeFullSource":true}',
        {"webhook": {"target": "t", "triggers": ["client:add"]}},
        Webhook("t", triggers=["client:add"]),
    ),
    Row("webhooks.delete", lambda s: s.webhooks.delete("i1", "w1"), "DELETE", f"{WEBHOOKS}/w1"),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
