"""How a job continues what an earlier run has left."""

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
    Report,
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
    ("error", "status"),
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
async def test_failures_are_distinguished_from_unknown_outcomes(
    error: Exception, status: str
) -> None:
    async def fail(_: int) -> None:
        raise error

    journal = MemoryJournal()
    outcome = (await outcomes_of([1], fail, journal=journal))["1"]
    assert (outcome.status, outcome.error, outcome.attempts) == (status, error, 1)
    entry = await journal.entry("1")
    assert entry is not None
    assert entry.state == status
    assert entry.error is not None
    assert entry.error.startswith(type(error).__name__)


async def test_the_next_run_skips_what_is_done_and_calls_the_rest() -> None:
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


async def test_attempt_returns_what_the_journal_knows() -> None:
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


async def test_without_a_journal_an_item_may_always_be_done() -> None:
    async def ask(_: str) -> bool:
        return attempt().maybe_done and attempt().since is None

    assert (await outcomes_of(["a"], ask))["a"].result is True
    with pytest.raises(ConfigurationError, match="inside a function"):
        attempt()


@pytest.fixture
def just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock shows that no time has passed since the earlier run."""
    monkeypatch.setattr("sunco.bulk.runner.time", lambda: 0.0)


@pytest.mark.usefixtures("just_now")
async def test_an_uncertain_item_waits_for_its_grace_period() -> None:
    journal = MemoryJournal()

    async def doubt(_: int) -> None:
        raise TimeoutError

    await run(doubt, [1, 2], key=by_text, journal=journal, job="j")
    waiting: list[int] = []
    report = await run(
        echo,
        range(6),
        key=by_text,
        journal=journal,
        job="j",
        grace_period=0.01,
        progress=lambda report: waiting.append(report.waiting),
    )
    assert (report.done, max(waiting)) == (6, 2)


async def test_an_item_that_was_in_flight_when_the_process_ended_waits_for_its_grace_period() -> (
    None
):
    journal, seen = MemoryJournal(), list[Report]()
    async with anyio.create_task_group() as tasks:

        async def end(item: int) -> None:
            if item == 2:
                await anyio.wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
            await anyio.sleep_forever()

        await run(end, [1, 2], key=by_text, journal=journal, job="j")

    async with anyio.create_task_group() as tasks:

        @tasks.start_soon
        async def leave() -> None:
            await anyio.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()

        await run(
            echo,
            range(6),
            key=by_text,
            journal=journal,
            job="j",
            grace_period=3600,
            progress=seen.append,
        )
    assert (seen[-1].done, seen[-1].waiting) == (4, 2)


@pytest.mark.usefixtures("just_now")
async def test_items_that_wait_for_their_grace_period_hold_no_slot() -> None:
    journal = MemoryJournal()
    others, waiting = anyio.Event(), list[int]()

    async def doubt(_: int) -> None:
        raise TimeoutError

    async def work(item: int) -> None:
        if item == 19:
            others.set()

    await run(doubt, range(10), key=by_text, journal=journal, job="j")
    with anyio.move_on_after(60) as scope:
        async with anyio.create_task_group() as tasks:

            @tasks.start_soon
            async def leave() -> None:
                await others.wait()
                await anyio.wait_all_tasks_blocked()
                scope.cancel()

            await run(
                work,
                range(20),
                key=by_text,
                journal=journal,
                job="j",
                concurrency=2,
                grace_period=3600,
                progress=lambda report: waiting.append(report.waiting),
            )
    assert others.is_set()
    assert max(waiting) == 10
    assert await journal.counts() == {"started": 10, "done": 10, "failed": 0, "uncertain": 0}


@pytest.mark.usefixtures("just_now")
async def test_a_limited_number_of_items_waits_for_its_grace_period(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sunco.bulk.runner._MAX_WAITING", 2)
    journal, waiting = MemoryJournal(), list[int]()

    async def doubt(_: int) -> None:
        raise TimeoutError

    await run(doubt, range(9), key=by_text, journal=journal, job="j")
    report = await run(
        echo,
        range(9),
        key=by_text,
        journal=journal,
        job="j",
        grace_period=0.01,
        progress=lambda report: waiting.append(report.waiting),
    )
    assert (report.done, report.waiting, max(waiting)) == (9, 0, 2)


@pytest.mark.usefixtures("just_now")
async def test_items_that_wait_are_not_called_once_the_job_has_stopped() -> None:
    journal = MemoryJournal()

    async def doubt(_: int) -> None:
        raise TimeoutError

    async def fail(item: int) -> None:
        assert item > 1
        raise ValueError

    await run(doubt, [0, 1], key=by_text, journal=journal, job="j")
    options: dict[str, Any] = {"grace_period": 3600, "stop_after_failures": 1}
    with anyio.fail_after(60):
        report = await run(fail, range(9), key=by_text, journal=journal, job="j", **options)
    assert report.stopped


@pytest.mark.usefixtures("just_now")
async def test_async_items_that_come_slowly_do_not_delay_items_that_have_waited() -> None:
    journal = MemoryJournal()
    resumed = anyio.Event()

    async def doubt(_: int) -> None:
        raise TimeoutError

    async def work(item: int) -> None:
        if item == 1:
            resumed.set()

    async def items() -> AsyncIterator[int]:
        yield 1
        await resumed.wait()
        yield 2

    await run(doubt, [1], key=by_text, journal=journal, job="j")
    with anyio.fail_after(60):
        report = await run(work, items(), key=by_text, journal=journal, job="j", grace_period=0.02)
    assert report.done == 2


async def test_uncertain_items_can_be_skipped() -> None:
    journal = MemoryJournal()

    async def doubt(_: int) -> None:
        raise TimeoutError

    await run(doubt, [1], key=by_text, journal=journal)
    outcome = (await outcomes_of([1], doubt, journal=journal, on_uncertain="skip"))["1"]
    assert isinstance(outcome.error, UncertainError)
    assert (outcome.status, outcome.attempts) == ("uncertain", 1)


async def test_an_item_that_changed_is_reported() -> None:
    journal = MemoryJournal()
    await run(echo, [{"id": "a", "text": "x"}], key=by_id, journal=journal)
    outcomes = await outcomes_of([{"id": "a", "text": "y"}], key=by_id, journal=journal)
    assert isinstance(outcomes["a"].error, ItemChangedError)


async def test_the_default_name_of_a_job_is_that_of_its_function() -> None:
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
