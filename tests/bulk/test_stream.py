"""Outcomes as they come, and streams that nobody reads to the end."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from sunco.bulk import MemoryJournal, Report, Stream, stream

pytestmark = pytest.mark.anyio


async def echo(item: int) -> int:
    await anyio.lowlevel.checkpoint()
    return item


class Watch:
    """A function that notes how it ends, and blocks on odd items until then."""

    def __init__(self) -> None:
        self.cancelled = 0
        self.ended = anyio.Event()

    async def __call__(self, item: int) -> int:
        if item % 2:
            try:
                await anyio.sleep_forever()
            finally:
                self.cancelled += 1
                self.ended.set()
        return item


def watched(watch: Watch, journal: MemoryJournal | None = None) -> Stream[int, int]:
    return stream(watch, range(100), key=str, concurrency=4, journal=journal, job="j")


async def test_outcomes_come_as_items_end() -> None:
    others = anyio.Event()

    async def work(item: int) -> int:
        if item == 0:
            await others.wait()
        return item * 2

    seen: list[int] = []
    async for outcome in stream(work, range(10), key=str):
        assert outcome.result == outcome.item * 2
        seen.append(outcome.item)
        if len(seen) == 9:
            others.set()
    assert sorted(seen) == list(range(10))
    assert seen[-1] == 0


async def test_nothing_begins_before_it_is_read() -> None:
    outcomes = stream(echo, range(3), key=str)
    assert outcomes.report == Report()
    await outcomes.aclose()


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


async def test_leaving_early_cancels_what_is_under_way() -> None:
    watch, journal = Watch(), MemoryJournal()
    async with watched(watch, journal) as outcomes:
        async for outcome in outcomes:
            assert outcome.item % 2 == 0
            break
        await anyio.wait_all_tasks_blocked()
    assert watch.cancelled > 0
    assert (await journal.counts())["started"] == watch.cancelled
    await journal.open("j")


async def test_a_dropped_stream_ends_its_job() -> None:
    watch = Watch()

    async def read_one() -> None:
        async for _ in watched(watch):
            await anyio.wait_all_tasks_blocked()
            return

    await read_one()
    gc.collect()
    with anyio.fail_after(5):
        await watch.ended.wait()


async def test_a_reader_that_is_cancelled_ends_the_job() -> None:
    watch = Watch()
    with anyio.CancelScope() as scope:
        async for outcome in watched(watch):
            if outcome.item == 2:
                await anyio.wait_all_tasks_blocked()
                scope.cancel()
    assert scope.cancelled_caught
    assert watch.cancelled > 0


async def test_what_ends_the_job_is_raised_where_it_is_read() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    outcomes = stream(echo, items(), key=str)
    assert (await anext(outcomes)).item == 1
    with pytest.raises(OSError, match="gone"):
        await anext(outcomes)
    with pytest.raises(StopAsyncIteration):
        await anext(outcomes)
    await outcomes.aclose()


async def test_progress_is_told() -> None:
    told: list[Report] = []
    async for _ in stream(echo, range(5), key=str, progress=told.append, concurrency=1):
        pass
    assert [report.done for report in told] == [1, 2, 3, 4, 5]
    assert {report.total for report in told} == {5}


def test_a_stream_that_outlives_its_loop_is_dropped_in_peace(anyio_backend: str) -> None:
    kept: list[Any] = []

    async def leave() -> None:
        outcomes = watched(Watch())
        await anext(outcomes)
        kept.append(outcomes)

    anyio.run(leave, backend=anyio_backend)
    drop: Callable[[], None] = kept.clear
    drop()
    gc.collect()
