from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from sunco.emulator import Emulator

from .api import BUSINESS, HELLO, Api

if TYPE_CHECKING:
    from .api import JSON
    from .conftest import Clock

pytestmark = pytest.mark.anyio

WHATSAPP = "000000005eed000000000001"


def path_of(conversation: JSON) -> str:
    return f"conversations/{conversation['id']}/messages"


async def test_a_message_has_what_the_specs_example_has(api: Api, clock: Clock) -> None:
    conversation = await api.personal(await api.user())
    clock.advance(60)
    posted = await api.post(conversation)
    assert len(posted.pop("id")) == 24
    assert posted == {
        "received": "2025-02-03T16:22:12.308Z",
        "author": {"type": "business"},
        "content": {"type": "text", "text": "Hello!"},
        "source": {"type": "api:conversations"},
    }
    changed = (await api.get(f"conversations/{conversation['id']}"))["conversation"]
    assert changed == {**conversation, "lastUpdatedAt": "2025-02-03T16:22:12.308Z"}


async def test_metadata_comes_back_unless_it_is_null(api: Api) -> None:
    conversation = await api.personal(await api.user())
    with_metadata = await api.post(conversation, metadata={"order": 12})
    assert with_metadata["metadata"] == {"order": 12}
    assert "metadata" not in await api.post(conversation, metadata=None)


async def test_an_override_is_passed_on_and_not_returned(api: Api) -> None:
    conversation = await api.personal(await api.user())
    override = {"whatsapp": {"payload": {"type": "text"}}}
    assert "override" not in await api.post(conversation, override=override)


async def test_a_business_looks_as_it_says(api: Api) -> None:
    conversation = await api.personal(await api.user())
    author = {
        "type": "business",
        "subtypes": ["AI"],
        "displayName": "Botty",
        "avatarUrl": "https://example.org/bot.png",
    }
    assert (await api.post(conversation, author=author))["author"] == author


@pytest.mark.parametrize(
    ("author", "display_name"),
    [({}, "Jane Doe"), ({"displayName": "J."}, "J.")],
)
async def test_a_user_is_returned_by_id_whatever_it_was_named_by(
    api: Api, author: JSON, display_name: str
) -> None:
    profile = {"givenName": "Jane", "surname": "Doe"}
    jane = await api.user(externalId="jane", brandId="42", profile=profile)
    conversation = await api.personal(jane)
    named = {"type": "user", "userExternalId": "jane", "brandId": "42", **author}
    posted = await api.post(conversation, author=named)
    assert posted["author"] == {
        "type": "user",
        "userId": jane["id"],
        "displayName": display_name,
    }


@pytest.mark.parametrize("form", ["userId", "userExternalId"])
async def test_nobody_cannot_write(api: Api, form: str) -> None:
    path = path_of(await api.personal(await api.user()))
    body = {"author": {"type": "user", form: "nobody"}, "content": HELLO}
    assert (await api.rejected(404, "POST", path, body))[0] == "user_not_found"


async def test_only_participants_can_write(api: Api) -> None:
    path = path_of(await api.personal(await api.user()))
    bob = await api.user()
    body = {"author": {"type": "user", "userId": bob["id"]}, "content": HELLO}
    assert await api.problems("POST", path, body) == [
        "The author is not a member of the conversation"
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"content": HELLO}, "author is required"),
        ({"author": BUSINESS}, "content is required"),
        ({"author": {}, "content": HELLO}, "author.type must be one of business, user"),
        ({"author": "business", "content": HELLO}, "author.type must be one of business, user"),
        ({"author": {"type": 1}, "content": HELLO}, "author.type must be one of business, user"),
        (
            {"author": {"type": "user"}, "content": HELLO},
            "author: exactly one of userId, userExternalId is required",
        ),
        (
            {"author": {"type": "business", "userId": "a"}, "content": HELLO},
            "author: userId and userExternalId are only supported when the type is user",
        ),
        (
            {"author": {"type": "business", "subtypes": ["agent"]}, "content": HELLO},
            "author.subtypes[0] must be one of AI, activity",
        ),
        (
            {"author": {"type": "business", "subtypes": []}, "content": HELLO},
            "author.subtypes must have at least 1 items",
        ),
        ({"author": BUSINESS, "content": "Hello!"}, "content must be an object"),
        (
            {"author": BUSINESS, "content": HELLO, "destination": {}},
            "destination: exactly one of integrationId, integrationType is required",
        ),
        (
            {"author": BUSINESS, "content": HELLO, "override": {}},
            "override: one of apple, line, messenger, whatsapp is required",
        ),
        (
            {"author": BUSINESS, "content": HELLO, "override": {"line": {"payload": 1}}},
            "override.line.payload must be an object",
        ),
        (
            {"author": BUSINESS, "content": HELLO, "schema": "line"},
            "schema must be one of whatsapp",
        ),
        (
            {"author": BUSINESS, "content": HELLO, "metadata": {"a": []}},
            "metadata.a must be a string, a number or a boolean",
        ),
    ],
)
async def test_a_malformed_message_is_rejected(api: Api, body: JSON, problem: str) -> None:
    path = path_of(await api.personal(await api.user()))
    assert await api.problems("POST", path, body) == [problem]
    assert (await api.get(path))["messages"] == []


async def test_a_destination_that_the_user_has_a_client_for(api: Api) -> None:
    ann = await api.user()
    participants = [{"userId": ann["id"], "subscribeSDKClient": True}]
    conversation = await api.conversation(type="personal", participants=participants)
    await api.post(conversation, destination={"integrationType": "sdk"})
    await api.post(conversation, destination={"integrationType": "none"})


@pytest.mark.parametrize(
    ("destination", "problem"),
    [
        ({"integrationId": "0" * 24}, "destination.integrationId does not exist"),
        (
            {"integrationId": WHATSAPP},
            "The user has no client in the conversation for the destination",
        ),
        (
            {"integrationType": "whatsapp"},
            "The user has no client in the conversation for the destination",
        ),
    ],
)
async def test_a_destination_that_cannot_be_reached(
    api: Api, destination: JSON, problem: str
) -> None:
    path = path_of(await api.personal(await api.user()))
    body = {"author": BUSINESS, "content": HELLO, "destination": destination}
    assert await api.problems("POST", path, body) == [problem]


async def test_only_a_business_in_a_personal_conversation_names_a_destination(api: Api) -> None:
    ann = await api.user()
    problem = "destination is only supported for business messages in personal conversations"
    body: JSON = {"content": HELLO, "destination": {"integrationType": "none"}}
    group, personal = await api.group(ann), await api.personal(ann)
    assert await api.problems("POST", path_of(group), {**body, "author": BUSINESS}) == [problem]
    author = {"type": "user", "userId": ann["id"]}
    assert await api.problems("POST", path_of(personal), {**body, "author": author}) == [problem]


async def test_what_others_write_is_unread_until_one_writes(api: Api, clock: Clock) -> None:
    ann, bob = await api.user(), await api.user()
    group = await api.group(ann, bob)

    async def unread() -> list[Any]:
        document = await api.get(f"conversations/{group['id']}/participants")
        return [(one["unreadCount"], one.get("lastRead")) for one in document["participants"]]

    await api.post(group)
    assert await unread() == [(1, None), (1, None)]
    clock.advance(1)
    await api.post(group, author={"type": "user", "userId": bob["id"]})
    assert await unread() == [(2, None), (0, "2025-02-03T16:21:13.308Z")]
    await api.call("DELETE", path_of(group))
    assert [count for count, _ in await unread()] == [0, 0]


async def test_a_full_conversation_is_locked_until_it_is_emptied() -> None:
    async with Api(Emulator(message_limit=2)) as api:
        conversation = await api.personal(await api.user())
        await api.post(conversation)
        await api.post(conversation)
        body = {"author": BUSINESS, "content": HELLO}
        path = path_of(conversation)
        assert await api.rejected(423, "POST", path, body) == (
            "locked",
            "Message limit of 2 per conversation reached.",
        )
        assert len((await api.get(path))["messages"]) == 2
        assert await api.call("DELETE", path) == {}
        assert await api.get(path) == {"messages": [], "meta": {"hasMore": False}}
        await api.post(conversation)


async def test_a_listing_goes_backwards(api: Api) -> None:
    conversation = await api.personal(await api.user())
    made = [await api.post(conversation, {"type": "text", "text": str(n)}) for n in range(250)]
    path = path_of(conversation)

    newest = await api.get(path)
    assert newest["messages"] == made[150:]
    assert newest["meta"] == {"hasMore": True, "beforeCursor": made[150]["id"]}
    assert set(newest["links"]) == {"prev"}

    middle = await api.get(newest["links"]["prev"])
    assert middle["messages"] == made[50:150]
    assert middle["meta"] == {
        "hasMore": True,
        "beforeCursor": made[50]["id"],
        "afterCursor": made[149]["id"],
    }

    oldest = await api.get(path, **{"page[before]": middle["meta"]["beforeCursor"]})
    assert oldest["messages"] == made[:50]
    assert oldest["meta"] == {"hasMore": False, "afterCursor": made[49]["id"]}
    assert set(oldest["links"]) == {"next"}

    forwards = await api.get(oldest["links"]["next"])
    assert forwards["messages"] == made[50:150]
    assert forwards["meta"]["hasMore"] is True

    last = await api.get(path, **{"page[after]": forwards["meta"]["afterCursor"]})
    assert last["messages"] == made[150:]
    assert last["meta"] == {"hasMore": False, "beforeCursor": made[150]["id"]}


@pytest.mark.parametrize("size", ["5", "0", "1000", "many"])
async def test_the_size_of_a_page_of_messages_is_fixed(api: Api, size: str) -> None:
    conversation = await api.personal(await api.user())
    for _ in range(101):
        await api.post(conversation)
    document = await api.get(path_of(conversation), **{"page[size]": size})
    assert len(document["messages"]) == 100


async def test_bad_cursors_of_messages_are_rejected(api: Api) -> None:
    path = path_of(await api.personal(await api.user()))
    for params in ({"page[before]": "x"}, {"page[after]": "0" * 24, "page[before]": "0" * 24}):
        error = await api.rejected(400, "GET", path, params=params)
        assert error == ("bad_request", "Invalid page query parameters")


async def test_the_messages_of_an_unknown_conversation_are_not_found(api: Api) -> None:
    error = await api.rejected(404, "GET", "conversations/none/messages")
    assert error == ("not_found", "Resource not found")


async def test_one_message_can_be_deleted(api: Api) -> None:
    conversation = await api.personal(await api.user())
    first, second, third = [await api.post(conversation) for _ in range(3)]
    path = path_of(conversation)
    assert await api.call("DELETE", f"{path}/{second['id']}") == {}
    assert (await api.get(path))["messages"] == [first, third]
    error = await api.rejected(404, "DELETE", f"{path}/{second['id']}")
    assert error == ("not_found", "Message not found")


async def test_messages_posted_at_once_are_all_there(api: Api) -> None:
    conversation = await api.personal(await api.user())
    posted: list[JSON] = []

    async def post(number: int) -> None:
        posted.append(await api.post(conversation, {"type": "text", "text": str(number)}))

    async with anyio.create_task_group() as group:
        for number in range(100):
            group.start_soon(post, number)
    listed = (await api.get(path_of(conversation)))["messages"]
    assert {message["content"]["text"] for message in listed} == {str(n) for n in range(100)}
    assert listed == sorted(posted, key=lambda message: str(message["id"]))
