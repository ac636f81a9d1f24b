"""How jobs end early."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest

from bulk.items import by_text, outcomes_of
from sunco import StorageError
from sunco.bulk import (
    Completion,
    MemoryJournal,
    UncertainError,
    run,
)

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


async def test_it_stops_after_a_number_of_failures() -> None:
    async def fail(_: int) -> None:
        raise TimeoutError

    report = await run(fail, range(1000), key=by_text, concurrency=2, stop_after_failures=3)
    assert report.stopped
    assert not report.ok
    assert 3 <= report.uncertain <= 4


class BrokenJournal(MemoryJournal):
    closed = False

    async def record(self, completions: Sequence[Completion]) -> None:
        if any(completion.key == "3" for completion in completions):
            raise StorageError("The disk is full.")
        await super().record(completions)

    async def close(self) -> None:
        await super().close()
        self.closed = True


async def test_a_journal_that_cannot_be_written_ends_the_job() -> None:
    journal = BrokenJournal()

    async def work(item: int) -> None:
        if item > 3:
            await anyio.sleep_forever()

    with pytest.raises(StorageError, match="The disk is full"):
        await run(work, range(10), key=by_text, journal=journal)
    assert journal.closed


async def test_a_cancelled_job_leaves_items_in_flight_as_started() -> None:
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


async def test_an_item_that_is_done_when_the_job_is_cancelled_is_recorded_as_done() -> None:
    journal = MemoryJournal()
    with anyio.CancelScope() as scope:

        async def work(_: int) -> None:
            scope.cancel()

        await run(work, [1], key=by_text, journal=journal)
    assert (await journal.counts())["done"] == 1


class StopError(BaseException):
    """Like KeyboardInterrupt, but event loops do not treat it specially."""


async def test_an_interruption_is_raised() -> None:
    async def interrupt(item: int) -> None:
        if item == 1:
            await anyio.wait_all_tasks_blocked()
            raise StopError
        await anyio.sleep_forever()

    journal = MemoryJournal()
    with pytest.raises(StopError):
        await run(interrupt, [1, 2], key=by_text, journal=journal)
    assert (await journal.counts())["started"] == 2


async def test_two_interruptions_are_raised_as_a_group() -> None:
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
def test_ctrl_c_leaves_items_in_flight_as_started(backend: str, tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    command = [sys.executable, "-c", INTERRUPTED, str(path), backend]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            process.send_signal(signal.SIGINT)
            process.wait(60)
        finally:
            process.kill()
    assert process.returncode in {1, -signal.SIGINT, 128 + signal.SIGINT}
    with sqlite3.connect(path) as connection:
        states = dict(connection.execute("SELECT state, count(*) FROM entry GROUP BY state"))
    connection.close()
    assert states == {"done": 2, "started": 2}


async def test_a_cancellation_inside_the_function_leaves_the_outcome_unknown(
    anyio_backend: str,
) -> None:
    if anyio_backend == "trio":
        pytest.skip("on trio, only scopes cancel")

    async def cancelled(item: int) -> None:
        if item == 1:
            raise anyio.get_cancelled_exc_class()

    outcomes = await outcomes_of([1, 2], cancelled)
    assert isinstance(outcomes["1"].error, UncertainError)
    assert (outcomes["1"].status, outcomes["2"].status) == ("uncertain", "done")
