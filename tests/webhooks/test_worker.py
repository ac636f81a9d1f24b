"""Handling later: in order, side by side, again after failures, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from sunco.models.events import ConversationMessageEvent, Event, WebhookEvent
from sunco.webhooks import Inbox, InboxStats, MemoryInbox, WebhookRouter
from sunco.webhooks.retries import Retries
from webhooks.support import (
    SECRET,
    FakeClock,
    Platform,
    Record,
    bounded,
    eventually,
    message,
    quiet,
)

pytestmark = pytest.mark.anyio


class Bot:
    """A router with an inbox, and a handler that can be told to fail, wait or hang."""

    def __init__(self, inbox: Inbox, clock: FakeClock, **options: Any) -> None:
        self.inbox = inbox
        self.clock = clock
        self.router = WebhookRouter(SECRET, inbox=inbox, clock=clock, **options)
        self.platform = Platform(self.router)
        self.begun = Record()
        self.done = Record()
        self.failing: dict[str, int] = {}
        self.holding: dict[str, anyio.Event] = {}

        @self.router.on(WebhookEvent)
        async def handle(event: WebhookEvent) -> None:
            self.begun.add(event.id)
            if event.id in self.holding:
                await self.holding[event.id].wait()
            if self.failing.get(event.id, 0):
                self.failing[event.id] -= 1
                raise ZeroDivisionError(f"no {event.id}")
            self.done.add(event.id)

    def fail(self, identity: str, times: int) -> None:
        self.failing[identity] = times

    def hold(self, identity: str) -> anyio.Event:
        self.holding[identity] = anyio.Event()
        return self.holding[identity]

    async def is_idle(self) -> bool:
        return (await self.inbox.stats()).pending == 0

    async def pass_until(self, condition: Any) -> float:
        """Let time pass until a condition holds; says how much it took."""
        began = self.clock.time
        while not await condition():
            await self.clock.advance(0.25)
        return self.clock.time - began


async def test_events_are_handled_after_the_answer(inbox: Inbox, clock: FakeClock) -> None:
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


async def test_an_event_that_keeps_failing_is_set_aside(
    inbox: Inbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(inbox, clock, attempts=3)
    bot.fail("a1", 3)
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("a1", "a"), message("a2", "a"))
            await bot.pass_until(bot.is_idle)
            assert bot.done.items == ["a2"]
            (failed,) = await inbox.failed()
            assert (failed.id, failed.attempts) == ("a1", 3)
            assert failed.error == "ZeroDivisionError: no a1"
            assert isinstance(failed.event, ConversationMessageEvent)
            assert "Event a1 is set aside." in caplog.text
            assert await inbox.retry("a1")
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
    bot = Bot(inbox, clock, time_limit=0.01, attempts=1)
    bot.hold("e1")
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await eventually(bot.is_idle)
            (failed,) = await inbox.failed()
    assert failed.error == "TimeoutError: The handler took longer than 0.01 s."


async def test_a_filter_that_raises_is_a_failure(inbox: Inbox, clock: FakeClock) -> None:
    router = WebhookRouter(SECRET, inbox=inbox, clock=clock, attempts=1)

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


async def test_bad_events_are_handed_over_as_such(inbox: Inbox, clock: FakeClock) -> None:
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


class Batches(Bot):
    """A bot with a handler besides that takes events together."""

    def __init__(self, inbox: Inbox, clock: FakeClock, **options: Any) -> None:
        super().__init__(inbox, clock, **options)
        self.batches: list[list[str]] = []
        self.failing_batches = 0

        @self.router.on(ConversationMessageEvent, debounce=2)
        async def together(events: Sequence[ConversationMessageEvent]) -> None:
            self.batches.append([event.id for event in events])
            if self.failing_batches:
                self.failing_batches -= 1
                raise ZeroDivisionError


async def test_what_comes_in_quick_succession_is_handed_over_together(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Batches(inbox, clock)
    with bounded():
        async with bot.router.running():
            for number in range(3):
                await bot.platform.post(message(f"e{number}"))
                await bot.done.reach(number + 1)
                await clock.advance(1.5)
            assert bot.batches == []
            assert (await inbox.stats()).pending == 3
            await bot.pass_until(bot.is_idle)
    assert bot.batches == [["e0", "e1", "e2"]]
    assert bot.done.items == ["e0", "e1", "e2"]


async def test_what_waits_for_its_batch_outlives_the_process(
    inbox: Inbox, clock: FakeClock
) -> None:
    for number in range(2):
        bot = Batches(inbox, clock)
        with bounded():
            async with bot.router.running():
                await bot.platform.post(message(f"e{number}"))
                await bot.done.reach(1)
        assert bot.done.items == [f"e{number}"]
        assert bot.batches == []
    bot = Batches(inbox, clock)
    with bounded():
        async with bot.router.running():
            await bot.pass_until(bot.is_idle)
    assert bot.batches == [["e0", "e1"]]
    assert bot.done.items == []


async def test_a_batch_that_fails_holds_its_conversation_and_comes_again(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Batches(inbox, clock)
    bot.failing_batches = 1
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e0"), message("e1"))
            await bot.done.reach(2)

            async def was_tried() -> bool:
                return bool(bot.batches)

            await bot.pass_until(was_tried)
            await bot.platform.post(message("e2"), message("f", "c2"))
            await bot.done.reach(3)
            assert bot.done.items == ["e0", "e1", "f"]
            await bot.pass_until(bot.is_idle)
    assert bot.done.items == ["e0", "e1", "f", "e2"]
    assert [batch for batch in bot.batches if batch != ["f"]][:1] == [["e0", "e1"]]
    assert sorted(identity for batch in bot.batches[1:] for identity in batch) == [
        "e0",
        "e1",
        "e2",
        "f",
    ]


async def test_a_batch_that_keeps_failing_is_set_aside(inbox: Inbox, clock: FakeClock) -> None:
    bot = Batches(inbox, clock, attempts=2)
    bot.failing_batches = 2
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e0"), message("e1"))
            await bot.pass_until(bot.is_idle)
            assert [each.id for each in await inbox.failed()] == ["e0", "e1"]
            assert await inbox.retry("e1")
            await bot.pass_until(bot.is_idle)
    assert bot.batches == [["e0", "e1"], ["e0", "e1"], ["e1"]]
    assert bot.done.items == ["e0", "e1"]


async def test_handlers_with_different_patience(clock: FakeClock) -> None:
    router = WebhookRouter(SECRET, inbox=MemoryInbox(clock=clock), clock=clock)
    batches: list[tuple[str, list[str]]] = []

    @router.on(ConversationMessageEvent, debounce=3)
    async def slow(events: Sequence[ConversationMessageEvent]) -> None:
        batches.append(("slow", [event.id for event in events]))

    @router.on(ConversationMessageEvent, debounce=1)
    async def fast(events: Sequence[ConversationMessageEvent]) -> None:
        batches.append(("fast", [event.id for event in events]))

    @router.on(ConversationMessageEvent, debounce=5)
    async def slowest(events: Sequence[ConversationMessageEvent]) -> None:
        batches.append(("slowest", [event.id for event in events]))

    with bounded():
        async with router.running():
            await Platform(router).post(message("e0"), message("e1"))
            while len(batches) < 3:
                await clock.advance(0.5)
    both = ["e0", "e1"]
    assert batches == [("fast", both), ("slow", both), ("slowest", both)]


async def test_a_batch_has_an_end(clock: FakeClock) -> None:
    inbox = MemoryInbox(clock=clock)
    bot = Batches(inbox, clock)
    with bounded():
        async with bot.router.running():
            await bot.platform.post(*(message(f"e{number}") for number in range(120)))
            await bot.done.reach(120)
            await quiet()
            assert [len(batch) for batch in bot.batches] == [100]
            await bot.pass_until(bot.is_idle)
    assert [len(batch) for batch in bot.batches] == [100, 20]


def test_delays_double_up_to_the_longest() -> None:
    retries = Retries(attempts=2000, delay=1.5, longest_delay=300.0)
    assert [retries.delay_after(attempts) for attempts in range(1, 5)] == [1.5, 3, 6, 12]
    assert retries.delay_after(1999) == 300.0
    assert retries.delay_after(2000) is None
