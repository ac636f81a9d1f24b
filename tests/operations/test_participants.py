"""The operations of `participants`, byte for byte."""

from __future__ import annotations

import pytest
import respx

from operations.rows import CONVERSATION, Row, check
from sunco.models import (
    Participant,
)

pytestmark = pytest.mark.anyio


ROWS = [
    Row(
        "participants.list",
        lambda s: s.participants.list("c1", after="p0", page_size=100),
        "GET",
        f"{CONVERSATION}/participants?page%5Bafter%5D=p0&page%5Bsize%5D=100",
        None,
        {"participants": [{"id": "p1", "userExternalId": 912382197}]},
        [Participant(id="p1", user_external_id="912382197")],
    ),
    Row(
        "participants.join",
        lambda s: s.participants.join("c1", user_id="u1", subscribe_sdk_client=False),
        "POST",
        f"{CONVERSATION}/join",
        '{"userId":"u1","subscribeSDKClient":false}',
        {"participant": {"id": "p1", "unreadCount": 0}},
        Participant(id="p1", unread_count=0),
        201,
    ),
    Row(
        "participants.join by external id",
        lambda s: s.participants.join("c1", user_external_id="me"),
        "POST",
        f"{CONVERSATION}/join",
        '{"userExternalId":"me"}',
        {"participant": {"id": "p1"}},
        Participant(id="p1"),
        201,
    ),
    Row(
        "participants.leave",
        lambda s: s.participants.leave("c1", user_id="u1"),
        "POST",
        f"{CONVERSATION}/leave",
        '{"userId":"u1"}',
    ),
    Row(
        "participants.leave by external id",
        lambda s: s.participants.leave("c1", user_external_id="me"),
        "POST",
        f"{CONVERSATION}/leave",
        '{"userExternalId":"me"}',
    ),
    Row(
        "participants.leave by participant",
        lambda s: s.participants.leave("c1", participant_id="p1"),
        "POST",
        f"{CONVERSATION}/leave",
        '{"participantId":"p1"}',
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
