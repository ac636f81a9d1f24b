"""The client and the emulator, written apart from one specification, agree on all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sunco import BearerAuth, models
from sunco.emulator import Emulator
from sunco.emulator.api import router
from sunco.emulator.api.operation import OperationTable
from sunco.emulator.state.defaults import BOT_ID, WEB_ID, WHATSAPP_ID
from sunco.testing import connect
from sunco.transport import HttpxTransport

if TYPE_CHECKING:
    from sunco import Sunco

pytestmark = pytest.mark.anyio


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
    made = await sunco.integrations.create(models.UnityIntegration(display_name="Game"))
    assert made.id is not None
    assert made in [one async for one in sunco.integrations.list(types=["unity"])]
    assert await sunco.integrations.get(made.id) == made
    changes = models.UnityIntegrationUpdate(display_name="Play")
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
    user = await sunco.users.create(external_id="ada")
    changes = models.ProfileUpdate(given_name="Ada")
    changed = await sunco.users.update("ada", profile=changes)
    assert changed.profile == models.Profile(given_name="Ada")
    other = await sunco.users.create(external_id="bob")
    participants = [models.ParticipantUser(user_id=user.id)]
    conversation = await sunco.conversations.create("personal", participants=participants)
    assert [one async for one in sunco.conversations.list(user_id=user.id)] == [conversation]
    assert await sunco.conversations.get(conversation.id) == conversation
    await sunco.conversations.update(conversation.id, display_name="Order")
    reference = models.InteractiveDataRef(url="u", bid="b", key="k", signature="s", owner="o")
    await sunco.conversations.download_message_ref(
        conversation.id, user_id=user.id, interactive_data_ref=reference
    )
    await sunco.conversations.post_conversion_events(conversation.id, messenger=[{}])
    (first,) = await sunco.messages.post(conversation.id, "Hello!")
    said = emulator.say("ada", "Hi!")
    assert [one.id async for one in sunco.messages.list(conversation.id)] == [said["id"], first.id]
    await sunco.messages.delete(conversation.id, first.id)
    await sunco.messages.delete_all(conversation.id)
    await sunco.activities.post(conversation.id, "typing:start")
    actions = sunco.switchboard_actions
    await actions.pass_control(conversation.id, "next")
    await actions.offer_control(conversation.id, "bot")
    await actions.accept_control(conversation.id)
    await actions.release_control(conversation.id)
    group = await sunco.conversations.create("sdkGroup")
    await sunco.participants.join(group.id, user_id=other.id, subscribe_sdk_client=True)
    assert [one.user_id async for one in sunco.participants.list(group.id)] == [other.id]
    await sunco.participants.leave(group.id, user_id=other.id)
    await sunco.conversations.delete(group.id)
    await link(sunco, emulator, conversation.id)


async def link(sunco: Sunco, emulator: Emulator, conversation_id: str) -> None:
    criteria = models.WhatsappMatchCriteria(integration_id=WHATSAPP_ID, phone_number="+12125552368")
    client = await sunco.clients.create(
        "ada",
        criteria,
        confirmation=models.Confirmation("prompt"),
        conversation_id=conversation_id,
    )
    assert emulator.confirm("ada", client)["status"] == "active"
    found = {one.type: one.status async for one in sunco.clients.list("ada")}
    assert found == {"sdk": "active", "whatsapp": "active"}
    await sunco.clients.remove("ada", client.id)
    (device,) = await sunco.devices.list("ada")
    assert await sunco.devices.get("ada", device.id) == device
    attachment = await sunco.attachments.upload(b"words", filename="a.txt")
    await sunco.messages.post(conversation_id, models.FileMessage(attachment.media_url))
    await sunco.attachments.delete(attachment.media_url)


async def forget(sunco: Sunco, emulator: Emulator) -> None:
    emulator.authenticate("ada", zendesk_id="7", email="ada@example.org")
    emulator.core_user("7", surname="Lovelace")
    synced = await sunco.users.sync("7")
    assert synced.profile == models.Profile(given_name="Ada", surname="Lovelace")
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
