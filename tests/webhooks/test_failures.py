"""Failures of every kind cost an attempt and nothing else."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from sunco import ConfigurationError
from sunco.models.events import ConversationMessageEvent, Event
from sunco.webhooks import (
    Context,
    DeadLetter,
    EventHandlers,
    Inbox,
    MemoryInbox,
    RetryLater,
    SQLiteInbox,
    WebhookRouter,
)
from sunco.webhooks.processing import invoke
from webhooks.support import SECRET, FakeClock, Platform, Record, bounded, eventually, key, message

pytestmark = pytest.mark.anyio


class PanicError(BaseException):
    """Like the panics of Rust that PyO3 raises."""


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise PanicError

    __repr__ = __str__


class Bot:
    """A router that processes with or without an inbox, and a clock that makes it quick."""

    def __init__(self, inbox: Inbox | None, clock: FakeClock, **options: Any) -> None:
        self.inbox, self.clock = inbox, clock
        self.router = WebhookRouter(SECRET, inbox=inbox, clock=clock, **options)
        self.platform = Platform(self.router)

    async def process(self, *events: dict[str, Any]) -> float:
        """Process events until none is pending; returns how long it took."""
        began = self.clock.time
        with bounded():
            async with self.router.running():
                for _ in range(1 if self.inbox else 12):
                    if await self.platform.post(*events) == 200:
                        break
                while self.inbox is not None and (await self.inbox.stats()).pending:
                    await self.clock.advance(0.25)
        return self.clock.time - began

    async def failed(self) -> list[tuple[str, int, str]]:
        assert self.inbox is not None
        await self.inbox.open(handles=False)
        failed = await self.inbox.failed()
        await self.inbox.close()
        return [(each.key, each.attempts, each.error) for each in failed]


@pytest.fixture(params=["inline", "inbox"])
def bot(request: pytest.FixtureRequest, clock: FakeClock) -> Bot:
    return Bot(MemoryInbox(clock=clock) if request.param == "inbox" else None, clock)


ERRORS: list[tuple[BaseException, str]] = [
    (PanicError("index out of bounds"), "PanicError: index out of bounds"),
    (GeneratorExit(), "GeneratorExit: "),
    (StopAsyncIteration("end"), "StopAsyncIteration: end"),
    (
        BaseExceptionGroup("several", [PanicError("a"), ValueError("b")]),
        "BaseExceptionGroup: several (2 sub-exceptions)",
    ),
    (UnprintableError(), "UnprintableError (its text cannot be shown)"),
    (ValueError("half \ud83d and \x00"), "ValueError: half \\ud83d and \\x00"),
    (ValueError("x" * 5000), f"ValueError: {'x' * 5000}"[:2000]),
]


@pytest.mark.parametrize(("error", "description"), ERRORS, ids=[text[:12] for _, text in ERRORS])
@pytest.mark.parametrize("where", ["handler", "filter", "middleware", "batch"])
async def test_whatever_a_handler_raises_costs_that_attempt_and_nothing_else(
    inbox: Inbox, clock: FakeClock, error: BaseException, description: str, where: str
) -> None:
    bot = Bot(inbox, clock, max_attempts=2)
    handled: list[str] = []
    raised: list[str] = []

    def fail(event: ConversationMessageEvent) -> bool:
        if event.id == "bad":
            raised.append(event.id)
            raise error
        return True

    if where == "batch":

        @bot.router.on(ConversationMessageEvent, debounce=1)
        async def batch(events: Sequence[ConversationMessageEvent]) -> None:
            handled.extend(event.id for event in events if fail(event))

    else:

        @bot.router.on(ConversationMessageEvent, where=fail if where == "filter" else None)
        async def handle(event: ConversationMessageEvent) -> None:
            if where == "handler":
                fail(event)
            handled.append(event.id)

    if where == "middleware":

        @bot.router.middleware
        async def outer(event: Any, ctx: Context, call_next: Any) -> None:
            fail(event)
            await call_next(event, ctx)

    await bot.process(message("bad", "c1"), message("good", "c2"))
    await bot.process(message("later", "c1"))
    assert raised == ["bad", "bad"]
    assert handled == ["good", "later"]
    assert await bot.failed() == [(key("bad"), 2, description)]


@pytest.mark.parametrize("error", [error for error, _ in ERRORS], ids=lambda e: type(e).__name__)
async def test_without_an_inbox_the_response_is_500_and_the_next_delivery_is_handled(
    clock: FakeClock, error: BaseException
) -> None:
    bot = Bot(None, clock)
    calls: list[str] = []

    @bot.router.on(ConversationMessageEvent)
    async def handle(event: ConversationMessageEvent) -> None:
        calls.append(event.id)
        if len(calls) == 1:
            raise error

    assert [await bot.platform.post(message("e1")) for _ in range(3)] == [500, 200, 200]
    assert calls == ["e1", "e1"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("where", ["handler", "filter", "group", "text"])
async def test_what_ends_the_process_is_raised(
    clock: FakeClock, error: type[BaseException], where: str
) -> None:
    class ExitingError(Exception):
        def __str__(self) -> str:
            raise error

    def raise_it(_: object) -> bool:
        raise error

    router = WebhookRouter(SECRET, clock=clock)

    @router.on(ConversationMessageEvent, where=raise_it if where == "filter" else None)
    async def handle(_: ConversationMessageEvent) -> None:
        if where == "group":
            raise BaseExceptionGroup("several", [error(), ValueError()])
        raise_it(None)

    async def post() -> None:
        if where == "text":
            invoke.describe(ExitingError())
        await Platform(router).post(message("e1"))

    with pytest.raises(BaseException) as caught:  # noqa: PT011 - the cause is checked below
        await post()
    assert invoke.contains(caught.value, error)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_group_with_a_cancellation_of_its_own_is_a_failure(clock: FakeClock) -> None:
    bot = Bot(MemoryInbox(clock=clock), clock, max_attempts=1)

    @bot.router.on()
    async def handle(_: Event) -> None:
        raise BaseExceptionGroup("mixed", [asyncio.CancelledError(), ValueError("b")])

    await bot.process(message("e1"))
    ((_, _, error),) = await bot.failed()
    assert error == "BaseExceptionGroup: mixed (2 sub-exceptions)"


async def test_a_timeout_inside_a_group_of_errors_is_a_timeout(
    inbox: Inbox, clock: FakeClock
) -> None:
    bot = Bot(inbox, clock, max_attempts=1, handler_timeout=0.01)

    @bot.router.on()
    async def handle(_: Event) -> None:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class() as cancelled:
            raise BaseExceptionGroup("cleanup", [ZeroDivisionError(), cancelled]) from None

    await bot.process(message("e1"))
    ((_, _, error),) = await bot.failed()
    assert error == "TimeoutError: The handler took longer than 0.01 s."


async def test_a_dead_letter_costs_one_attempt(bot: Bot) -> None:
    attempts: list[int] = []

    @bot.router.on()
    async def reject(_: Event, ctx: Context) -> None:
        attempts.append(ctx.attempt)
        async with anyio.create_task_group():
            raise DeadLetter("not an order")

    await bot.process(message("e1"))
    assert attempts == [1]
    if bot.inbox:
        ((found, count, error),) = await bot.failed()
        assert (found, count) == (key("e1"), 1)
        assert error.startswith("ExceptionGroup")


async def test_retrying_later_is_not_counted_and_takes_the_time_asked_for(
    inbox: Inbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sunco.webhooks")
    bot = Bot(inbox, clock, max_attempts=2)
    attempts: list[int] = []

    @bot.router.on()
    async def handle(_: Event, ctx: Context) -> None:
        attempts.append(ctx.attempt)
        if len(attempts) < 4:
            raise RetryLater(20)

    assert await bot.process(message("e1")) >= 60
    assert attempts == [1, 1, 1, 1]
    assert await bot.failed() == []
    assert "Attempt 1 of 2 was postponed: event a1/w1/e1, conversation c1, handler" in caplog.text
    assert "next attempt in 20 s" in caplog.text


async def test_without_an_inbox_the_platform_retries_later(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(None, clock, max_attempts=1)
    calls: list[int] = []

    @bot.router.on()
    async def handle(_: Event) -> None:
        calls.append(1)
        if len(calls) < 3:
            raise RetryLater(1, "not yet")

    assert [await bot.platform.post(message("e1")) for _ in range(4)] == [500, 500, 200, 200]
    assert "the platform delivers again" in caplog.text


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_retrying_later_needs_a_time(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="0 or more"):
        RetryLater(seconds)


@pytest.mark.parametrize("raised", [DeadLetter("no"), RetryLater(0), ValueError("own")])
async def test_error_handlers_see_failures_and_can_decide(
    inbox: Inbox, clock: FakeClock, raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(inbox, clock, max_attempts=3)
    seen: list[tuple[str, str | None, int]] = []
    calls: list[int] = []
    others: list[int] = []

    @bot.router.on()
    async def handle(_: Event) -> None:
        calls.append(1)
        if len(calls) < 3:
            raise ZeroDivisionError

    @bot.router.on_error
    async def decide(error: BaseException, event: Event, ctx: Context) -> None:
        seen.append((type(error).__name__, event.id, ctx.attempt))
        raise raised

    @bot.router.on_error
    async def other(_error: BaseException, _event: Event, ctx: Context) -> None:
        others.append(ctx.attempt)

    await bot.process(message("e1"))
    failed = await bot.failed()
    if isinstance(raised, DeadLetter):
        assert (len(calls), others) == (1, [])
        assert failed == [(key("e1"), 1, "DeadLetter: no")]
    elif isinstance(raised, RetryLater):
        assert seen == [("ZeroDivisionError", "e1", 1)] * 2
        assert (failed, others) == ([], [])
    else:
        assert seen == [("ZeroDivisionError", "e1", 1), ("ZeroDivisionError", "e1", 2)]
        assert (failed, others) == ([], [1, 2])
        assert "An error handler of" in caplog.text


async def test_error_handlers_do_not_see_what_is_postponed(bot: Bot) -> None:
    calls: list[int] = []
    seen: list[BaseException] = []

    @bot.router.on()
    async def handle(_: Event) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RetryLater(0)

    @bot.router.on_error
    async def note(error: BaseException, _event: Event, _ctx: Context) -> None:
        seen.append(error)

    await bot.process(message("e1"))
    assert (len(calls), seen) == (2, [])


async def test_middleware_wraps_the_handlers_of_its_group_in_order(clock: FakeClock) -> None:
    outer, inner = WebhookRouter(SECRET, clock=clock), EventHandlers()
    steps: list[str] = []

    def wrap(handlers: EventHandlers, name: str) -> None:
        @handlers.middleware
        async def wrapper(event: Any, ctx: Context, call_next: Any) -> None:
            steps.append(f"{name}>")
            await call_next(event, ctx)
            steps.append(f"<{name}")

    @outer.on()
    async def own(_: Event) -> None:
        steps.append("own")

    @inner.on()
    async def included(_: Event, ctx: Context) -> None:
        steps.append(f"included {ctx.attempt}")

    outer.include(inner)
    wrap(outer, "a")
    wrap(outer, "b")
    wrap(inner, "c")
    assert await Platform(outer).post(message("e1")) == 200
    around = ["a>", "b>", "own", "<b", "<a"]
    assert steps == [*around, "a>", "b>", "c>", "included 1", "<c", "<b", "<a"]


@pytest.mark.parametrize("name", ["on_error", "middleware"])
def test_error_handlers_and_middleware_are_async(name: str) -> None:
    def plain(*_: Any) -> Any: ...

    with pytest.raises(ConfigurationError, match="is not async"):
        getattr(EventHandlers(), name)(plain)


async def test_each_handler_has_its_own_number_of_attempts(inbox: Inbox, clock: FakeClock) -> None:
    bot = Bot(inbox, clock, max_attempts=2)
    calls = Record()

    @bot.router.on(max_attempts=1)
    async def once(_: Event) -> None:
        calls.add("once")
        raise ZeroDivisionError

    @bot.router.on(max_attempts=4)
    async def patient(_: Event) -> None:
        calls.add("patient")
        if calls.items.count("patient") < 3:
            raise ZeroDivisionError

    await bot.process(message("e1"))
    assert calls.items == ["once", "patient", "patient", "patient"]
    ((_, attempts, error),) = await bot.failed()
    assert attempts == 2
    assert error.startswith("All attempts of ")
    assert error.endswith("once failed.")


async def test_without_an_inbox_an_event_is_given_up_after_its_attempts(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(None, clock)
    calls: list[int] = []

    @bot.router.on(max_attempts=2)
    async def handle(_: Event) -> None:
        calls.append(1)
        raise ZeroDivisionError

    assert [await bot.platform.post(message("e1")) for _ in range(3)] == [500, 200, 200]
    assert len(calls) == 2
    assert "Attempt 2 of 2 failed: event a1/w1/e1" in caplog.text
    assert "no further attempt" in caplog.text


async def test_each_handler_has_its_own_timeout(bot: Bot) -> None:
    errors: list[str] = []

    @bot.router.on(timeout=0.01, max_attempts=1)
    async def slow(_: Event) -> None:
        await anyio.sleep_forever()

    @bot.router.on_error
    async def note(error: BaseException, _event: Event, _ctx: Context) -> None:
        errors.append(str(error))

    await bot.process(message("e1"))
    assert errors == ["The handler took longer than 0.01 s."]


async def test_a_failed_attempt_is_logged_with_what_happens_next(
    inbox: Inbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(inbox, clock, max_attempts=2, retry_delay=4)

    @bot.router.on()
    async def handle(_: Event) -> None:
        raise ZeroDivisionError

    await bot.process(message("e1", "c7"))
    name = "webhooks.test_failures.test_a_failed_attempt_is_logged_with_what_happens_next"
    start = "of 2 failed: event a1/w1/e1, conversation c7, handler"
    assert f"Attempt 1 {start} {name}.<locals>.handle; next attempt in 4 s." in caplog.text
    assert f"Attempt 2 {start} {name}.<locals>.handle; no further attempt." in caplog.text


@pytest.mark.parametrize("age", ["stored", "created"])
async def test_an_event_that_is_too_old_is_dead_lettered_until_it_is_retried(
    inbox: Inbox, clock: FakeClock, age: str
) -> None:
    bot = Bot(inbox, clock, max_event_age=60)
    calls: list[str | None] = []

    @bot.router.on(ConversationMessageEvent)
    async def handle(event: Event) -> None:
        calls.append(event.id)

    event = message("e1")
    if age == "stored":
        del event["createdAt"]
    else:
        event["createdAt"] = "2020-09-13T12:26:00Z"
        clock.time += 10
    with bounded():
        async with bot.router.running(handle=False):
            await bot.platform.post(event)
        clock.time += 61
        await bot.process()
        ((found, _, error),) = await bot.failed()
        assert (found, calls) == (key("e1"), [])
        assert "s old; the limit is 60 s" in error
        async with bot.router.running():
            assert await inbox.retry(key("e1"))
            while not calls:
                await clock.advance(0.25)


async def test_without_an_inbox_an_event_that_is_too_old_is_acknowledged(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(None, clock, max_event_age=60)
    calls: list[str | None] = []

    @bot.router.on(ConversationMessageEvent)
    async def handle(event: Event) -> None:
        calls.append(event.id)

    clock.time += 365 * 86400
    new = message("e2")
    del new["createdAt"]
    assert await bot.platform.post(message("e1"), new) == 200
    assert calls == ["e2"]
    assert "Event a1/w1/e1 is not handled" in caplog.text


SWALLOWING = ["its timeout", "the shutdown"]


@pytest.mark.parametrize("what", SWALLOWING)
async def test_a_handler_that_swallows_its_cancellation_is_abandoned_and_named(
    clock: FakeClock,
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(invoke, "_CANCELLATION_GRACE", 0.0)
    inbox = MemoryInbox(clock=clock)
    options = (
        {"handler_timeout": 0.01, "max_attempts": 1}
        if what == "its timeout"
        else {"shutdown_timeout": 0.0}
    )
    bot = Bot(inbox, clock, **options)
    begun = Record()

    @bot.router.on()
    async def stubborn(_: Event) -> None:
        begun.add(1)
        while True:
            try:
                await anyio.sleep(3600)
            except anyio.get_cancelled_exc_class():
                begun.add("cancelled")

    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await begun.reach(1)

            async def is_over() -> bool:
                return what == "the shutdown" or not (await inbox.stats()).pending

            await eventually(is_over)
    assert "stubborn ignored its cancellation and was abandoned" in caplog.text
    if what == "its timeout":
        ((_, _, error),) = await bot.failed()
        assert error.startswith("TimeoutError")
    else:
        # It counts as no failure.
        claim = (await inbox.claim(1))[0]
        assert (claim.events[0].attempts, claim.events[0].repeated) == (1, True)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_handler_that_cannot_be_closed_stays_suspended(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(invoke, "_CANCELLATION_GRACE", 0.0)
    monkeypatch.setattr(invoke, "_abandoned", kept)
    bot = Bot(MemoryInbox(clock=clock), clock, handler_timeout=0.01, max_attempts=1)
    ended: list[bool] = []

    @bot.router.on()
    async def stubborn(_: Event) -> None:
        while not ended:
            try:
                await anyio.sleep(3600)
            except BaseException:  # noqa: BLE001, S112 - the point of the test
                continue

    await bot.process(message("e1"))
    assert "abandoned" in caplog.text
    ended.append(True)
    with pytest.raises(StopIteration):
        kept.pop().send(None)


async def test_a_handler_that_is_slow_to_clean_up_is_not_abandoned(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    bot = Bot(MemoryInbox(clock=clock), clock, handler_timeout=0.01, max_attempts=1)
    cleaned = Record()

    @bot.router.on()
    async def careful(_: Event) -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                for _step in range(10):
                    await anyio.lowlevel.checkpoint()
            cleaned.add(1)

    await bot.process(message("e1"))
    assert cleaned.items == [1]
    assert "was abandoned" not in caplog.text


def test_a_call_that_is_closed_from_outside_is_closed_at_once() -> None:
    handlers = EventHandlers()
    closed: list[bool] = []

    @handlers.on()
    async def wait(_: Event) -> None: ...

    (handler,) = handlers.handlers

    class Suspended:
        def __await__(self) -> Any:
            yield None

    async def suspended() -> None:
        try:
            await Suspended()
        finally:
            closed.append(True)

    coroutine = invoke.find_error(suspended, handler, lambda: False)
    coroutine.send(None)
    coroutine.close()
    assert closed == [True]


KILLED = """
import os, sqlite3, sys, anyio
from sunco.models.events import ConversationMessageEvent
from sunco.webhooks import SQLiteInbox, WebhookRouter

secret, path, log = sys.argv[1:]
inbox = SQLiteInbox(path, synchronous="normal", lease=3)
router = WebhookRouter(secret, inbox=inbox, max_attempts=2, retry_delay=0)

@router.on(ConversationMessageEvent)
async def handle(event):
    with open(log, "a") as lines:
        lines.write(event.id + "\\n")
    if event.id == "deadly":
        # The next process need not wait for the lease of this one.
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE worker SET lease = 0")
        os._exit(9)

async def main():
    async with router.running():
        await router.drain()

anyio.run(main)
"""


@pytest.mark.usefixtures("measured_processes")
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_event_that_kills_its_process_is_dead_lettered(tmp_path: Path) -> None:
    program, log = tmp_path / "bot.py", tmp_path / "log"
    program.write_text(KILLED)
    path = tmp_path / "inbox.db"
    router = WebhookRouter(SECRET, inbox=SQLiteInbox(path, synchronous="normal"))

    @router.on(ConversationMessageEvent)
    async def store(_: Event) -> None: ...

    async with router.running(handle=False):
        events = [message("deadly", "c1"), message("e1", "c1"), message("e2", "c2")]
        assert await Platform(router).post(*events) == 200
    codes: list[int] = []
    for _ in range(3):
        command = [sys.executable, *map(str, (program, SECRET, path, log))]
        done = subprocess.run(command, timeout=60, check=False)  # noqa: ASYNC221
        codes.append(done.returncode)
    assert codes == [9, 9, 0]
    lines = log.read_text().split()
    assert lines.count("deadly") == 2
    assert lines.count("e1") == 1
    assert lines.index("e1") > 1
    assert "e2" in lines


async def test_a_claim_that_cannot_be_renewed_cancels_its_handlers_and_records_nothing(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    class Expiring(MemoryInbox):
        """An inbox whose first claim expires, without having been taken over."""

        claims = 0

        async def claim(self, limit: int, *, events: int = 100) -> Any:
            found = await super().claim(limit, events=events)
            Expiring.claims += len(found)
            return [_until(each, time.monotonic() + 3600) for each in found]

        async def holds(self, claim: Any) -> float:
            await super().holds(claim)
            if Expiring.claims == 1 and begun.items:
                return time.monotonic()
            return time.monotonic() + 3600

        async def record(self, claim: Any, *args: Any, **options: Any) -> None:
            recorded.append(claim.fence)
            await super().record(claim, *args, **options)

    begun, cancelled = Record(), Record()
    recorded: list[int] = []
    inbox = Expiring(clock=clock)
    bot = Bot(inbox, clock)

    @bot.router.on()
    async def handle(_: Event) -> None:
        begun.add(1)
        if len(begun.items) > 1:
            return
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.add(1)

    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await cancelled.reach(1)
            assert recorded == []
            # The lease ends: any worker may claim it again.
            await inbox.close()
            while len(begun.items) < 2:
                await clock.advance(1)
            await bot.router.drain()
    assert recorded == [2]
    assert "could not be renewed; its handlers are cancelled" in caplog.text


def _until(claim: Any, until: float) -> Any:
    import attrs  # noqa: PLC0415

    return attrs.evolve(claim, until=until)


async def test_a_claim_that_was_taken_over_records_nothing(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = MemoryInbox(clock=clock)
    bot = Bot(inbox, clock)
    calls = Record()

    @bot.router.on()
    async def handle(_: Event) -> None:
        calls.add(1)
        if len(calls.items) == 1:
            await inbox.close()

    with bounded():
        async with bot.router.running():
            await bot.platform.post(message("e1"))
            await calls.reach(2)
            await bot.router.drain()
    assert "Events are processed by another worker" in caplog.text
