"""Events that are handled together, with an inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sunco.models.events import ConversationMessageEvent
from sunco.webhooks import Inbox, MemoryInbox, WebhookRouter
from webhooks.bot import Bot
from webhooks.support import SECRET, FakeClock, Platform, bounded, key, message, quiet

pytestmark = pytest.mark.anyio


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


async def test_what_comes_in_quick_succession_is_handled_together(
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

            async def was_attempted() -> bool:
                return bool(bot.batches)

            await bot.pass_until(was_attempted)
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


async def test_a_batch_that_keeps_failing_is_dead_lettered(inbox: Inbox, clock: FakeClock) -> None:
    bot = Batches(inbox, clock, max_attempts=2)
    bot.failing_batches = 2
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e0"), message("e1"))
            await bot.pass_until(bot.is_idle)
            assert [each.key for each in await inbox.failed()] == [key("e0"), key("e1")]
            assert await inbox.retry(key("e1"))
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
