from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .api import JSON, Api

pytestmark = pytest.mark.anyio

NOT_A_MEMBER = ("not_found", "User is not a member of the conversation")
USER_NOT_FOUND = ("user_not_found", "User not found")


async def participants(api: Api, conversation: JSON) -> list[JSON]:
    document = await api.get(f"conversations/{conversation['id']}/participants")
    found: list[JSON] = document["participants"]
    return found


async def test_joining_returns_the_participant(api: Api) -> None:
    ann = await api.user(externalId="ann")
    group = await api.group()
    body = {"userId": ann["id"], "subscribeSDKClient": True}
    document = await api.call("POST", f"conversations/{group['id']}/join", body, status=201)
    (client,) = (await api.get(f"users/{ann['id']}/clients"))["clients"]
    participant = document["participant"]
    assert (
        participant.items()
        >= {
            "userId": ann["id"],
            "userExternalId": "ann",
            "unreadCount": 0,
            "clientAssociations": [{"type": "sdk", "clientId": client["id"]}],
        }.items()
    )
    assert await participants(api, group) == [participant]


async def test_a_participant_that_is_not_subscribed_has_no_client(api: Api) -> None:
    await api.user(externalId="ann")
    group = await api.group()
    body = {"userExternalId": "ann", "subscribeSDKClient": False}
    document = await api.call("POST", f"conversations/{group['id']}/join", body, status=201)
    assert document["participant"]["clientAssociations"] == []
    assert (await api.get("users/ann/clients"))["clients"] == []


async def test_a_user_has_one_sdk_client_however_often_it_is_subscribed(api: Api) -> None:
    ann = await api.user()
    groups = [await api.group(ann, subscribe=True) for _ in range(2)]
    (client,) = (await api.get(f"users/{ann['id']}/clients"))["clients"]
    assert client == {
        "id": client["id"],
        "type": "sdk",
        "status": "active",
        "lastSeen": "2025-02-03T16:21:12.308Z",
        "linkedAt": "2025-02-03T16:21:12.308Z",
    }
    for group in groups:
        (participant,) = await participants(api, group)
        assert participant["clientAssociations"] == [{"type": "sdk", "clientId": client["id"]}]


async def test_ten_can_participate_and_no_more(api: Api) -> None:
    group = await api.group(*[await api.user() for _ in range(10)])
    body = {"userId": (await api.user())["id"], "subscribeSDKClient": False}
    path = f"conversations/{group['id']}/join"
    assert await api.rejected(400, "POST", path, body) == ("bad_request", "Too many participants")
    assert len(await participants(api, group)) == 10


async def test_a_personal_conversation_cannot_be_joined(api: Api) -> None:
    conversation = await api.personal(await api.user())
    body = {"userId": (await api.user())["id"], "subscribeSDKClient": False}
    path = f"conversations/{conversation['id']}/join"
    assert await api.problems("POST", path, body) == ["Only sdkGroup conversations can be joined"]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"userId": "a"}, "subscribeSDKClient is required"),
        ({"userId": "a", "subscribeSDKClient": "yes"}, "subscribeSDKClient must be a boolean"),
        (
            {"subscribeSDKClient": True},
            "exactly one of userId, userExternalId is required",
        ),
        (
            {"subscribeSDKClient": True, "userId": "a", "userExternalId": "b"},
            "exactly one of userId, userExternalId is required",
        ),
    ],
)
async def test_joining_takes_one_user_and_a_subscription(
    api: Api, body: dict[str, Any], problem: str
) -> None:
    group = await api.group()
    assert await api.problems("POST", f"conversations/{group['id']}/join", body) == [problem]


async def test_nobody_cannot_join(api: Api) -> None:
    group = await api.group()
    body = {"userId": "nobody", "subscribeSDKClient": False}
    path = f"conversations/{group['id']}/join"
    assert await api.rejected(404, "POST", path, body) == USER_NOT_FOUND


async def test_joining_twice_is_rejected(api: Api) -> None:
    ann = await api.user()
    group = await api.group(ann)
    body = {"userId": ann["id"], "subscribeSDKClient": False}
    path = f"conversations/{group['id']}/join"
    assert await api.problems("POST", path, body) == [
        "User is already a member of the conversation"
    ]


@pytest.mark.parametrize("form", ["userId", "userExternalId", "participantId"])
async def test_leaving_by_each_of_the_ids(api: Api, form: str) -> None:
    ann, bob = await api.user(externalId="ann"), await api.user(externalId="bob")
    group = await api.group(ann, bob)
    first, second = await participants(api, group)
    value = {"userId": ann["id"], "userExternalId": "ann", "participantId": first["id"]}[form]
    path = f"conversations/{group['id']}/leave"
    assert await api.call("POST", path, {form: value}) == {}
    assert await participants(api, group) == [second]
    document = await api.get("conversations", **{"filter[userId]": ann["id"]})
    assert document["conversations"] == []
    error = NOT_A_MEMBER
    assert await api.rejected(404, "POST", path, {form: value}) == error


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"userId": "nobody"}, USER_NOT_FOUND),
        ({"userExternalId": "nobody"}, USER_NOT_FOUND),
        ({"participantId": "nobody"}, NOT_A_MEMBER),
    ],
)
async def test_nobody_cannot_leave(api: Api, body: dict[str, str], error: tuple[str, str]) -> None:
    group = await api.group()
    assert await api.rejected(404, "POST", f"conversations/{group['id']}/leave", body) == error


@pytest.mark.parametrize("body", [{}, {"userId": "a", "participantId": "b"}])
async def test_leaving_takes_exactly_one_id(api: Api, body: dict[str, str]) -> None:
    group = await api.group()
    assert await api.problems("POST", f"conversations/{group['id']}/leave", body) == [
        "exactly one of userId, userExternalId, participantId is required"
    ]


async def test_participants_are_paged(api: Api) -> None:
    group = await api.group(*[await api.user() for _ in range(5)])
    everyone = await participants(api, group)
    document = await api.get(f"conversations/{group['id']}/participants?page[size]=3")
    assert document["participants"] == everyone[:3]
    assert document["meta"] == {"hasMore": True, "afterCursor": everyone[2]["id"]}
    document = await api.get(document["links"]["next"])
    assert document["participants"] == everyone[3:]
