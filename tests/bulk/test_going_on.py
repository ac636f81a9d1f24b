"""What a job does with what an earlier run has left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import anyio
import pytest

from bulk.items import by_id, by_text, echo, outcomes_of
from sunco import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    DecodeError,
    NotFoundError,
    ServerError,
    StorageError,
)
from sunco.bulk import (
    ItemChangedError,
    MemoryJournal,
    UncertainError,
    attempt,
    run,
    stream,
)

pytestmark = pytest.mark.anyio


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
    monkeypatch.setattr("sunco.bulk.runner.time", lambda: 0.0)


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


async def test_an_item_that_changed_under_its_key_is_reported() -> None:
    journal = MemoryJournal()
    await run(echo, [{"id": "a", "text": "x"}], key=by_id, journal=journal)
    outcomes = await outcomes_of([{"id": "a", "text": "y"}], key=by_id, journal=journal)
    assert isinstance(outcomes["a"].error, ItemChangedError)


async def test_the_job_is_named_after_its_function() -> None:
    class Sender:
        async def __call__(self, item: int) -> int:
            return item

    for fn in (echo, partial(echo), Sender()):
        journal = MemoryJournal()
        await run(fn, [1], key=by_text, journal=journal)
        named = Sender if isinstance(fn, Sender) else echo
        with pytest.raises(
            StorageError, match=f"belongs to another job, '{named.__module__}.{named.__qualname__}'"
        ):
            await journal.open("other")
