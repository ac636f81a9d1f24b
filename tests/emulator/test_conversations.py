from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sunco.emulator import Emulator

from .api import JSON, Api

if TYPE_CHECKING:
    from .conftest import Clock

pytestmark = pytest.mark.anyio

NOT_FOUND = ("conversation_not_found", "Conversation not found")
USER_NOT_FOUND = ("user_not_found", "User not found")
NOW = "2025-02-03T16:21:12.308Z"
DATA_REF = dict.fromkeys(("url", "bid", "key", "signature", "owner"), "value")


async def test_a_conversation_has_what_the_specs_example_has(clock: Clock) -> None:
    async with Api(Emulator(clock=clock, switchboard=())) as api:
        conversation = await api.personal(await api.user())
    assert len(conversation.pop("id")) == 24
    assert conversation == {
        "type": "personal",
        "isDefault": True,
        "lastUpdatedAt": NOW,
        "createdAt": NOW,
    }


async def test_what_is_said_of_a_conversation_comes_back(api: Api) -> None:
    details: dict[str, Any] = {
        "displayName": "Order 12",
        "description": "About an order",
        "iconUrl": "https://example.org/icon.png",
        "metadata": {"order": 12},
    }
    conversation = await api.personal(await api.user(), **details)
    assert details.items() <= conversation.items()
    assert await api.get(f"conversations/{conversation['id']}") == {"conversation": conversation}


async def test_only_the_first_personal_conversation_is_the_default(api: Api) -> None:
    ann = await api.user()
    made = [await api.group(ann), await api.personal(ann), await api.personal(ann)]
    assert [conversation["isDefault"] for conversation in made] == [False, True, False]


async def test_participants_are_named_by_either_id(api: Api) -> None:
    ann, bob = await api.user(), await api.user(externalId="bob")
    entries = [
        {"userId": ann["id"], "subscribeSDKClient": False},
        {"userExternalId": "bob", "subscribeSDKClient": False},
    ]
    group = await api.conversation(type="sdkGroup", participants=entries)
    document = await api.get(f"conversations/{group['id']}/participants")
    assert [one["userId"] for one in document["participants"]] == [ann["id"], bob["id"]]


async def test_a_group_needs_no_participants(api: Api) -> None:
    group = await api.conversation(type="sdkGroup")
    document = await api.get(f"conversations/{group['id']}/participants")
    assert document == {"participants": [], "meta": {"hasMore": False}}


MALFORMED: list[tuple[JSON, str]] = [
    ({}, "type is required"),
    ({"type": "public"}, "type must be one of personal, sdkGroup"),
    ({"type": "personal"}, "A personal conversation must have exactly one participant"),
    (
        {"type": "personal", "participants": [{"userId": "a"}, {"userId": "b"}]},
        "A personal conversation must have exactly one participant",
    ),
    (
        {"type": "sdkGroup", "participants": [{"userId": "a"}]},
        "participants must have subscribeSDKClient in an sdkGroup conversation",
    ),
    (
        {"type": "personal", "participants": [{}]},
        "participants[0]: exactly one of userId, userExternalId is required",
    ),
    (
        {"type": "personal", "participants": [{"userId": "a", "userExternalId": "b"}]},
        "participants[0]: exactly one of userId, userExternalId is required",
    ),
    (
        {"type": "sdkGroup", "participants": [{"userId": "a"}] * 11},
        "participants must have at most 10 items",
    ),
    ({"type": "sdkGroup", "participants": {}}, "participants must be an array"),
    (
        {"type": "sdkGroup", "displayName": ""},
        "displayName must be at least 1 characters long",
    ),
    (
        {"type": "sdkGroup", "description": "x" * 101},
        "description must be at most 100 characters long",
    ),
    ({"type": "sdkGroup", "iconUrl": "icon"}, "iconUrl is not in the right format"),
]


@pytest.mark.parametrize(("body", "problem"), MALFORMED)
async def test_a_malformed_conversation_is_rejected(
    api: Api, body: dict[str, Any], problem: str
) -> None:
    assert await api.problems("POST", "conversations", body) == [problem]


@pytest.mark.parametrize("entry", [{"userId": "nobody"}, {"userExternalId": "nobody"}])
async def test_a_conversation_with_nobody_is_not_made(api: Api, entry: dict[str, Any]) -> None:
    body = {"type": "personal", "participants": [entry]}
    assert await api.rejected(404, "POST", "conversations", body) == USER_NOT_FOUND


async def test_a_user_participates_once(api: Api) -> None:
    ann = await api.user()
    entry = {"userId": ann["id"], "subscribeSDKClient": False}
    body = {"type": "sdkGroup", "participants": [entry, entry]}
    problem = "A user can participate only once in a conversation"
    assert await api.problems("POST", "conversations", body) == [problem]
    document = await api.get("conversations", **{"filter[userId]": ann["id"]})
    assert document["conversations"] == []


@pytest.mark.parametrize("form", ["userId", "userExternalId"])
async def test_a_listing_is_of_one_user(api: Api, form: str) -> None:
    ann, bob = await api.user(externalId="ann"), await api.user(externalId="bob")
    mine = [await api.personal(ann), await api.group(ann, bob)]
    await api.personal(bob)
    value = ann["id"] if form == "userId" else "ann"
    document = await api.get("conversations", **{f"filter[{form}]": value})
    assert document["conversations"] == mine


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"filter": '{"userId": "ann"}'},
        {"filter[userId]": "a", "filter[userExternalId]": "b"},
    ],
)
async def test_a_listing_needs_exactly_one_filter(api: Api, params: dict[str, str]) -> None:
    code, title = await api.rejected(400, "GET", "conversations", params=params)
    assert code == "bad_request"
    assert "filter[userId]" in title


@pytest.mark.parametrize("form", ["userId", "userExternalId"])
async def test_the_conversations_of_nobody_are_not_found(api: Api, form: str) -> None:
    params = {f"filter[{form}]": "nobody"}
    assert await api.rejected(404, "GET", "conversations", params=params) == USER_NOT_FOUND


async def test_null_clears_and_a_missing_key_leaves(api: Api) -> None:
    conversation = await api.personal(
        await api.user(), displayName="Old", description="Kept", metadata={"a": 1, "b": 2}
    )
    path = f"conversations/{conversation['id']}"
    changes = {"displayName": None, "iconUrl": "https://example.org/i.png", "metadata": {"a": 3}}
    changed = (await api.call("PATCH", path, changes))["conversation"]
    assert "displayName" not in changed
    assert changed["description"] == "Kept"
    assert changed["iconUrl"] == "https://example.org/i.png"
    assert changed["metadata"] == {"a": 3}
    assert (await api.get(path))["conversation"] == changed
    assert (await api.call("PATCH", path, {}))["conversation"] == changed


async def test_a_malformed_change_changes_nothing(api: Api) -> None:
    conversation = await api.personal(await api.user(), displayName="Old")
    path = f"conversations/{conversation['id']}"
    changes = {"displayName": "New", "description": 5}
    assert await api.problems("PATCH", path, changes) == ["description must be a string"]
    assert await api.get(path) == {"conversation": conversation}


async def test_the_default_conversation_cannot_be_deleted(api: Api) -> None:
    conversation = await api.personal(await api.user())
    path = f"conversations/{conversation['id']}"
    assert await api.rejected(400, "DELETE", path) == (
        "bad_request",
        f"Conversation {conversation['id']} cannot be deleted because it is the default.",
    )
    assert await api.get(path) == {"conversation": conversation}


async def test_another_conversation_can_be_deleted(api: Api) -> None:
    ann = await api.user()
    default = await api.personal(ann)
    other = await api.personal(ann)
    path = f"conversations/{other['id']}"
    assert await api.call("DELETE", path) == {}
    assert await api.rejected(404, "GET", path) == NOT_FOUND
    document = await api.get("conversations", **{"filter[userId]": ann["id"]})
    assert document["conversations"] == [default]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {}),
        ("DELETE", "", None),
        ("POST", "/download", {"userId": "a", "apple": {"interactiveDataRef": DATA_REF}}),
        ("POST", "/conversionEvents", {"whatsapp": {"payload": {"data": []}}}),
        ("GET", "/participants", None),
        ("POST", "/join", {"userId": "a", "subscribeSDKClient": True}),
        ("POST", "/leave", {"userId": "a"}),
        ("POST", "/messages", {"author": {"type": "business"}, "content": {}}),
        ("DELETE", "/messages", None),
        ("DELETE", "/messages/any", None),
        ("POST", "/passControl", {"switchboardIntegration": "next"}),
        ("POST", "/offerControl", {"switchboardIntegration": "next"}),
        ("POST", "/acceptControl", {}),
        ("POST", "/releaseControl", {}),
    ],
)
async def test_an_unknown_conversation_is_not_found(
    api: Api, method: str, path: str, body: dict[str, Any] | None
) -> None:
    assert await api.rejected(404, method, f"conversations/none{path}", body) == NOT_FOUND


async def test_a_message_reference_is_accepted(api: Api) -> None:
    ann = await api.user()
    path = f"conversations/{(await api.personal(ann))['id']}/download"
    body = {"userId": ann["id"], "apple": {"interactiveDataRef": DATA_REF}}
    assert await api.call("POST", path, body) == {}
    assert await api.rejected(404, "POST", path, {**body, "userId": "nobody"}) == USER_NOT_FOUND


async def test_a_message_reference_must_be_whole(api: Api) -> None:
    ann = await api.user()
    path = f"conversations/{(await api.personal(ann))['id']}/download"
    body = {"apple": {"interactiveDataRef": {"url": "value", "bid": "value", "key": 1}}}
    assert await api.problems("POST", path, body) == [
        "userId is required",
        "apple.interactiveDataRef.signature is required",
        "apple.interactiveDataRef.owner is required",
        "apple.interactiveDataRef.key must be a string",
    ]


@pytest.mark.parametrize("channel", ["messenger", "instagram", "whatsapp"])
async def test_conversion_events_are_counted(api: Api, channel: str) -> None:
    path = f"conversations/{(await api.personal(await api.user()))['id']}/conversionEvents"
    event = {"action_source": "business_messaging", "event_name": "Purchase", "event_time": 1}
    document = await api.call("POST", path, {channel: {"payload": {"data": [event, event]}}})
    assert document == {
        "conversionEvents": {"datasetId": 1234567890123456, "eventsReceived": 2},
    }


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "exactly one of messenger, instagram, whatsapp is required"),
        ({"whatsapp": {}}, "whatsapp.payload is required"),
        ({"whatsapp": {"payload": {}}}, "whatsapp.payload.data is required"),
        (
            {"whatsapp": {"payload": {"data": [1]}}},
            "whatsapp.payload.data[0] must be an object",
        ),
    ],
)
async def test_malformed_conversion_events_are_rejected(
    api: Api, body: dict[str, Any], problem: str
) -> None:
    path = f"conversations/{(await api.personal(await api.user()))['id']}/conversionEvents"
    assert await api.problems("POST", path, body) == [problem]
