"""Handling later: in order, side by side, again after failures, and never lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sunco.models.events import ConversationMessageEvent, Event
from sunco.webhooks import Inbox, InboxStats, WebhookRouter
from sunco.webhooks.processing.backoff import Backoff
from webhooks.bot import Bot
from webhooks.support import (
    SECRET,
    FakeClock,
    Platform,
    Record,
    bounded,
    eventually,
    key,
    message,
    quiet,
)

pytestmark = pytest.mark.anyio


async def test_events_are_handled_after_the_response(inbox: Inbox, clock: FakeClock) -> None:
    bot = Bot(inbox, clock)
    let_go = bot.hold("e1")
    with bounded():
        async with bot.router.running():
            assert await bot.platform.post(message("e1")) == 200
            await bot.begun.reach(1)
            assert (await inbox.stats()).pending == 1
            let_go.set()
            await eventually(bot.is_idle)
            assert await bot.platform.post(message("e1")) == 200
            stats = await inbox.stats()
    assert stats == InboxStats(pending=0, failed=0, handled=1, oldest=None)
    assert bot.done.items == ["e1"]


async def test_in_order_within_a_conversation_and_side_by_side(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Bot(inbox, clock, concurrency=2)
    first = bot.hold("a0")
    with bounded():
        async with bot.router.running():
            events = [message(f"{c}{number}", c) for number in range(4) for c in "abc"]
            assert await bot.platform.post(*events) == 200
            # With one of two places taken, all others still get through.
            assert sorted(await bot.done.reach(8)) == [f"{c}{n}" for c in "bc" for n in range(4)]
            first.set()
            await bot.done.reach(12)
    for conversation in "abc":
        own = [identity for identity in bot.done.items if identity[0] == conversation]
        assert own == sorted(own)


async def test_no_more_at_once_than_allowed(inbox: Inbox, clock: FakeClock) -> None:
    bot = Bot(inbox, clock, concurrency=2)
    gates = {identity: bot.hold(identity) for identity in "abc"}
    with bounded():
        async with bot.router.running():
            await bot.platform.post(*(message(identity, identity) for identity in "abc"))
            begun = list(await bot.begun.reach(2))
            await quiet()
            assert bot.begun.items == begun
            gates[begun[0]].set()
            await bot.begun.reach(3)
            for gate in gates.values():
                gate.set()
            await eventually(bot.is_idle)


async def test_a_failing_event_holds_its_own_conversation_only(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Bot(inbox, clock)
    bot.fail("a1", 3)
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("a1", "a"), message("a2", "a"), message("b1", "b"))
            await bot.done.reach(1)
            # What comes meanwhile does not make it any earlier.
            await bot.platform.post(message("a3", "a"), message("b2", "b"))
            await bot.done.reach(2)
            assert bot.done.items == ["b1", "b2"]
            took = await bot.pass_until(bot.is_idle)
    assert bot.begun.items.count("a1") == 4
    assert bot.done.items == ["b1", "b2", "a1", "a2", "a3"]
    # The second try after 1 s, the third after 2 s, the fourth after 4 s. (No upper bound: where
    # threads are at work, the fake time runs ahead of them.)
    assert took >= 7


async def test_an_event_that_keeps_failing_is_dead_lettered(
    inbox: Inbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(inbox, clock, max_attempts=3)
    bot.fail("a1", 3)
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("a1", "a"), message("a2", "a"))
            await bot.pass_until(bot.is_idle)
            assert bot.done.items == ["a2"]
            (failed,) = await inbox.failed()
            assert (failed.key, failed.attempts) == (key("a1"), 3)
            assert failed.error == "ZeroDivisionError: no a1"
            assert isinstance(failed.event, ConversationMessageEvent)
            assert "Event a1/w1/a1 is dead-lettered: ZeroDivisionError: no a1" in caplog.text
            assert await inbox.retry(key("a1"))
            await bot.done.reach(2)
            await eventually(bot.is_idle)
            assert await inbox.failed() == []
    assert bot.done.items == ["a2", "a1"]


async def test_of_several_handlers_only_what_failed_is_called_again(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Bot(inbox, clock)
    bot.fail("e1", 2)
    others: list[str | None] = []

    @bot.router.on()
    async def other(event: Event) -> None:
        others.append(event.id)

    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await bot.pass_until(bot.is_idle)
    assert bot.begun.items == ["e1"] * 3
    assert others == ["e1"]


async def test_a_handler_that_hangs_has_failed(inbox: Inbox, clock: FakeClock) -> None:
    bot = Bot(inbox, clock, handler_timeout=0.01, max_attempts=1)
    bot.hold("e1")
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await eventually(bot.is_idle)
            (failed,) = await inbox.failed()
    assert failed.error == "TimeoutError: The handler took longer than 0.01 s."


async def test_a_filter_that_raises_is_a_failure(inbox: Inbox, clock: FakeClock) -> None:
    router = WebhookRouter(SECRET, inbox=inbox, clock=clock, max_attempts=1)

    @router.on(ConversationMessageEvent, where=lambda event: bool(1 // len(event.extra)))
    async def handle(event: ConversationMessageEvent) -> None: ...

    with bounded():
        async with router.running():
            await Platform(router).post(message("e1"))

            async def has_failed() -> bool:
                return bool(await inbox.failed())

            await eventually(has_failed)
            (failed,) = await inbox.failed()
    assert failed.error.startswith("ZeroDivisionError")


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_of_the_handlers_own_making_is_a_failure(
    inbox: Inbox, clock: FakeClock
) -> None:
    router = WebhookRouter(SECRET, inbox=inbox, clock=clock)
    calls = Record()

    @router.on()
    async def handle(_: Event) -> None:
        calls.add(1)
        if len(calls.items) == 1:
            raise asyncio.CancelledError

    with bounded():
        async with router.running():
            await Platform(router).post(message("e1"))
            await calls.reach(1)
            while len(calls.items) < 2:
                await clock.advance(1)


async def test_events_for_nobody_are_not_stored(inbox: Inbox, clock: FakeClock) -> None:
    router = WebhookRouter(SECRET, inbox=inbox, clock=clock)

    @router.on(ConversationMessageEvent, where=lambda event: event.id == "e2")
    async def handle(event: ConversationMessageEvent) -> None: ...

    with bounded():
        async with router.running():
            typing: dict[str, Any] = {"type": "conversation:typing", "id": "e0", "payload": {}}
            assert await Platform(router).post(typing) == 200
            assert await Platform(router).post(message("e1"), message("e2"), typing) == 200
            await clock.advance(0)
            stats = await inbox.stats()
    # The first of the two was for a handler that did not want it.
    assert stats.pending + stats.handled == 2


async def test_bad_events_are_handled_as_such(inbox: Inbox, clock: FakeClock) -> None:
    router = WebhookRouter(SECRET, inbox=inbox, clock=clock)
    got = Record()

    @router.on()
    async def handle(event: Event) -> None:
        got.add(event)

    bad = [{"type": "conversation:message", "id": "\ud800"}, "text", {"id": "e", "payload": 1e999}]
    with bounded():
        async with router.running():
            for _ in range(2):
                assert await Platform(router).post(*bad) == 400
                assert await Platform(router).post(*bad[:2]) == 200
            await got.reach(2)
            assert await Platform(router).post(message("e1")) == 200
            await got.reach(3)
    assert {event.id for event in got.items} == {"\ud800", None, "e1"}


def test_delays_double_up_to_the_longest() -> None:
    backoff = Backoff(max_attempts=2000, delay=1.5, max_delay=300.0)
    assert [backoff.delay_after(attempts) for attempts in range(1, 5)] == [1.5, 3, 6, 12]
    assert backoff.delay_after(1999) == 300.0
