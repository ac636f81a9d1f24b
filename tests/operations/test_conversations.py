"""The operations of `conversations`, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import respx

from operations.rows import APP, CONVERSATION, Row, check
from sunco.models import (
    Conversation,
    ConversionEvents,
    InteractiveDataRef,
    ParticipantUser,
)

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 2, 12, 0, 0, 5000, tzinfo=UTC)

ROWS = [
    Row(
        "conversations.create",
        lambda s: s.conversations.create(
            "sdkGroup",
            participants=[
                ParticipantUser(user_id="u1", subscribe_sdk_client=True),
                ParticipantUser(user_external_id="é", subscribe_sdk_client=False),
            ],
            display_name="Team",
            description="All of us",
            icon_url="https://example.test/i.png",
            metadata={"n": 1, "ok": True},
        ),
        "POST",
        f"{APP}/conversations",
        '{"type":"sdkGroup","participants":[{"userId":"u1","subscribeSDKClient":true},'
        '{"userExternalId":"é","subscribeSDKClient":false}],"displayName":"Team",'
        '"description":"All of us","iconUrl":"https://example.test/i.png",'
        '"metadata":{"n":1,"ok":true}}',
        {"conversation": {"id": "c1", "type": "sdkGroup"}},
        Conversation(id="c1", type="sdkGroup"),
        201,
    ),
    Row(
        "conversations.create without participants",
        lambda s: s.conversations.create("sdkGroup"),
        "POST",
        f"{APP}/conversations",
        '{"type":"sdkGroup"}',
        {"conversation": {"id": "c1"}},
        Conversation(id="c1"),
        201,
    ),
    Row(
        "conversations.list",
        lambda s: s.conversations.list(user_id="u 1/é", after="x&y", page_size=10),
        "GET",
        f"{APP}/conversations?page%5Bafter%5D=x%26y&page%5Bsize%5D=10"
        "&filter%5BuserId%5D=u%201%2F%C3%A9",
        None,
        {"conversations": [{"id": "c1"}]},
        [Conversation(id="c1")],
    ),
    Row(
        "conversations.list by external id, backwards",
        lambda s: s.conversations.list(user_external_id="me", before="b"),
        "GET",
        f"{APP}/conversations?page%5Bbefore%5D=b&filter%5BuserExternalId%5D=me",
        None,
        {"conversations": []},
        [],
    ),
    Row(
        "conversations.get",
        lambda s: s.conversations.get("c/1 é%"),
        "GET",
        f"{APP}/conversations/c%2F1%20%C3%A9%25",
        None,
        {"conversation": {"id": "c1", "lastUpdatedAt": "2026-01-02T12:00:00.005Z"}},
        Conversation(id="c1", last_updated_at=NOON),
    ),
    Row(
        "conversations.update",
        lambda s: s.conversations.update("c1", display_name="New", icon_url=None),
        "PATCH",
        CONVERSATION,
        '{"displayName":"New","iconUrl":null}',
        {"conversation": {"id": "c1"}},
        Conversation(id="c1"),
    ),
    Row(
        "conversations.update, all of it",
        lambda s: s.conversations.update(
            "c1", display_name=None, description=None, icon_url="i", metadata={"a": None}
        ),
        "PATCH",
        CONVERSATION,
        '{"displayName":null,"description":null,"iconUrl":"i","metadata":{"a":null}}',
        {"conversation": {"id": "c1"}},
        Conversation(id="c1"),
    ),
    Row("conversations.delete", lambda s: s.conversations.delete("c1"), "DELETE", CONVERSATION),
    Row(
        "conversations.download_message_ref",
        lambda s: s.conversations.download_message_ref(
            "c1",
            user_id="u1",
            interactive_data_ref=InteractiveDataRef(
                url="https://a", bid="b", key="k", signature="s", owner="o"
            ),
        ),
        "POST",
        f"{CONVERSATION}/download",
        '{"userId":"u1","apple":{"interactiveDataRef":{"url":"https://a","bid":"b","key":"k",'
        '"signature":"s","owner":"o"}}}',
        {"data": {"any": [1]}},
        {"data": {"any": [1]}},
    ),
    Row(
        "conversations.post_conversion_events",
        lambda s: s.conversations.post_conversion_events(
            "c1", instagram=[{"event_name": "Purchase", "event_time": 1}]
        ),
        "POST",
        f"{CONVERSATION}/conversionEvents",
        '{"instagram":{"payload":{"data":[{"event_name":"Purchase","event_time":1}]}}}',
        {"conversionEvents": {"datasetId": 1234567890123456, "eventsReceived": 1}},
        ConversionEvents(dataset_id="1234567890123456", events_received=1),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
