"""Handling before the response: once, in order, and again only what failed."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest

from sunco._clock import SystemClock
from sunco.models.events import ConversationMessageEvent, Event, UnknownEvent, WebhookEvent
from sunco.webhooks import WebhookRouter
from sunco.webhooks.processing.dedup import DedupCache
from sunco.webhooks.processing.keyed_lock import KeyedLock
from webhooks.support import SECRET, FakeClock, Platform, Record, bounded, message, quiet

pytestmark = pytest.mark.anyio


class FailingOnce:
    """A handler that fails the first time it gets certain events."""

    def __init__(self, *identities: str, error: type[BaseException] = ZeroDivisionError) -> None:
        self.calls: list[str | None] = []
        self._identities = set(identities)
        self._error = error

    async def __call__(self, event: Event) -> None:
        self.calls.append(event.id)
        if event.id in self._identities:
            self._identities.discard(event.id)
            raise self._error


async def test_only_what_failed_is_handled_again(caplog: pytest.LogCaptureFixture) -> None:
    router = WebhookRouter(SECRET)
    handler = FailingOnce("e2")
    router.on()(handler)
    events = [message(f"e{number}", "c1") for number in range(1, 5)]
    platform = Platform(router)
    assert await platform.post(*events) == 500
    assert handler.calls == ["e1", "e2", "e3", "e4"]
    assert "Attempt 1 of 10 failed: event a1/w1/e2, conversation c1, handler" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert await platform.post(*events) == 200
    assert await platform.post(*events) == 200
    assert handler.calls == ["e1", "e2", "e3", "e4", "e2"]


async def test_of_several_handlers_only_what_failed_is_called_again() -> None:
    router = WebhookRouter(SECRET)
    first, failing, last = FailingOnce(), FailingOnce("e1"), FailingOnce()
    for handler in (first, failing, last):
        router.on()(handler)
    platform = Platform(router)
    assert [await platform.post(message()) for _ in range(3)] == [500, 200, 200]
    assert (first.calls, failing.calls, last.calls) == (["e1"], ["e1", "e1"], ["e1"])


async def test_a_filter_that_raises_is_a_failure() -> None:
    router = WebhookRouter(SECRET)
    right = Record()

    @router.on(ConversationMessageEvent, where=lambda event: right.items[0] == event.id)
    async def handle(event: ConversationMessageEvent) -> None:
        right.add(event.id)

    assert await Platform(router).post(message()) == 500
    right.add("e1")
    assert await Platform(router).post(message()) == 200
    assert right.items == ["e1", "e1"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancellation_of_the_handlers_own_making_is_a_failure() -> None:
    router = WebhookRouter(SECRET)
    handler = FailingOnce("e1", error=asyncio.CancelledError)
    router.on()(handler)
    assert [await Platform(router).post(message()) for _ in range(2)] == [500, 200]
    assert handler.calls == ["e1", "e1"]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_request_that_is_cancelled_by_its_server_is_handled_when_it_comes_again() -> None:
    router = WebhookRouter(SECRET)
    begun, calls = anyio.Event(), Record()

    @router.on()
    async def handle(_: Event) -> None:
        calls.add(1)
        begun.set()
        if len(calls.items) == 1:
            await anyio.sleep_forever()

    task = asyncio.create_task(Platform(router).post(message()))
    with bounded():
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await Platform(router).post(message()) == 200
    assert len(calls.items) == 2


async def test_a_handler_that_hangs_fails_and_those_before_it_have_succeeded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    router = WebhookRouter(SECRET, handler_timeout=0.05)
    calls: list[str | None] = []

    @router.on()
    async def handle(event: Event) -> None:
        calls.append(event.id)
        if event.id == "e2" and calls.count("e2") == 1:
            await anyio.sleep_forever()

    events = [message("e1"), message("e2"), message("e3")]
    with bounded():
        assert [await Platform(router).post(*events) for _ in range(2)] == [500, 200]
    assert calls == ["e1", "e2", "e2", "e3"]
    assert "not handled within 0.05 s" in caplog.text


async def test_the_same_event_twice_in_one_delivery() -> None:
    router = WebhookRouter(SECRET)
    handler = FailingOnce()
    router.on()(handler)
    assert await Platform(router).post(message("e1"), message("e1"), message("e2")) == 200
    assert handler.calls == ["e1", "e2"]


class Gate:
    """A handler that waits to be let on, and counts how many are in it."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.begun = Record()
        self.opened = anyio.Event()
        self.failing = False

    async def __call__(self, event: WebhookEvent | UnknownEvent) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.begun.add(event.id)
        try:
            await self.opened.wait()
        finally:
            self.inside -= 1
        if self.failing:
            self.failing = False
            raise ZeroDivisionError


@pytest.mark.parametrize(("failing", "calls"), [(False, 1), (True, 2)])
async def test_the_same_event_in_two_deliveries_at_once(failing: bool, calls: int) -> None:  # noqa: FBT001
    router = WebhookRouter(SECRET)
    gate = Gate()
    router.on()(gate)
    gate.failing = failing
    statuses: list[int] = []

    async def deliver() -> None:
        statuses.append(await Platform(router).post(message()))

    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deliver)
            tasks.start_soon(deliver)
            await quiet()
            assert len(gate.begun.items) == 1
            gate.opened.set()
    assert len(gate.begun.items) == calls
    assert sorted(statuses) == ([200, 500] if failing else [200, 200])


async def test_conversations_side_by_side_and_each_in_order() -> None:
    router = WebhookRouter(SECRET, concurrency=3)
    gate = Gate()
    router.on()(gate)
    events = [message(f"{c}{number}", c) for number in range(3) for c in "abcde"]

    async def deliver() -> None:
        assert await Platform(router).post(*events) == 200

    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deliver)
            await quiet()
            assert sorted(gate.begun.items) == ["a0", "b0", "c0"]
            gate.opened.set()
    assert gate.most == 3
    assert sorted(gate.begun.items) == sorted(event["id"] for event in events)
    for conversation in "abcde":
        own = [identity for identity in gate.begun.items if identity[0] == conversation]
        assert own == sorted(own)


async def test_a_conversation_has_one_event_handled_at_a_time_over_all_deliveries() -> None:
    router = WebhookRouter(SECRET)
    gate = Gate()
    router.on()(gate)

    async def deliver(*events: Any) -> None:
        assert await Platform(router).post(*events) == 200

    with bounded():
        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(deliver, message(f"e{number}", "c1"))
                await quiet()
            tasks.start_soon(deliver, message("f", "c2"))
            await quiet()
            assert gate.begun.items == ["e0", "f"]
            gate.opened.set()
    assert gate.begun.items == ["e0", "f", "e1", "e2", "e3"]


async def test_who_gives_up_waiting_for_a_turn_keeps_nobody_back() -> None:
    lock = KeyedLock()
    had = Record()

    async def wait(number: int, scope: anyio.CancelScope) -> None:
        with scope:
            await lock.acquire("lane")
            had.add(number)

    await lock.acquire("lane")
    scopes = [anyio.CancelScope() for _ in range(3)]
    with bounded():
        async with anyio.create_task_group() as tasks:
            for number, scope in enumerate(scopes):
                tasks.start_soon(wait, number, scope)
                await quiet()
            scopes[0].cancel()
            await quiet()
            # This one gets its turn after it was cancelled.
            scopes[1].cancel()
            lock.release("lane")
    assert had.items == [2]
    lock.release("lane")
    assert len(lock) == 0


async def test_events_without_a_conversation_go_by_user_and_else_by_themselves() -> None:
    router = WebhookRouter(SECRET)
    gate = Gate()
    router.on(WebhookEvent)(gate)
    about_u1: dict[str, Any] = {"type": "user:update", "payload": {"user": {"id": "u1"}}}
    about_nobody: dict[str, Any] = {"type": "user:update", "payload": {}}
    events = [
        {"id": "e1", **about_u1},
        {"id": "e2", **about_u1},
        {"id": "e3", **about_nobody},
        {"id": "e4", **about_nobody},
    ]

    async def deliver() -> None:
        assert await Platform(router).post(*events) == 200

    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(deliver)
            await quiet()
            assert sorted(gate.begun.items) == ["e1", "e3", "e4"]
            gate.opened.set()
    assert len(gate.begun.items) == 4


async def test_handled_events_are_forgotten_after_a_while() -> None:
    clock = FakeClock()
    router = WebhookRouter(SECRET, clock=clock, dedup_ttl=3600)
    handler = FailingOnce()
    router.on()(handler)
    platform = Platform(router)
    await platform.post(message())
    clock.time += 3600
    await platform.post(message())
    assert handler.calls == ["e1"]
    clock.time += 1
    await platform.post(message())
    assert handler.calls == ["e1", "e1"]


async def test_memory_is_bounded_in_number_and_time() -> None:
    clock = FakeClock()
    cache = DedupCache(clock, ttl=10, max_events=3)
    for number in range(5):
        cache.finish(f"e{number}")
    assert [cache.is_handled(f"e{number}") for number in range(5)] == [False] * 2 + [True] * 3
    cache.add_success("f", "handler")
    assert not cache.is_handled("f")
    assert cache.succeeded("f") == {"handler"}
    cache.finish("f")
    cache.add_success("f", "another")
    assert cache.is_handled("f")
    clock.time += 11
    cache.finish("g")
    assert len(cache) == 1
    assert not cache.is_handled("f")


async def test_the_systems_clock_goes_forward() -> None:
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(0.001)
    assert clock.now() > before > 1_600_000_000
