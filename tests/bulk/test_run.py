"""What a job does with its items."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from sunco import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    DecodeError,
    NotFoundError,
    ServerError,
)
from sunco.bulk import (
    DuplicateKeyError,
    InvalidKeyError,
    ItemChangedError,
    JournalError,
    MemoryJournal,
    Report,
    Settlement,
    UncertainError,
    attempt,
    run,
    stream,
)
from sunco.bulk.outcome import Outcome

pytestmark = pytest.mark.anyio


INTERRUPTED = """
import sys, anyio
from sunco import bulk

async def work(item):
    if item < 2:
        return
    if item == 3:
        await anyio.wait_all_tasks_blocked()
        while (await journal.counts())["done"] < 2:
            await anyio.sleep(0.01)
        print("ready", flush=True)
    await anyio.sleep_forever()

async def main():
    await bulk.run(work, range(4), key=str, concurrency=4, journal=journal)

journal = bulk.SQLiteJournal(sys.argv[1])
anyio.run(main, backend=sys.argv[2])
"""


def by_text(item: object) -> str:
    return str(item)


def by_id(item: Any) -> str:
    key: str = item["id"]
    return key


async def echo(item: Any) -> Any:
    await anyio.lowlevel.checkpoint()
    return item


async def outcomes_of(items: Any, fn: Any = echo, **options: Any) -> dict[str, Outcome[Any, Any]]:
    settings: dict[str, Any] = {"key": by_text, **options}
    async with stream(fn, items, **settings) as outcomes:
        return {outcome.key: outcome async for outcome in outcomes}


async def test_each_item_is_done_once() -> None:
    done: list[int] = []

    async def note(item: int) -> None:
        done.append(await echo(item))

    report = await run(note, range(500), key=by_text, concurrency=7)
    assert sorted(done) == list(range(500))
    assert (report.done, report.ended, report.total, report.ok) == (500, 500, 500, True)
    assert report.rate > 0


async def test_no_items_are_no_trouble() -> None:
    report = await run(echo, [], key=by_text)
    assert (report.ended, report.ok) == (0, True)
    assert Report().rate == 0


async def test_no_more_items_are_under_way_than_told_and_none_is_read_ahead() -> None:
    under_way, most, read = 0, 0, 0

    def items() -> Iterator[int]:
        nonlocal read
        for number in range(50):
            read += 1
            assert read <= number - under_way + 5
            yield number

    async def count(_: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await anyio.lowlevel.checkpoint()
        await anyio.lowlevel.checkpoint()
        under_way -= 1

    report = await run(count, items(), key=by_text, concurrency=4)
    assert (most, report.done, report.total) == (4, 50, None)


async def test_a_slow_item_holds_nobody_up() -> None:
    others = anyio.Event()
    left = 99

    async def work(item: int) -> None:
        nonlocal left
        if item == 0:
            await others.wait()
        else:
            left -= 1
            if not left:
                others.set()

    with anyio.fail_after(10):
        report = await run(work, range(100), key=by_text, concurrency=2)
    assert report.done == 100


async def test_async_items_are_read_in_one_task_as_they_are_wanted() -> None:
    closed = False

    async def items() -> AsyncIterator[int]:
        nonlocal closed
        try:
            with anyio.CancelScope():
                for number in range(20):
                    await anyio.lowlevel.checkpoint()
                    yield number
        finally:
            closed = True

    report = await run(echo, items(), key=by_text, concurrency=3)
    assert (report.done, closed) == (20, True)


async def test_async_items_that_are_not_read_to_the_end_are_closed() -> None:
    closed = False

    async def items() -> AsyncIterator[int]:
        nonlocal closed
        try:
            number = 0
            while True:
                yield number
                number += 1
        finally:
            closed = True

    async def fail(_: int) -> None:
        raise ValueError

    report = await run(fail, items(), key=by_text, stop_after_failures=3, concurrency=1)
    assert (report.failed, report.stopped, closed) == (3, True, True)


async def test_items_of_a_class_need_no_aclose() -> None:
    class Three:
        def __init__(self) -> None:
            self.numbers = iter(range(3))

        def __aiter__(self) -> Three:
            return self

        async def __anext__(self) -> int:
            for number in self.numbers:
                return number
            raise StopAsyncIteration

    assert (await run(echo, Three(), key=by_text)).done == 3


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_an_error_of_the_items_is_raised_when_the_rest_is_done(asynchronous: bool) -> None:  # noqa: FBT001 - a parameter
    done: list[int] = []

    async def note(item: int) -> None:
        done.append(await echo(item))

    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("the file is gone")

    async def async_items() -> AsyncIterator[int]:
        for number in items():
            yield number

    with pytest.raises(OSError, match="the file is gone"):
        await run(note, async_items() if asynchronous else items(), key=by_text)
    assert sorted(done) == [0, 1, 2]


def status_error(status: int) -> APIStatusError:
    kind = ServerError if status >= 500 else APIStatusError
    return kind(status=status)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (ValueError("x"), "failed"),
        (NotFoundError(status=404), "failed"),
        (APIConnectionError("x", maybe_delivered=False), "failed"),
        (APIConnectionError("x", maybe_delivered=True), "uncertain"),
        (status_error(408), "uncertain"),
        (status_error(502), "uncertain"),
        (DecodeError("x"), "failed"),
        (DecodeError("x", status=200), "uncertain"),
        (TimeoutError(), "uncertain"),
    ],
)
async def test_failures_are_told_from_doubts(error: Exception, fate: str) -> None:
    async def fail(_: int) -> None:
        raise error

    journal = MemoryJournal()
    outcome = (await outcomes_of([1], fail, journal=journal))["1"]
    assert (outcome.fate, outcome.error, outcome.attempts) == (fate, error, 1)
    entry = await journal.entry("1")
    assert entry is not None
    assert entry.state == fate
    assert entry.error is not None
    assert entry.error.startswith(type(error).__name__)


async def test_the_next_run_skips_what_is_done_and_does_the_rest() -> None:
    journal = MemoryJournal()
    calls: list[int] = []

    async def fail_on_odd(item: int) -> str:
        calls.append(item)
        if item % 2 and len(calls) <= 10:
            raise ValueError(item)
        return f"m{item}"

    first = await run(fail_on_odd, range(10), key=by_text, journal=journal)
    assert (first.done, first.failed, first.ok) == (5, 5, False)
    assert sorted(problem.key for problem in first.problems) == ["1", "3", "5", "7", "9"]
    async with stream(fail_on_odd, range(10), key=by_text, journal=journal) as outcomes:
        second = {outcome.key: outcome.attempts async for outcome in outcomes}
    assert second == dict.fromkeys("13579", 2)
    assert (outcomes.report.done, outcomes.report.skipped) == (5, 5)
    entry = await journal.entry("3")
    assert entry is not None
    assert (entry.result, entry.error) == ('"m3"', None)


async def test_it_stops_after_so_many_failures() -> None:
    async def fail(_: int) -> None:
        raise TimeoutError

    report = await run(fail, range(1000), key=by_text, concurrency=2, stop_after_failures=3)
    assert report.stopped
    assert not report.ok
    assert 3 <= report.uncertain <= 4


async def test_the_function_can_ask_what_is_known() -> None:
    journal = MemoryJournal()
    asked: list[tuple[str, int, bool]] = []
    began = datetime.now(UTC)

    async def ask(_: str) -> None:
        this = attempt()
        asked.append((this.key, this.number, this.maybe_done))
        assert this.since is not None
        assert began <= this.since <= datetime.now(UTC)
        raise ValueError

    for _ in range(2):
        await run(ask, ["a"], key=by_text, journal=journal)
    assert asked == [("a", 1, False), ("a", 2, True)]


async def test_without_a_journal_nothing_is_known() -> None:
    async def ask(_: str) -> bool:
        return attempt().maybe_done and attempt().since is None

    assert (await outcomes_of(["a"], ask))["a"].result is True
    with pytest.raises(ConfigurationError, match="while it does"):
        attempt()


@pytest.fixture
def just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time has gone by since an earlier run, whatever the machine is busy with."""
    monkeypatch.setattr("sunco.bulk.work.time", lambda: 0.0)


@pytest.mark.usefixtures("just_now")
async def test_what_may_have_been_done_a_moment_ago_has_time_to_show() -> None:
    journal = MemoryJournal()

    async def doubt(_: int) -> None:
        raise TimeoutError

    async def order(item: int) -> None:
        done.append(item)

    await run(doubt, [1, 2], key=by_text, journal=journal, job="j")
    done: list[int] = []
    report = await run(order, range(6), key=by_text, journal=journal, job="j", settle=0.3)
    assert report.done == 6
    assert {*done[:4]} == {0, 3, 4, 5}


async def test_what_was_under_way_when_the_process_ended_has_time_to_show() -> None:
    journal, done = MemoryJournal(), list[int]()
    async with anyio.create_task_group() as tasks:

        async def end(item: int) -> None:
            if item == 2:
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
            await anyio.sleep_forever()

        await run(end, [1, 2], key=by_text, journal=journal, job="j")

    async def order(item: int) -> None:
        done.append(item)

    report = await run(order, range(6), key=by_text, journal=journal, job="j", settle=0.3)
    assert (report.done, {*done[:4]}) == (6, {0, 3, 4, 5})


@pytest.mark.usefixtures("just_now")
async def test_no_more_wait_than_may_be_under_way() -> None:
    journal = MemoryJournal()

    async def doubt(_: int) -> None:
        raise TimeoutError

    async def order(item: int) -> None:
        done.append(item)

    await run(doubt, [1, 2, 3], key=by_text, journal=journal, job="j")
    done: list[int] = []
    options: dict[str, Any] = {"journal": journal, "job": "j", "settle": 0.05, "concurrency": 2}
    await run(order, range(6), key=by_text, **options)
    assert sorted(done) == list(range(6))
    assert min(done.index(1), done.index(2)) < done.index(4)


@pytest.mark.usefixtures("just_now")
async def test_async_items_that_come_slowly_do_not_hold_up_what_has_waited() -> None:
    journal = MemoryJournal()
    settled = anyio.Event()

    async def doubt(_: int) -> None:
        raise TimeoutError

    async def work(item: int) -> None:
        if item == 1:
            settled.set()

    async def items() -> AsyncIterator[int]:
        yield 1
        await settled.wait()
        yield 2

    await run(doubt, [1], key=by_text, journal=journal, job="j")
    with anyio.fail_after(10):
        report = await run(work, items(), key=by_text, journal=journal, job="j", settle=0.02)
    assert report.done == 2


async def test_what_may_have_been_done_can_be_left_alone() -> None:
    journal = MemoryJournal()

    async def doubt(_: int) -> None:
        raise TimeoutError

    await run(doubt, [1], key=by_text, journal=journal)
    outcome = (await outcomes_of([1], doubt, journal=journal, uncertain="leave"))["1"]
    assert isinstance(outcome.error, UncertainError)
    assert (outcome.fate, outcome.attempts) == ("uncertain", 1)


@pytest.mark.parametrize("journalled", [False, True])
async def test_a_key_that_comes_twice_is_reported_where_it_does(journalled: bool) -> None:  # noqa: FBT001 - a parameter
    journal = MemoryJournal() if journalled else None
    seen: list[Outcome[Any, Any]] = []
    async with stream(echo, ["a", "b", "a"], key=by_text, journal=journal) as outcomes:
        seen.extend([outcome async for outcome in outcomes])
    assert outcomes.report.done == 2
    (refused,) = [outcome for outcome in seen if outcome.error]
    assert isinstance(refused.error, DuplicateKeyError)
    assert (refused.key, refused.attempts) == ("a", 0)


async def test_an_item_that_changed_under_its_key_is_reported() -> None:
    journal = MemoryJournal()
    await run(echo, [{"id": "a", "text": "x"}], key=by_id, journal=journal)
    outcomes = await outcomes_of([{"id": "a", "text": "y"}], key=by_id, journal=journal)
    assert isinstance(outcomes["a"].error, ItemChangedError)


def giving(key: Any) -> Callable[[Any], Any]:
    return lambda _: key


def counting() -> Callable[[Any], str]:
    numbers = count()
    return lambda _: str(next(numbers))


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        (by_id, "key\\(\\) failed with TypeError"),
        (giving(1), "must give a str"),
        (giving(" "), "must give a str"),
        (giving("k" * 2000), "must give a str"),
        (giving("\ud800"), "not Unicode"),
        (giving("a\0b"), "NUL"),
        (counting(), "two keys for one item"),
    ],
)
async def test_an_item_without_a_good_key_is_reported(key: Any, complaint: str) -> None:
    (outcome,) = (await outcomes_of([1], key=key)).values()
    assert isinstance(outcome.error, InvalidKeyError)
    assert outcome.item == 1
    with pytest.raises(InvalidKeyError, match=complaint):
        raise outcome.error


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"concurrency": 0}, "concurrency must be"),
        ({"stop_after_failures": 0}, "stop_after_failures must be"),
        ({"settle": -1.0}, "settle must be"),
        ({"uncertain": "maybe"}, "uncertain is"),
        ({"items": 7}, "items must be iterable"),
    ],
)
async def test_what_cannot_work_is_refused(arguments: dict[str, Any], complaint: str) -> None:
    settings: dict[str, Any] = {"fn": echo, "items": [1], "key": by_text, **arguments}
    with pytest.raises(ConfigurationError, match=complaint):
        await run(**settings)


async def test_the_job_is_named_after_its_function() -> None:
    class Sender:
        async def __call__(self, item: int) -> int:
            return item

    for fn in (echo, partial(echo), Sender()):
        journal = MemoryJournal()
        await run(fn, [1], key=by_text, journal=journal)
        name = Sender.__qualname__ if isinstance(fn, Sender) else "echo"
        with pytest.raises(JournalError, match=f"of another job, '{__name__}.{name}'"):
            await journal.open("other")


class BrokenJournal(MemoryJournal):
    closed = False

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        if any(settled.key == "3" for settled in settlements):
            raise JournalError("The disk is full.")
        await super().settle(settlements)

    async def close(self) -> None:
        await super().close()
        self.closed = True


async def test_a_journal_that_cannot_be_written_ends_the_job() -> None:
    journal = BrokenJournal()

    async def work(item: int) -> None:
        if item > 3:
            await anyio.sleep_forever()

    with pytest.raises(JournalError, match="The disk is full"):
        await run(work, range(10), key=by_text, journal=journal)
    assert journal.closed


async def test_cancelled_it_leaves_the_journal_right() -> None:
    journal = MemoryJournal()
    with anyio.CancelScope() as scope:

        async def work(item: int) -> None:
            if item == 3:
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
            if item >= 2:
                await anyio.sleep_forever()

        await run(work, range(10), key=by_text, journal=journal, concurrency=4, job="j")
    counts = await journal.counts()
    assert counts["done"] == 2
    assert counts["started"] >= 2
    assert counts["failed"] == counts["uncertain"] == 0
    await journal.open("j")


async def test_what_is_done_when_it_is_cancelled_is_noted_as_done() -> None:
    journal = MemoryJournal()
    with anyio.CancelScope() as scope:

        async def work(_: int) -> None:
            scope.cancel()

        await run(work, [1], key=by_text, journal=journal)
    assert (await journal.counts())["done"] == 1


class StopError(BaseException):
    """As KeyboardInterrupt, without its special place in the event loops."""


async def test_an_interruption_goes_through() -> None:
    async def interrupt(item: int) -> None:
        if item == 1:
            await anyio.wait_all_tasks_blocked()
            raise StopError
        await anyio.sleep_forever()

    journal = MemoryJournal()
    with pytest.raises(StopError):
        await run(interrupt, [1, 2], key=by_text, journal=journal)
    assert (await journal.counts())["started"] == 2


async def test_two_interruptions_go_through_together() -> None:
    both = anyio.Event()
    waiting = 0

    async def interrupt(_: int) -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 2:
            both.set()
        with anyio.CancelScope(shield=True):
            await both.wait()
        raise StopError

    with pytest.raises(BaseExceptionGroup):
        await run(interrupt, [1, 2], key=by_text)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ctrl_c_leaves_the_journal_right(backend: str, tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    command = [sys.executable, "-c", INTERRUPTED, str(path), backend]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        process.wait(20)
    assert process.returncode in {1, -signal.SIGINT, 128 + signal.SIGINT}
    with sqlite3.connect(path) as connection:
        states = dict(connection.execute("SELECT state, count(*) FROM keys GROUP BY state"))
    connection.close()
    assert states == {"done": 2, "started": 2}


async def test_a_cancellation_from_elsewhere_is_a_doubt(anyio_backend: str) -> None:
    if anyio_backend == "trio":
        pytest.skip("trio's cancellations belong to scopes")

    async def cancelled(item: int) -> None:
        if item == 1:
            raise anyio.get_cancelled_exc_class()

    outcomes = await outcomes_of([1, 2], cancelled)
    assert isinstance(outcomes["1"].error, UncertainError)
    assert (outcomes["1"].fate, outcomes["2"].fate) == ("uncertain", "done")
