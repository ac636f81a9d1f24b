"""The client and the emulator were written apart from the same spec: here they meet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import pytest

from sunco import (
    AuthenticationError,
    BadRequestError,
    BearerAuth,
    ConflictError,
    ConversationFullError,
    NotFoundError,
    RetryPolicy,
    Sunco,
)
from sunco.emulator import Emulator
from sunco.emulator.api import router
from sunco.emulator.api.operation import OperationTable
from sunco.emulator.state.defaults import BOT_ID, WEB_ID, WHATSAPP_ID
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
    ProfileUpdate,
    Reply,
    TemplateMessage,
    TextMessage,
    TwilioMatchCriteria,
    UnityIntegration,
    UnityIntegrationUpdate,
    User,
    Webview,
    WhatsappMatchCriteria,
)
from sunco.testing import connect
from sunco.transport import HttpxTransport

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


async def test_errors_have_the_codes_of_the_api(sunco: Sunco) -> None:
    user, conversation = await talk(sunco)
    with pytest.raises(ConflictError) as conflict:
        await sunco.users.create(external_id="ada")
    assert conflict.value.code == "conflict"
    with pytest.raises(BadRequestError):
        await sunco.conversations.delete(conversation.id)
    with pytest.raises(NotFoundError) as missing:
        await sunco.conversations.get("nowhere")
    assert missing.value.code == "conversation_not_found"
    with pytest.raises(NotFoundError):
        await sunco.switchboard_actions.pass_control("nowhere", "bot")
    await sunco.users.delete("ada")
    with pytest.raises(NotFoundError) as gone:
        await sunco.users.get(user.id)
    assert gone.value.code == "user_not_found"


class Noting(httpx.ASGITransport):
    """Notes which operations have succeeded."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(emulator.app)
        self._table = OperationTable(router.ALL)
        self.succeeded: set[tuple[str, str]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        document = await super().handle_async_request(request)
        path = request.url.raw_path.decode().partition("?")[0]
        operation, _ = self._table.find(request.method, path)
        assert document.is_success or document.is_redirect
        self.succeeded.add((operation.method, operation.path))
        return document


def connected(emulator: Emulator, noting: Noting, **options: Any) -> Sunco:
    transport = HttpxTransport(httpx.AsyncClient(transport=noting))
    return connect(emulator, transport=transport, **options)


async def administer(sunco: Sunco, account: Sunco) -> None:
    app = await account.apps.create("Shop", metadata={"a": 1})
    assert [one.id async for one in account.apps.list()] == ["app_demo", app.id]
    assert (await account.apps.get(app.id)).metadata == {"a": 1}
    assert (await account.apps.update(app.id, display_name="Store")).display_name == "Store"
    await account.apps.delete(app.id)
    key = await account.app_keys.create("key")
    assert key in await account.app_keys.list()
    assert await account.app_keys.get(key.id) == key
    await account.app_keys.delete(key.id)
    made = await sunco.integrations.create(UnityIntegration(display_name="Game"))
    assert made.id is not None
    assert made in [one async for one in sunco.integrations.list(types=["unity"])]
    assert await sunco.integrations.get(made.id) == made
    changes = UnityIntegrationUpdate(display_name="Play")
    assert (await sunco.integrations.update(made.id, changes)).display_name == "Play"
    await sunco.integrations.delete(made.id)
    own = await sunco.integration_keys.create(BOT_ID, "key")
    assert await sunco.integration_keys.list(BOT_ID) == [own]
    assert await sunco.integration_keys.get(BOT_ID, own.id) == own
    await sunco.integration_keys.delete(BOT_ID, own.id)
    webhook = await sunco.webhooks.create(
        BOT_ID, target="https://example.org", triggers=["user:remove"]
    )
    assert webhook.id is not None
    assert (await sunco.webhooks.list(BOT_ID))[1:] == [webhook]
    assert await sunco.webhooks.get(BOT_ID, webhook.id) == webhook
    changed = await sunco.webhooks.update(BOT_ID, webhook.id, include_full_user=True)
    assert (changed.include_full_user, changed.secret) == (True, webhook.secret)
    await sunco.webhooks.delete(BOT_ID, webhook.id)


async def configure_switchboard(sunco: Sunco) -> None:
    (board,) = await sunco.switchboards.list()
    await sunco.switchboards.delete(board.id)
    board = await sunco.switchboards.create()
    seats = sunco.switchboard_integrations
    bot = await seats.create(board.id, "bot", integration_id=BOT_ID)
    agent = await seats.create(board.id, "agent", integration_type="zd:agentWorkspace")
    spare = await seats.create(board.id, "spare", integration_id=WEB_ID)
    await seats.delete(board.id, spare.id)
    changed = await seats.update(board.id, bot.id, next_switchboard_integration_id=agent.id)
    assert await seats.list(board.id) == [changed, agent]
    enabled = await sunco.switchboards.update(
        board.id, enabled=True, default_switchboard_integration_id=bot.id
    )
    assert enabled.enabled


async def converse(sunco: Sunco, emulator: Emulator) -> None:
    user = await sunco.users.create(external_id="ada", metadata={"plan": "pro"})
    assert await sunco.users.get("ada") == await sunco.users.get(user.id) == user
    changes = ProfileUpdate(given_name="Ada")
    changed = await sunco.users.update("ada", profile=changes)
    assert changed.profile == Profile(given_name="Ada")
    other = await sunco.users.create(external_id="bob")
    participants = [ParticipantUser(user_id=user.id)]
    conversation = await sunco.conversations.create("personal", participants=participants)
    assert [one async for one in sunco.conversations.list(user_id=user.id)] == [conversation]
    assert await sunco.conversations.get(conversation.id) == conversation
    assert (conversation.type, conversation.is_default) == ("personal", True)
    changed_conversation = await sunco.conversations.update(
        conversation.id, display_name="Order", icon_url=None
    )
    assert await sunco.conversations.get(conversation.id) == changed_conversation
    assert (changed_conversation.display_name, changed_conversation.icon_url) == ("Order", None)
    reference = InteractiveDataRef(url="u", bid="b", key="k", signature="s", owner="o")
    data = await sunco.conversations.download_message_ref(
        conversation.id, user_id=user.id, interactive_data_ref=reference
    )
    assert isinstance(data, dict)
    sent = await sunco.conversations.post_conversion_events(conversation.id, messenger=[{}, {}])
    assert sent.events_received == 2
    (first,) = await sunco.messages.post(conversation.id, "Hello!")
    said = emulator.say("ada", "Hi!")
    assert [one.id async for one in sunco.messages.list(conversation.id)] == [said["id"], first.id]
    await sunco.messages.delete(conversation.id, first.id)
    await sunco.messages.delete_all(conversation.id)
    await sunco.activities.post(conversation.id, "typing:start")
    await move_control(sunco, conversation.id)
    group = await sunco.conversations.create("sdkGroup")
    await sunco.participants.join(group.id, user_id=other.id, subscribe_sdk_client=True)
    assert [one.user_id async for one in sunco.participants.list(group.id)] == [other.id]
    await sunco.participants.leave(group.id, user_id=other.id)
    await sunco.conversations.delete(group.id)
    await link(sunco, emulator, conversation.id)


async def move_control(sunco: Sunco, conversation_id: str) -> None:
    async def state() -> tuple[str | None, str | None]:
        now = await sunco.conversations.get(conversation_id)
        active, pending = now.active_switchboard_integration, now.pending_switchboard_integration
        return active.name if active else None, pending.name if pending else None

    actions = sunco.switchboard_actions
    await actions.pass_control(conversation_id, "bot")
    assert await state() == ("bot", None)
    await actions.pass_control(conversation_id, "next", metadata={"why": "asked"})
    assert await state() == ("agent", None)
    await actions.offer_control(conversation_id, "bot")
    assert await state() == ("agent", "bot")
    await actions.accept_control(conversation_id)
    assert await state() == ("bot", None)
    await actions.release_control(conversation_id)
    assert await state() == (None, None)


async def link(sunco: Sunco, emulator: Emulator, conversation_id: str) -> None:
    criteria = WhatsappMatchCriteria(integration_id=WHATSAPP_ID, phone_number="+12125552368")
    client = await sunco.clients.create(
        "ada",
        criteria,
        confirmation=Confirmation("prompt"),
        conversation_id=conversation_id,
    )
    assert emulator.confirm("ada", client)["status"] == "active"
    found = {one.type: one.status async for one in sunco.clients.list("ada")}
    assert found == {"sdk": "active", "whatsapp": "active"}
    await sunco.clients.remove("ada", client.id)
    (device,) = await sunco.devices.list("ada")
    assert await sunco.devices.get("ada", device.id) == device
    attachment = await sunco.attachments.upload(b"words", filename="a.txt")
    await sunco.messages.post(conversation_id, FileMessage(attachment.media_url))
    await sunco.attachments.delete(attachment.media_url)


async def forget(sunco: Sunco, emulator: Emulator) -> None:
    emulator.authenticate("ada", zendesk_id="7", email="ada@example.org")
    emulator.core_user("7", surname="Lovelace")
    synced = await sunco.users.sync("7")
    assert synced.profile == Profile(given_name="Ada", surname="Lovelace")
    (user,) = await sunco.users.list(email="ada@example.org")
    assert await sunco.users.get("ada") == user
    gone = await sunco.users.delete_personal_information("ada")
    assert gone.profile is None or gone.profile.surname is None
    await sunco.users.delete("ada")


async def grant(sunco: Sunco, emulator: Emulator, noting: Noting) -> None:
    url = sunco.oauth.authorize_url("demo_partner")
    async with httpx.AsyncClient(transport=noting) as browser:
        document = await browser.get(url)
    (code,) = parse_qs(urlsplit(document.headers["location"]).query)["code"]
    token = await sunco.oauth.get_token(
        code, client_id="demo_partner", client_secret="demo_partner_secret"
    )
    auth = BearerAuth(str(token.access_token))
    async with connected(emulator, noting, auth=auth) as partner:
        assert (await partner.oauth.token_info()).id == emulator.app_id
        await partner.oauth.revoke_access()


async def test_the_client_and_the_emulator_agree_on_every_operation() -> None:
    emulator = Emulator()
    noting = Noting(emulator)
    async with (
        connected(emulator, noting) as sunco,
        connected(emulator, noting, key_id=emulator.account_key_id) as account,
    ):
        await administer(sunco, account)
        await configure_switchboard(sunco)
        await converse(sunco, emulator)
        await forget(sunco, emulator)
        await grant(sunco, emulator, noting)
    assert noting.succeeded == {(one.method, one.path) for one in router.ALL}
