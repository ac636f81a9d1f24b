"""The router and the emulator were written apart from the same spec: here they meet."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from sunco import Sunco
from sunco.emulator import Emulator
from sunco.models import (
    ConversationMessageEvent,
    CustomIntegration,
    Event,
    UnknownEvent,
    Webhook,
)
from sunco.testing import connect
from sunco.webhooks import Inbox, MemoryInbox, WebhookRouter, is_from_user
from webhooks.support import Record, bounded

pytestmark = pytest.mark.anyio

TRIGGERS = [
    "conversation:create",
    "conversation:message",
    "conversation:read",
    "conversation:typing",
    "switchboard:passControl",
    "user:update",
]


class Talk:
    """A user, a bot, and what is between them."""

    def __init__(self, emulator: Emulator, sunco: Sunco, secret: str, inbox: Inbox | None) -> None:
        self.emulator = emulator
        self.sunco = sunco
        self.router = WebhookRouter(secret, inbox=inbox, retry_delay=0)
        emulator.deliver_to(self.router)


@pytest.fixture(params=["inline", "inbox"])
async def talk(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncGenerator[Talk]:  # noqa: ARG001
    emulator = Emulator(retry_scale=0)
    async with connect(emulator) as sunco:
        webhook = Webhook("http://bot.test/sunco", triggers=TRIGGERS)
        integration = await sunco.integrations.create(CustomIntegration(webhooks=[webhook]))
        (created,) = await sunco.webhooks.list(integration.id or "")
        await sunco.users.create(external_id="ada")
        inbox = MemoryInbox() if request.param == "inbox" else None
        yield Talk(emulator, sunco, created.secret or "", inbox)


async def test_a_bot_replies_to_each_message_once_although_it_fails(talk: Talk) -> None:
    replied = Record()

    @talk.router.on(ConversationMessageEvent, where=is_from_user)
    async def reply(event: ConversationMessageEvent) -> None:
        (posted,) = await event.reply(talk.sunco, f"Answer to {event.id}")
        replied.add(posted)

    stumbled: list[str] = []

    @talk.router.on(ConversationMessageEvent, where=is_from_user)
    async def stumble(event: ConversationMessageEvent) -> None:
        if event.id not in stumbled:
            stumbled.append(event.id)
            raise ZeroDivisionError

    with bounded():
        async with talk.router.running():
            said = [talk.emulator.say("ada", f"Question {number}") for number in range(5)]
            await talk.emulator.drain()
            await replied.reach(5)
    assert len(said) == len(stumbled) == 5
    (conversation,) = await talk.sunco.conversations.list(user_external_id="ada").collect()
    texts = talk.emulator.texts(conversation)
    assert len([text for text in texts if text.startswith("Answer")]) == 5
    assert len(set(texts)) == 10


async def test_everything_that_is_delivered_can_be_read(talk: Talk) -> None:
    got = Record()

    @talk.router.on()
    async def note(event: Event) -> None:
        got.add(event)

    with bounded():
        async with talk.router.running():
            talk.emulator.say("ada", "Hello!")
            talk.emulator.type("ada")
            talk.emulator.read("ada")
            talk.emulator.authenticate("ada", email="ada@example.test")
            (conversation,) = await talk.sunco.conversations.list(user_external_id="ada").collect()
            await talk.sunco.switchboard_actions.pass_control(conversation.id, "agent")
            await talk.emulator.drain()
            await got.reach(len(talk.emulator.delivered))
    assert not [event for event in got.items if isinstance(event, UnknownEvent)]
    assert {event.type for event in got.items} >= {
        "conversation:message",
        "conversation:typing",
        "conversation:read",
        "switchboard:passControl",
    }


async def test_a_stranger_is_turned_away_for_good(talk: Talk) -> None:
    got = Record()
    stranger = WebhookRouter("another-secret")
    talk.emulator.deliver_to(stranger)

    @stranger.on()
    async def note(event: Event) -> None:
        got.add(event)

    talk.emulator.say("ada", "Hello!")
    with bounded():
        await talk.emulator.drain()
    assert not got.items
    # 401 is not retried.
    assert {(each.status, each.attempt) for each in talk.emulator.deliveries} == {(401, 1)}
