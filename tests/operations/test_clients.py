"""The operations of `clients`, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from operations.rows import APP, USER, Row, check
from sunco.models import (
    Client,
    Confirmation,
    MailgunMatchCriteria,
    MessagebirdMatchCriteria,
    MessagePost,
    TextMessage,
    TwilioMatchCriteria,
    WhatsappMatchCriteria,
)

pytestmark = pytest.mark.anyio


def _link(name: str, criteria: Any, written: str) -> Row:
    return Row(
        f"clients.create: {name}",
        lambda s: s.clients.create(
            "u1", criteria, confirmation=Confirmation("immediate"), conversation_id="c1"
        ),
        "POST",
        f"{USER}/clients",
        f'{{"matchCriteria":{written},"confirmation":{{"type":"immediate"}},'
        '"target":{"conversationId":"c1"}}',
        {"client": {"id": "cl1", "status": "pending"}},
        Client(id="cl1", status="pending"),
        201,
    )


ROWS = [
    _link(
        "WhatsApp",
        WhatsappMatchCriteria(integration_id="i1", phone_number="+1 212", primary=True),
        '{"type":"whatsapp","integrationId":"i1","phoneNumber":"+1 212","primary":true}',
    ),
    _link(
        "Twilio",
        TwilioMatchCriteria(integration_id="i1", phone_number="+1 212"),
        '{"type":"twilio","integrationId":"i1","phoneNumber":"+1 212"}',
    ),
    _link(
        "MessageBird",
        MessagebirdMatchCriteria(integration_id="i1", phone_number="+1 212", primary=False),
        '{"type":"messagebird","integrationId":"i1","phoneNumber":"+1 212","primary":false}',
    ),
    _link(
        "Mailgun",
        MailgunMatchCriteria(integration_id="i1", address="a@example.test", subject="Hi"),
        '{"type":"mailgun","integrationId":"i1","address":"a@example.test","subject":"Hi"}',
    ),
    Row(
        "clients.create with a prompt",
        lambda s: s.clients.create(
            "ext 1",
            TwilioMatchCriteria(integration_id="i1", phone_number="+1 212"),
            confirmation=Confirmation("prompt", message=MessagePost(TextMessage("May we?"))),
            conversation_id="c1",
            brand_id="b1",
        ),
        "POST",
        f"{APP}/users/ext%201/clients?brandId=b1",
        '{"matchCriteria":{"type":"twilio","integrationId":"i1","phoneNumber":"+1 212"},'
        '"confirmation":{"type":"prompt","message":{"content":{"type":"text","text":"May we?"},'
        '"author":{"type":"business"}}},"target":{"conversationId":"c1"}}',
        {"client": {"id": "cl1"}},
        Client(id="cl1"),
        201,
    ),
    Row(
        "clients.list",
        lambda s: s.clients.list("u1", brand_id="b1", after="a", page_size=1),
        "GET",
        f"{USER}/clients?page%5Bafter%5D=a&page%5Bsize%5D=1&brandId=b1",
        None,
        {"clients": [{"id": "cl1", "raw": {"x": 1}}]},
        [Client(id="cl1", raw={"x": 1})],
    ),
    Row(
        "clients.remove",
        lambda s: s.clients.remove("u1", "cl1", brand_id="b1"),
        "DELETE",
        f"{USER}/clients/cl1?brandId=b1",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
