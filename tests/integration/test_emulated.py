"""The client and the emulator were written apart from the same spec: here they meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from sunco import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    ConversationFullError,
    NotFoundError,
    RetryPolicy,
    Sunco,
)
from sunco.emulator import Emulator
from sunco.models import (
    Buy,
    CarouselMessage,
    Confirmation,
    Content,
    Conversation,
    Coordinates,
    FieldOption,
    FileMessage,
    FormField,
    FormMessage,
    ImageMessage,
    InteractiveDataRef,
    Item,
    Link,
    ListMessage,
    LocationMessage,
    LocationRequest,
    MailgunMatchCriteria,
    MatchCriteria,
    MessagebirdMatchCriteria,
    ParticipantUser,
    Postback,
    Profile,
    Reply,
    TemplateMessage,
    TextMessage,
    TwilioMatchCriteria,
    User,
    Webview,
    WhatsappMatchCriteria,
)
from sunco.testing import connect

pytestmark = pytest.mark.anyio

ONE_TRY = RetryPolicy(max_attempts=1)


@pytest.fixture
async def sunco(anyio_backend: str) -> AsyncIterator[Sunco]:  # noqa: ARG001 - runs on each
    async with connect(Emulator(message_limit=300), retry=ONE_TRY) as client:
        yield client


async def talk(sunco: Sunco) -> tuple[User, Conversation]:
    user = await sunco.users.create(external_id="ada", profile=Profile(given_name="Ada"))
    participants = [ParticipantUser(user_id=user.id)]
    return user, await sunco.conversations.create("personal", participants=participants)


async def test_users(sunco: Sunco) -> None:
    created = await sunco.users.create(
        external_id="ada",
        profile=Profile(given_name="Ada", email="ada@example.test"),
        metadata={"plan": "pro"},
        to_be_retained=True,
    )
    assert created.external_id == "ada"
    assert created.profile is not None
    assert created.profile.given_name == "Ada"
    assert await sunco.users.get("ada") == await sunco.users.get(created.id) == created
    with pytest.raises(ConflictError) as caught:
        await sunco.users.create(external_id="ada")
    assert caught.value.code == "conflict"
    await sunco.users.delete("ada")
    with pytest.raises(NotFoundError) as gone:
        await sunco.users.get(created.id)
    assert gone.value.code == "user_not_found"


async def test_ids_with_any_characters_reach_the_server(sunco: Sunco) -> None:
    for external_id in ("a/b", "é ü", "100%", "a?b#c", "a+b&c=d", "...", "%2e%2e"):
        created = await sunco.users.create(external_id=external_id)
        assert await sunco.users.get(external_id) == created
        await sunco.users.delete(external_id)


async def test_brands_separate_users(sunco: Sunco) -> None:
    branded = await sunco.users.create(external_id="ada", brand_id="b1")
    assert branded.brand_id == "b1"
    assert await sunco.users.get("ada", brand_id="b1") == branded
    with pytest.raises(NotFoundError):
        await sunco.users.get("ada", brand_id="b2")
    await sunco.users.delete("ada", brand_id="b1")


async def test_conversations(sunco: Sunco) -> None:
    user, first = await talk(sunco)
    assert (first.type, first.is_default) == ("personal", True)
    second = await sunco.conversations.create(
        "personal",
        participants=[ParticipantUser(user_external_id="ada")],
        display_name="Second",
        description="Words",
        icon_url="https://example.test/i.png",
        metadata={"n": 1},
    )
    assert (second.is_default, second.description) == (False, "Words")
    changed = await sunco.conversations.update(second.id, display_name="New", icon_url=None)
    assert (changed.display_name, changed.description, changed.icon_url) == ("New", "Words", None)
    assert await sunco.conversations.get(second.id) == changed
    for walk in (
        sunco.conversations.list(user_id=user.id),
        sunco.conversations.list(user_external_id="ada"),
    ):
        assert [each.id async for each in walk] == [first.id, second.id]
    await sunco.conversations.delete(second.id)
    with pytest.raises(BadRequestError):
        await sunco.conversations.delete(first.id)
    with pytest.raises(NotFoundError) as caught:
        await sunco.conversations.get(second.id)
    assert caught.value.code == "conversation_not_found"


async def test_references_and_conversion_events(sunco: Sunco) -> None:
    user, conversation = await talk(sunco)
    reference = InteractiveDataRef(url="https://a.test", bid="b", key="k", signature="s", owner="o")
    data = await sunco.conversations.download_message_ref(
        conversation.id, user_id=user.id, interactive_data_ref=reference
    )
    assert isinstance(data, dict)
    events = await sunco.conversations.post_conversion_events(
        conversation.id, messenger=[{"event_name": "Purchase"}, {"event_name": "Lead"}]
    )
    assert events.events_received == 2


async def test_participants(sunco: Sunco) -> None:
    users = [await sunco.users.create(external_id=f"u{number}") for number in range(7)]
    group = await sunco.conversations.create("sdkGroup")
    for user in users:
        joined = await sunco.participants.join(
            group.id, user_id=user.id, subscribe_sdk_client=False
        )
        assert joined.user_id == user.id
    walk = sunco.participants.list(group.id, page_size=3)
    assert [each.user_id async for each in walk] == [user.id for user in users]
    assert [len(page) async for page in walk.pages()] == [3, 3, 1]
    last = (await walk.collect())[-1]
    backwards = sunco.participants.list(group.id, before=last.id, page_size=4)
    assert [each.user_id async for each in backwards] == [user.id for user in users[5::-1]]
    await sunco.participants.leave(group.id, user_id=users[0].id)
    await sunco.participants.leave(group.id, user_external_id="u1")
    await sunco.participants.leave(group.id, participant_id=last.id)
    assert [each.user_id async for each in walk] == [user.id for user in users[2:6]]
    with pytest.raises(NotFoundError):
        await sunco.participants.leave(group.id, user_id=users[0].id)


CONTENTS: list[Content] = [
    TextMessage(
        "All of them",
        actions=[
            Buy("Pay", amount=999, currency="usd"),
            Link("Open", uri="https://example.test"),
            Postback("Go", payload="GO"),
            Webview("Show", uri="https://example.test/w", fallback="https://example.test/f"),
        ],
    ),
    TextMessage("Quick", actions=[Reply("Yes", payload="YES"), LocationRequest("Where?")]),
    CarouselMessage([Item("One", actions=[Link("Open", uri="https://example.test")])]),
    FileMessage("https://example.test/f.pdf"),
    FormMessage(
        [
            FormField(type="text", name="a", label="A?"),
            FormField(type="select", name="b", label="B?", options=[FieldOption("x", label="X")]),
        ]
    ),
    ImageMessage("https://example.test/i.png", text="Look"),
    ListMessage([Item("One", actions=[Postback("Go", payload="GO")])]),
    LocationMessage(Coordinates(lat=45.5, long=-73.6)),
]


@pytest.mark.parametrize("content", CONTENTS, ids=lambda content: content.type)
async def test_contents_come_back_as_they_were_sent(sunco: Sunco, content: Any) -> None:
    _, conversation = await talk(sunco)
    (posted,) = await sunco.messages.post(conversation.id, content, metadata={"n": 1})
    assert posted.metadata == {"n": 1}
    assert posted.author is not None
    assert posted.author.type == "business"
    assert type(posted.content) is type(content)
    for name in ("text", "actions", "items", "media_url", "coordinates"):
        if (sent := getattr(content, name, None)) is not None:
            assert getattr(posted.content, name) == sent
    assert await sunco.messages.list(conversation.id).collect() == [posted]


async def test_whatsapp_templates(sunco: Sunco) -> None:
    _, conversation = await talk(sunco)
    native = {"type": "template", "template": {"name": "hello"}}
    for content in (TemplateMessage({"name": "hello"}), native):
        (posted,) = await sunco.messages.post(conversation.id, content, schema="whatsapp")
        assert posted.content == TemplateMessage({"name": "hello"})


async def test_messages_are_paged_by_a_hundred_newest_first(sunco: Sunco) -> None:
    _, conversation = await talk(sunco)

    async def post(number: int) -> None:
        await sunco.messages.post(conversation.id, f"{number}")

    async with anyio.create_task_group() as tasks:
        for number in range(250):
            tasks.start_soon(post, number)
    walk = sunco.messages.list(conversation.id)
    messages = await walk.collect()
    texts = {m.content.text for m in messages if isinstance(m.content, TextMessage)}
    assert texts == {str(number) for number in range(250)}
    assert len(messages) == 250
    assert [message.id for message in messages] == sorted(
        (message.id for message in messages), reverse=True
    )
    assert [len(page) async for page in walk.pages()] == [100, 100, 50]
    oldest = messages[-1]
    forwards = await sunco.messages.list(conversation.id, after=oldest.id).collect()
    assert forwards == messages[-2::-1]
    await sunco.messages.delete(conversation.id, oldest.id)
    assert len(await walk.collect()) == 249
    with pytest.raises(NotFoundError):
        await sunco.messages.delete(conversation.id, oldest.id)
    await sunco.messages.delete_all(conversation.id)
    assert await walk.collect() == []


async def test_a_full_conversation(sunco: Sunco) -> None:
    _, conversation = await talk(sunco)
    for _ in range(300):
        await sunco.messages.post(conversation.id, "x")
    with pytest.raises(
        ConversationFullError, match=r"Delete messages with messages.delete_all\(\)"
    ):
        await sunco.messages.post(conversation.id, "x")


async def test_the_switchboard(sunco: Sunco) -> None:
    _, conversation = await talk(sunco)

    async def state() -> tuple[str | None, str | None]:
        now = await sunco.conversations.get(conversation.id)
        active, pending = now.active_switchboard_integration, now.pending_switchboard_integration
        return active.name if active else None, pending.name if pending else None

    actions = sunco.switchboard_actions
    await actions.pass_control(conversation.id, "bot")
    assert await state() == ("bot", None)
    await actions.pass_control(conversation.id, "next", metadata={"why": "asked"})
    assert await state() == ("agent", None)
    await actions.offer_control(conversation.id, "bot")
    assert await state() == ("agent", "bot")
    await actions.accept_control(conversation.id)
    assert await state() == ("bot", None)
    await actions.release_control(conversation.id)
    assert await state() == (None, None)
    with pytest.raises(NotFoundError):
        await actions.pass_control("nowhere", "bot")


@pytest.mark.parametrize(
    "criteria",
    [
        WhatsappMatchCriteria(
            integration_id="000000005eed000000000001", phone_number="+12125552368"
        ),
        TwilioMatchCriteria(integration_id="000000005eed000000000002", phone_number="+12125552368"),
        MessagebirdMatchCriteria(
            integration_id="000000005eed000000000003", phone_number="+12125552368"
        ),
        MailgunMatchCriteria(integration_id="000000005eed000000000004", address="a@example.test"),
    ],
    ids=lambda criteria: criteria.type,
)
async def test_clients(sunco: Sunco, criteria: MatchCriteria) -> None:
    user, conversation = await talk(sunco)
    client = await sunco.clients.create(
        user.id,
        criteria,
        confirmation=Confirmation("prompt"),
        conversation_id=conversation.id,
    )
    assert (client.type, client.status) == (criteria.type, "pending")
    assert await sunco.clients.list("ada").collect() == [client]
    await sunco.clients.remove("ada", client.id)
    assert await sunco.clients.list("ada").collect() == []
    with pytest.raises(NotFoundError) as caught:
        await sunco.clients.remove("ada", client.id)
    assert caught.value.code == "client_not_found"


async def test_error_responses() -> None:
    emulator = Emulator()
    async with connect(emulator, key_secret="wrong") as stranger:
        with pytest.raises(AuthenticationError) as caught:
            await stranger.users.get("u")
        assert caught.value.code == "unauthorized"
        assert "wrong" not in str(caught.value)
    async with connect(emulator, app_id="elsewhere") as lost:
        with pytest.raises(NotFoundError) as missing:
            await lost.users.get("u")
        assert missing.value.code == "app_not_found"


async def test_endpoints_without_a_method(sunco: Sunco) -> None:
    user, conversation = await talk(sunco)
    response = await sunco.request(
        "GET", "/v2/apps/app_demo/conversations", params={"filter": {"userId": user.id}}
    )
    assert [each["id"] for each in response.json()["conversations"]] == [conversation.id]
