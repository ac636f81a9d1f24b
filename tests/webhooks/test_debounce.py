"""Events that are handled together, without an inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from sunco import ConfigurationError
from sunco.models.events import ConversationMessageEvent, Event
from sunco.webhooks import EventHandlers, WebhookRouter
from webhooks.support import SECRET, FakeClock, Platform, Record, bounded, message, quiet

pytestmark = pytest.mark.anyio


class Bot:
    def __init__(self, debounce: float = 2.0, **options: Any) -> None:
        self.clock = FakeClock()
        self.router = WebhookRouter(SECRET, clock=self.clock, **options)
        self.single: list[str | None] = []
        self.batches: list[list[str | None]] = []
        self.statuses = Record()
        self.failing = False
        self.hold: anyio.Event | None = None
        self.let_on = anyio.Event()

        @self.router.on(ConversationMessageEvent)
        async def one(event: ConversationMessageEvent) -> None:
            self.single.append(event.id)
            if event.id == "slow":
                await self.let_on.wait()

        @self.router.on(ConversationMessageEvent, debounce=debounce)
        async def together(events: Sequence[ConversationMessageEvent]) -> None:
            self.batches.append([event.id for event in events])
            if self.hold is not None:
                await self.hold.wait()
            if self.failing:
                self.failing = False
                raise ZeroDivisionError

    async def deliver(self, *events: Any) -> None:
        self.statuses.add(await Platform(self.router).post(*events))


async def test_what_comes_in_quick_succession_is_handled_together() -> None:
    bot = Bot()
    with bounded():
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(bot.deliver, message(f"e{number}"))
                await bot.clock.advance(1.5)
            tasks.start_soon(bot.deliver, message("other", "c2"))
            await quiet()
            assert bot.single == ["e0", "e1", "e2", "other"]
            assert bot.batches == []
            assert bot.statuses.items == []
            await bot.clock.advance(0.6)
            assert bot.batches == [["e0", "e1", "e2"]]
            assert bot.statuses.items == [200] * 3
            await bot.clock.advance(1.5)
    assert bot.batches == [["e0", "e1", "e2"], ["other"]]
    await bot.deliver(message("e1"))
    assert bot.single == ["e0", "e1", "e2", "other"]
    assert len(bot.batches) == 2


async def test_events_of_one_delivery_are_one_batch_and_each_in_it_once() -> None:
    bot = Bot()
    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bot.deliver, message("e0"), message("e1"))
            await quiet()
            tasks.start_soon(bot.deliver, message("e1"))
            await bot.clock.advance(2)
    assert bot.batches == [["e0", "e1"]]
    assert bot.statuses.items == [200, 200]


async def test_a_batch_that_fails_fails_all_its_deliveries_and_comes_again() -> None:
    bot = Bot()
    bot.failing = True
    for _ in range(2):
        with bounded():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(bot.deliver, message("e0"))
                await quiet()
                tasks.start_soon(bot.deliver, message("e1"))
                await bot.clock.advance(2)
    assert bot.batches == [["e0", "e1"]] * 2
    assert bot.single == ["e0", "e1"]
    assert bot.statuses.items == [500, 500, 200, 200]


async def test_a_stream_of_events_does_not_wait_for_ever() -> None:
    bot = Bot(handler_timeout=19)
    with bounded():
        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(bot.deliver, message(f"e{number}"))
                await bot.clock.advance(1)
            # Half the time limit has gone by since the first.
            assert bot.batches == [[f"e{number}" for number in range(10)]]


async def test_a_batch_has_an_end() -> None:
    bot = Bot()
    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bot.deliver, *(message(f"e{number}") for number in range(120)))
            await quiet()
            assert [len(batch) for batch in bot.batches] == [100]
            await bot.clock.advance(2)
    assert [len(batch) for batch in bot.batches] == [100, 20]


async def test_what_comes_while_a_batch_is_handled_is_the_next_one() -> None:
    bot = Bot()
    bot.hold = anyio.Event()
    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bot.deliver, message("e0"))
            await bot.clock.advance(2)
            tasks.start_soon(bot.deliver, message("e1"))
            tasks.start_soon(bot.deliver, message("e0"))
            await bot.clock.advance(2)
            assert bot.batches == [["e0"]]
            bot.hold.set()
            await bot.clock.advance(2)
    assert bot.batches == [["e0"], ["e1"]]
    assert bot.statuses.items == [200] * 3


@pytest.mark.parametrize("others", [[], ["e2"]])
async def test_what_comes_again_before_its_batch_could_be_handled(others: list[str]) -> None:
    bot = Bot()
    again = [message(identity) for identity in ["slow", *others, "e0"]]
    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bot.deliver, message("e0"))
            await bot.clock.advance(1)
            tasks.start_soon(bot.deliver, *again)
            # The batch is due, and has to wait for its turn.
            await bot.clock.advance(1)
            bot.let_on.set()
            await bot.clock.advance(2)
    assert bot.batches == [["e0"], ["slow", *others]]
    assert bot.statuses.items == [200, 200]


@pytest.mark.parametrize("dispatches", [False, True])
async def test_the_next_one_takes_over_from_a_request_that_is_cancelled(
    dispatches: bool,  # noqa: FBT001 - when it is
) -> None:
    bot = Bot()
    bot.hold = anyio.Event()
    scope = anyio.CancelScope()

    async def deliver_and_be_cancelled() -> None:
        with scope:
            await bot.deliver(message("e0"))

    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deliver_and_be_cancelled)
            await quiet()
            tasks.start_soon(bot.deliver, message("e1"))
            await bot.clock.advance(2 if dispatches else 1)
            scope.cancel()
            await bot.clock.advance(2)
            bot.hold.set()
    assert bot.batches == [["e0", "e1"]] * (1 + dispatches)
    assert bot.statuses.items == [200]
    # What was handled on behalf of the one that went is not handled again.
    await bot.deliver(message("e0"))
    assert len(bot.batches) == 1 + dispatches


async def test_a_batch_that_all_have_left_is_gone() -> None:
    bot = Bot()
    scope = anyio.CancelScope()

    async def deliver_and_be_cancelled() -> None:
        with scope:
            await bot.deliver(message("e0"))

    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deliver_and_be_cancelled)
            await quiet()
            scope.cancel()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bot.deliver, message("e1"))
            await bot.clock.advance(2)
    assert bot.batches == [["e1"]]


def test_a_debounce_that_the_platform_would_not_wait_for_is_rejected() -> None:
    async def handle(events: Sequence[Event]) -> None: ...

    router = WebhookRouter(SECRET, handler_timeout=10)
    with pytest.raises(ConfigurationError, match=r"at most half of handler_timeout, 5 s"):
        router.on(ConversationMessageEvent, debounce=6)(handle)
    others = EventHandlers()
    others.on(ConversationMessageEvent, debounce=6)(handle)
    with pytest.raises(ConfigurationError, match="the platform waits"):
        router.include(others)
    router.on(ConversationMessageEvent, debounce=5)(handle)
    assert len(router.handlers) == 1
