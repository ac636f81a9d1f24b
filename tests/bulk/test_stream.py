"""Outcomes as an async iterator."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import anyio.lowlevel
import pytest

from sunco import ConfigurationError
from sunco.bulk import MemoryJournal, Report, Stream, stream

pytestmark = pytest.mark.anyio


async def echo(item: int) -> int:
    await anyio.lowlevel.checkpoint()
    return item


class Blocking:
    """A function that blocks on odd items, and counts how often it is cancelled."""

    def __init__(self) -> None:
        self.cancelled = 0

    async def __call__(self, item: int) -> int:
        if item % 2:
            try:
                await anyio.sleep_forever()
            finally:
                self.cancelled += 1
        return item


def blocked(fn: Blocking, journal: MemoryJournal | None = None) -> Stream[int, int]:
    return stream(fn, range(100), key=str, concurrency=4, journal=journal, job="j")


async def test_outcomes_are_yielded_as_items_finish() -> None:
    others = anyio.Event()

    async def work(item: int) -> int:
        if item == 0:
            await others.wait()
        return item * 2

    seen: list[int] = []
    async with stream(work, range(10), key=str) as outcomes:
        async for outcome in outcomes:
            assert outcome.result == outcome.item * 2
            seen.append(outcome.item)
            if len(seen) == 9:
                others.set()
    assert sorted(seen) == list(range(10))
    assert seen[-1] == 0


async def test_nothing_runs_before_the_stream_is_entered() -> None:
    outcomes = stream(echo, range(3), key=str)
    assert outcomes.report == Report()
    with pytest.raises(ConfigurationError, match="async with"):
        await anext(outcomes)


async def test_a_stream_can_be_entered_once() -> None:
    outcomes = stream(echo, range(3), key=str)
    async with outcomes:
        with pytest.raises(ConfigurationError, match="entered once"):
            await outcomes.__aenter__()
    with pytest.raises(StopAsyncIteration):
        await anext(outcomes)


async def test_the_job_waits_for_its_reader() -> None:
    read = 0

    def items() -> Iterator[int]:
        nonlocal read
        for number in range(1000):
            read += 1
            yield number

    async with stream(echo, items(), key=str, concurrency=2) as outcomes:
        await anext(outcomes)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        assert read < 10
        assert len([outcome async for outcome in outcomes]) == 999
    assert outcomes.report.done == 1000


async def test_leaving_early_cancels_the_items_in_flight() -> None:
    fn, journal = Blocking(), MemoryJournal()
    async with blocked(fn, journal) as outcomes:
        async for outcome in outcomes:
            assert outcome.item % 2 == 0
            break
        await anyio.wait_all_tasks_blocked()
    assert fn.cancelled > 0
    assert (await journal.counts())["started"] == fn.cancelled
    await journal.open("j")


async def test_a_reader_that_is_cancelled_ends_the_job() -> None:
    fn = Blocking()
    with anyio.CancelScope() as scope:
        async with blocked(fn) as outcomes:
            async for outcome in outcomes:
                if outcome.item == 2:
                    await anyio.wait_all_tasks_blocked()
                    scope.cancel()
    assert scope.cancelled_caught
    assert fn.cancelled > 0


@pytest.mark.parametrize("error", [ValueError("body"), ExceptionGroup("body", [ValueError()])])
async def test_an_error_of_the_block_ends_the_job_and_is_raised_as_it_is(error: Exception) -> None:
    fn = Blocking()

    async def leave() -> None:
        async with blocked(fn) as outcomes:
            await anext(outcomes)
            await anyio.wait_all_tasks_blocked()
            raise error

    with pytest.raises(type(error)) as caught:
        await leave()
    # trio copies groups, and only groups.
    assert repr(caught.value) == repr(error)
    assert fn.cancelled > 0


class StopError(BaseException):
    """Like KeyboardInterrupt, but event loops do not treat it specially."""


async def test_an_interruption_inside_the_job_is_raised() -> None:
    async def interrupt(_: int) -> None:
        raise StopError

    with pytest.raises(StopError):
        async with stream(interrupt, [1], key=str):
            await anyio.sleep_forever()


async def test_interruptions_of_job_and_block_are_raised_as_a_group() -> None:
    entered = anyio.Event()

    async def interrupt(_: int) -> None:
        entered.set()
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            raise StopError from None

    async def leave() -> None:
        async with stream(interrupt, [1], key=str):
            await entered.wait()
            raise StopError

    with pytest.raises(BaseExceptionGroup) as caught:
        await leave()
    assert len(caught.value.exceptions) == 2


def failing() -> Iterator[int]:
    yield 1
    raise OSError("gone")


async def test_an_error_of_the_job_is_raised_where_it_is_read() -> None:
    async with stream(echo, failing(), key=str) as outcomes:
        assert (await anext(outcomes)).item == 1
        with pytest.raises(OSError, match="gone"):
            await anext(outcomes)
        with pytest.raises(StopAsyncIteration):
            await anext(outcomes)


async def test_an_error_of_the_job_that_nobody_read_is_raised_at_the_end_of_the_block() -> None:
    with pytest.raises(OSError, match="gone"):
        async with stream(echo, failing(), key=str):
            await anyio.wait_all_tasks_blocked()


async def test_progress_is_reported() -> None:
    reports: list[Report] = []
    async with stream(echo, range(5), key=str, progress=reports.append, concurrency=1) as outcomes:
        assert len([outcome async for outcome in outcomes]) == 5
    assert [report.done for report in reports] == [1, 2, 3, 4, 5]
    assert {report.total for report in reports} == {5}
