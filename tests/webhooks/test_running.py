"""How a router with an inbox runs and ends: by itself, mounted, cancelled, after failures."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest

from sunco import ConfigurationError, StorageError
from sunco.models.events import Event
from sunco.webhooks import EventResult, Inbox, MemoryInbox, NewEvent, SQLiteInbox, WebhookRouter
from sunco.webhooks.inbox.base import ClaimLostError
from webhooks.support import (
    SECRET,
    FakeClock,
    Platform,
    Record,
    bounded,
    eventually,
    message,
    quiet,
    sqlite_inbox,
)

pytestmark = pytest.mark.anyio


class Bot:
    def __init__(self, inbox: Inbox | None, clock: FakeClock, **options: Any) -> None:
        self.router = WebhookRouter(SECRET, inbox=inbox, clock=clock, **options)
        self.platform = Platform(self.router)
        self.begun = Record()
        self.done = Record()
        self.let_go = anyio.Event()

        @self.router.on()
        async def handle(event: Event) -> None:
            self.begun.add(event.id)
            await self.let_go.wait()
            self.done.add(event.id)


async def stats(inbox: Inbox) -> tuple[int, int, int]:
    await inbox.open()
    found = await inbox.stats()
    await inbox.close()
    return found.pending, found.failed, found.handled


async def test_handlers_finish_before_it_ends(inbox: Inbox, clock: FakeClock) -> None:
    bot = Bot(inbox, clock)
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"), message("e2"), message("f", "c2"))
            await bot.begun.reach(2)
            bot.let_go.set()
    # What was under way was finished, and nothing new was begun.
    assert sorted(bot.done.items) == ["e1", "f"]
    assert await stats(inbox) == (1, 0, 2)


async def test_handlers_that_do_not_finish_are_no_failures(inbox: Inbox, clock: FakeClock) -> None:
    for _ in range(2):
        bot = Bot(inbox, clock, shutdown_timeout=0, max_attempts=1)
        with bounded():
            async with bot.router.running():
                await bot.platform.post(message("e1"))
                await bot.begun.reach(1)
        assert bot.done.items == []
        assert await stats(inbox) == (1, 0, 0)
    bot = Bot(inbox, clock)
    bot.let_go.set()
    with bounded():
        async with bot.router.running():
            await bot.done.reach(1)


async def test_a_cancelled_app_ends_at_once(inbox: Inbox, clock: FakeClock) -> None:
    bot = Bot(inbox, clock, shutdown_timeout=3600)
    with bounded():
        with anyio.CancelScope() as scope:
            async with bot.router.running():
                await bot.platform.post(message("e1"))
                await bot.begun.reach(1)
                scope.cancel()
                await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert await stats(inbox) == (1, 0, 0)


async def test_an_error_of_the_app_is_raised_as_it_is(inbox: Inbox, clock: FakeClock) -> None:
    bot = Bot(inbox, clock)
    with pytest.raises(ZeroDivisionError):
        async with bot.router.running():
            raise ZeroDivisionError
    async with bot.router.running():
        with pytest.raises(ConfigurationError, match="running already"):
            async with bot.router.running():
                pass


async def test_without_an_inbox_there_is_nothing_to_run(clock: FakeClock) -> None:
    bot = Bot(None, clock)
    bot.let_go.set()
    async with bot.router.running(), bot.router.running():
        assert await bot.platform.post(message("e1")) == 200
    assert bot.done.items == ["e1"]


async def test_nothing_is_acknowledged_that_nobody_would_handle(
    inbox: Inbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(inbox, clock)
    assert await bot.platform.post(message("e1")) == 500
    assert "router.running()" in caplog.text
    assert await stats(inbox) == (0, 0, 0)


class Server:
    """A server that speaks ASGI lifespan."""

    def __init__(self, router: WebhookRouter) -> None:
        self._router = router
        self._stop = anyio.Event()
        self._asked = 0
        self.said = Record()

    async def serve(self) -> None:
        await self._router({"type": "lifespan"}, self._receive, self._send)

    def stop(self) -> None:
        self._stop.set()

    async def _receive(self) -> Any:
        self._asked += 1
        if self._asked == 1:
            return {"type": "lifespan.startup"}
        await self._stop.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, event: Any) -> None:
        self.said.add(event)


async def test_it_lives_as_long_as_its_server(inbox: Inbox, clock: FakeClock) -> None:
    bot = Bot(inbox, clock)
    bot.let_go.set()
    server = Server(bot.router)
    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.serve)
            await server.said.reach(1)
            assert await bot.platform.post(message("e1")) == 200
            await bot.done.reach(1)
            server.stop()
    assert [event["type"] for event in server.said.items] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    assert await bot.platform.post(message("e2")) == 500


async def test_a_server_learns_that_it_cannot_start(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "nowhere" / "inbox.db"
    server = Server(WebhookRouter(SECRET, inbox=SQLiteInbox(path), clock=clock))
    with bounded():
        await server.serve()
    (event,) = server.said.items
    assert event["type"] == "lifespan.startup.failed"
    assert "cannot be opened" in event["message"]


class FailingInbox(MemoryInbox):
    """An inbox whose disk fills up from time to time."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock=clock)
        self.broken: set[str] = set()
        self.away: StorageError | None = None
        self.failures = 0

    def _check(self, what: str) -> None:
        if self.away is not None:
            self.failures += 1
            raise self.away
        if what in self.broken:
            self.broken.discard(what)
            raise sqlite3.OperationalError("disk is full")

    async def add(self, events: Sequence[NewEvent]) -> None:
        self._check("add")
        await super().add(events)

    async def wait(self) -> None:
        self._check("wait")
        await super().wait()

    async def heartbeat(self) -> None:
        self._check("heartbeat")
        await super().heartbeat()

    async def claim(self, limit: int, *, events: int = 100) -> Any:
        self._check("claim")
        return await super().claim(limit, events=events)

    async def next_due(self) -> float | None:
        self._check("next_due")
        return await super().next_due()

    async def record(self, *args: Any, **options: Any) -> None:
        self._check("record")
        await super().record(*args, **options)

    async def release(self, *args: Any, **options: Any) -> None:
        self._check("release")
        await super().release(*args, **options)


async def test_what_cannot_be_stored_is_not_acknowledged(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = FailingInbox(clock)
    bot = Bot(inbox, clock)
    inbox.broken = {"add"}
    async with bot.router.running():
        assert await bot.platform.post(message("e1")) == 500
        assert await bot.platform.post(message("e1")) == 200
    assert "disk is full" in caplog.text


OPERATIONS = ["claim", "next_due", "record", "release", "wait", "heartbeat"]


@pytest.mark.parametrize("broken", OPERATIONS)
async def test_it_continues_after_a_failure(
    clock: FakeClock, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = FailingInbox(clock)
    bot = Bot(inbox, clock)
    bot.let_go.set()
    inbox.broken = {broken}

    async def is_idle() -> bool:
        await clock.advance(0.5)
        return (await inbox.stats()).handled == 1

    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await eventually(is_idle)
    assert bot.done.items == ["e1"]
    assert "disk is full" in caplog.text


async def test_an_outage_is_logged_once_and_its_end_once(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sunco.webhooks")
    inbox = FailingInbox(clock)
    bot = Bot(inbox, clock)
    bot.let_go.set()
    with bounded():
        async with bot.router.running():
            for number in range(2):
                await quiet()
                inbox.away, inbox.failures = StorageError("The disk is full."), 0
                while inbox.failures < 5:
                    await clock.advance(1)
                inbox.away = None
                await clock.advance(1)
                await bot.platform.post(message(f"e{number}"))
                await bot.done.reach(number + 1)
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert lines == 2 * [
        ("WARNING", "The inbox cannot be read; it is tried every second: The disk is full."),
        ("INFO", "The inbox can be read again."),
    ]
    assert not any(record.exc_info for record in caplog.records)


async def test_results_that_cannot_be_stored_for_a_while_are_logged_once(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = FailingInbox(clock)
    bot = Bot(inbox, clock)
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await bot.begun.reach(1)
            inbox.away = StorageError("The disk is full.")
            bot.let_go.set()
            while inbox.failures < 10:
                await clock.advance(1)
            inbox.away = None
            while (await inbox.stats()).pending:
                await clock.advance(1)
    lines = [record.getMessage() for record in caplog.records]
    assert sum("Results cannot be stored" in line for line in lines) == 1
    assert sum("The inbox cannot be read" in line for line in lines) == 1


async def test_an_inbox_that_can_be_neither_watched_nor_renewed_is_reported_once(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Unwatched(MemoryInbox):
        attempts = 0

        async def heartbeat(self) -> None:
            self.attempts += 1
            raise ZeroDivisionError("no heart")

        async def wait(self) -> None:
            self.attempts += 1
            raise ZeroDivisionError("no eyes")

    inbox = Unwatched(clock=clock)
    bot = Bot(inbox, clock)
    with bounded():
        async with bot.router.running():
            while inbox.attempts < 10:
                await clock.advance(1)
    assert sorted(record.getMessage() for record in caplog.records) == [
        "Claims cannot be renewed; it is tried every second: no heart",
        "The inbox cannot be watched; it is tried every second: no eyes",
    ]
    assert all(record.exc_info for record in caplog.records)


async def test_a_failing_inbox_does_not_keep_it_from_ending(clock: FakeClock) -> None:
    inbox = FailingInbox(clock)
    bot = Bot(inbox, clock, shutdown_timeout=3600)
    inbox.broken = {"record"}
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await bot.begun.reach(1)
            bot.let_go.set()
    assert await stats(inbox) == (1, 0, 0)


async def test_what_another_process_stored_is_found_within_a_second(
    tmp_path: Path, clock: FakeClock
) -> None:
    inboxes = [sqlite_inbox(tmp_path / "inbox.db", clock) for _ in range(2)]
    leading, storing = (Bot(inbox, clock) for inbox in inboxes)
    with bounded():
        async with leading.router.running():
            await leading.platform.post(message("e0"))
            await leading.begun.reach(1)
            async with storing.router.running(handle=False):
                await storing.platform.post(message("e1", "c2"))
                while len(leading.begun.items) < 2:
                    await clock.advance(1)
            leading.let_go.set()
            await leading.done.reach(2)
    assert storing.begun.items == []


async def test_draining_waits_until_no_event_is_pending(inbox: Inbox, clock: FakeClock) -> None:
    bot = Bot(inbox, clock)
    drained = Record()

    async def drain() -> None:
        await bot.router.drain()
        drained.add(list(bot.done.items))

    with bounded():
        async with anyio.create_task_group() as tasks, bot.router.running():
            await bot.router.drain()
            await bot.platform.post(message("e1"), message("e2"))
            tasks.start_soon(drain)
            await bot.begun.reach(1)
            bot.let_go.set()
            await drained.reach(1)
    assert drained.items == [["e1", "e2"]]


async def test_draining_needs_a_running_router_if_there_is_an_inbox(clock: FakeClock) -> None:
    await Bot(None, clock).router.drain()
    with pytest.raises(ConfigurationError, match="not running"):
        await Bot(MemoryInbox(clock=clock), clock).router.drain()


async def test_a_router_can_store_and_leave_processing_to_others(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Bot(inbox, clock)
    bot.let_go.set()
    with bounded():
        async with bot.router.running(handle=False):
            assert await bot.platform.post(message("e1")) == 200
            await clock.advance(5)
            assert bot.begun.items == []
            assert (await inbox.stats()).pending == 1
            with anyio.move_on_after(0.01):
                await bot.router.drain()
        async with bot.router.running():
            await bot.router.drain()
    assert bot.done.items == ["e1"]


class Restarted(MemoryInbox):
    """An inbox whose process ended while it handled events."""

    def end_process(self) -> None:
        for queue in self._queues.values():
            queue.claimed = False


async def test_events_that_may_have_ended_a_process_are_attempted_one_at_a_time(
    clock: FakeClock,
) -> None:
    inbox = Restarted(clock=clock)
    bot = Bot(inbox, clock)
    with bounded():
        async with bot.router.running(handle=False):
            await bot.platform.post(*(message(each, each) for each in "abc"))
        await inbox.claim(3)
        inbox.end_process()
        async with bot.router.running():
            await bot.platform.post(message("d", "d"))
            await bot.begun.reach(2)
            await clock.advance(1)
            await clock.advance(1)
            assert sorted(bot.begun.items) == ["a", "d"]
            # The others are not counted as attempted.
            held = inbox._rows.values()  # pyright: ignore[reportPrivateUsage]
            rows = {row.event.key[-1]: row.event.attempts for row in held}
            assert rows == {"a": 2, "b": 1, "c": 1, "d": 1}
            bot.let_go.set()
            while len(bot.done.items) < 4:
                await clock.advance(1)
    assert sorted(bot.done.items) == ["a", "b", "c", "d"]


async def test_the_next_of_them_is_attempted_when_one_has_proved_harmless(
    clock: FakeClock,
) -> None:
    inbox = Restarted(clock=clock)
    router = WebhookRouter(SECRET, inbox=inbox, clock=clock)
    platform = Platform(router)
    begun, let_go = Record(), anyio.Event()

    @router.on()
    async def handle(event: Event) -> None:
        begun.add(event.id)
        if event.id == "a2":
            await let_go.wait()

    with bounded():
        async with router.running(handle=False):
            await platform.post(message("a1", "a"), message("a2", "a"), message("b1", "b"))
        await inbox.claim(2)
        inbox.end_process()
        async with router.running():
            await begun.reach(2)
            # The second event of the first ordering key is in flight: it has ended nothing.
            while len(begun.items) < 3:
                await clock.advance(1)
            assert begun.items == ["a1", "a2", "b1"]
            let_go.set()
    assert await stats(inbox) == (0, 0, 3)


async def test_a_batch_that_never_ended_is_dead_lettered(clock: FakeClock) -> None:
    inbox = Restarted(clock=clock)
    router = WebhookRouter(SECRET, inbox=inbox, clock=clock)
    platform = Platform(router)
    batches: list[Any] = []

    @router.on("conversation:message", debounce=1, max_attempts=1)
    async def together(events: Any) -> None:
        batches.append(events)

    @router.on("user:update")
    async def other(event: Event) -> None: ...

    with bounded():
        async with router.running(handle=False):
            await platform.post(message("e1"))
        await inbox.claim(1)
        inbox.end_process()
        async with router.running():
            while not await inbox.failed():
                await clock.advance(1)
    (failed,) = await inbox.failed()
    assert failed.error.startswith("All attempts of ")
    assert batches == []


async def test_a_batch_is_not_started_during_shutdown(clock: FakeClock) -> None:
    inbox = MemoryInbox(clock=clock)
    bot = Bot(inbox, clock)
    batches: list[Any] = []

    @bot.router.on("conversation:message", debounce=1)
    async def together(events: Any) -> None:
        batches.append(events)

    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await bot.begun.reach(1)
            await clock.advance(5)
            bot.let_go.set()
    assert (bot.done.items, batches) == (["e1"], [])
    assert await stats(inbox) == (1, 0, 0)


async def test_events_whose_handler_was_removed_count_as_handled(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Bot(inbox, clock)
    with bounded():
        async with bot.router.running(handle=False):
            await bot.platform.post(message("e1"))
        router = WebhookRouter(SECRET, inbox=inbox, clock=clock)
        async with router.running():
            await router.drain()
    assert await stats(inbox) == (0, 0, 1)


@pytest.mark.parametrize("with_inbox", [False, True])
async def test_events_that_are_young_enough_are_handled(
    clock: FakeClock,
    with_inbox: bool,  # noqa: FBT001 - where they are processed
) -> None:
    inbox = MemoryInbox(clock=clock) if with_inbox else None
    bot = Bot(inbox, clock, max_event_age=3600)
    bot.let_go.set()
    with bounded():
        async with bot.router.running():
            assert await bot.platform.post(message("e1")) == 200
            await bot.done.reach(1)


@pytest.mark.parametrize("how", ["lost", "broken"])
async def test_a_claim_that_cannot_be_given_back_does_not_keep_it_from_ending(
    clock: FakeClock, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = FailingInbox(clock)
    bot = Bot(inbox, clock, shutdown_timeout=0)
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await bot.begun.reach(1)
            if how == "lost":
                await inbox.close()
                inbox.broken = {"claim"}
            else:
                inbox.broken = {"record"}
    assert await stats(inbox) == (1, 0, 0)
    assert ("A claim cannot be released" in caplog.text) is (how == "broken")


async def test_a_worker_that_cannot_store_results_can_be_cancelled(clock: FakeClock) -> None:
    inbox = FailingInbox(clock)
    bot = Bot(inbox, clock)
    bot.let_go.set()
    inbox.broken = {"record"}
    with bounded(), anyio.CancelScope() as scope:
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await bot.done.reach(1)
            await quiet()
            scope.cancel()
            await anyio.sleep_forever()
    # The result was stored with the release.
    assert await stats(inbox) == (0, 0, 1)


async def test_a_claim_with_a_lease_ends_in_good_order_too(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Leased(FailingInbox):
        async def claim(self, limit: int, *, events: int = 100) -> Any:
            found = await super().claim(limit, events=events)
            return [attrs.evolve(each, until=time.monotonic() + 3600) for each in found]

        async def holds(self, claim: Any) -> float:
            await super().holds(claim)
            return time.monotonic() + 3600

    inbox = Leased(clock)
    bot = Bot(inbox, clock, shutdown_timeout=3600)
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await bot.begun.reach(1)
            inbox.broken = {"record"}
            bot.let_go.set()
    assert "Results cannot be stored; their events are processed again." in caplog.text
    assert await stats(inbox) == (1, 0, 0)


@pytest.mark.parametrize("late", ["claim", "record"])
async def test_no_handler_begins_when_the_inbox_has_responded_after_the_lease(
    clock: FakeClock, late: str, caplog: pytest.LogCaptureFixture
) -> None:
    lost = anyio.Event()

    class Late(MemoryInbox):
        async def claim(self, limit: int, *, events: int = 100) -> Any:
            found = await super().claim(limit, events=events)
            if found and late == "claim":
                lost.set()
            return [attrs.evolve(each, until=time.monotonic() + 3600) for each in found]

        async def record(self, *args: Any, starting: Sequence[str] = (), **options: Any) -> None:
            await super().record(*args, starting=starting, **options)
            if starting:
                lost.set()

        async def holds(self, claim: Any) -> float:
            if lost.is_set():
                raise ClaimLostError("Another worker has it.")
            return await super().holds(claim)

    bot = Bot(Late(clock=clock), clock)
    bot.let_go.set()
    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"), message("e2"))
            await lost.wait()
            while "processed by another worker" not in caplog.text:
                await anyio.lowlevel.checkpoint()
    assert bot.begun.items == (["e1"] if late == "record" else [])


async def test_recording_the_same_results_again_changes_nothing(clock: FakeClock) -> None:
    inbox = MemoryInbox(clock=clock)
    content = b'{"type":"user:update","id":"e1","payload":{}}'
    await inbox.add([NewEvent(key="e1", ordering_key="c1", content=content)])
    (claim,) = await inbox.claim(1)
    for _ in range(2):
        result = EventResult(key="e1", status="handled")
        await inbox.record(claim, [result], starting=["e1"], state={"a": 1})
    assert await inbox.purge(older_than=0) == 1
    await inbox.release(claim, drained=True)
    await inbox.add([NewEvent(key="e2", ordering_key="c1", content=content)])
    (claim,) = await inbox.claim(1)
    # State of an ordering key in use is not deleted.
    assert claim.state == {"a": 1}
