"""Group commit: what shares a transaction, and what a cancelled or failing operation costs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import anyio
import pytest

from sunco._storage.group_commit import GroupCommit
from sunco.errors import StorageError

pytestmark = pytest.mark.anyio


class Recorder:
    """Writes numbers; can be held up and made to fail."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = anyio.Event()
        self.gate.set()

    async def write(self, numbers: Sequence[int]) -> Sequence[int]:
        await self.gate.wait()
        if -1 in numbers:
            raise StorageError("-1 cannot be written")
        self.batches.append(list(numbers))
        return [number * 2 for number in numbers]


async def test_operations_that_wait_together_are_written_together() -> None:
    recorder = Recorder()
    recorder.gate = anyio.Event()
    commit, results = GroupCommit(recorder.write), dict[int, int]()

    async def submit(number: int) -> None:
        results[number] = await commit.submit(number)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(submit, 0)
        await anyio.wait_all_tasks_blocked()
        for number in range(1, 20):
            tasks.start_soon(submit, number)
        await anyio.wait_all_tasks_blocked()
        recorder.gate.set()
    assert sorted(map(sorted, recorder.batches)) == [[0], list(range(1, 20))]
    assert results == {number: number * 2 for number in range(20)}


async def test_an_operation_that_cannot_be_written_fails_alone() -> None:
    recorder = Recorder()
    commit, failed = GroupCommit(recorder.write), list[int]()

    async def submit(number: int) -> None:
        try:
            await commit.submit(number)
        except StorageError:
            failed.append(number)

    async with anyio.create_task_group() as tasks:
        for number in (12, -1, 14):
            tasks.start_soon(submit, number)
    assert failed == [-1]
    assert sorted(itertools.chain(*recorder.batches)) == [12, 14]


async def test_when_the_writing_caller_is_cancelled_another_writes_for_the_rest() -> None:
    recorder = Recorder()
    recorder.gate = anyio.Event()
    commit, results = GroupCommit(recorder.write), list[int]()
    scope = anyio.CancelScope()

    async def cancelled() -> None:
        with scope:
            await commit.submit(1)

    async def submit(number: int) -> None:
        results.append(await commit.submit(number))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancelled)
        # trio starts tasks in any order; the first to submit is the one that writes.
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(submit, 2)
        tasks.start_soon(submit, 3)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        recorder.gate.set()
    assert scope.cancelled_caught
    assert sorted(results) == [4, 6]
    assert sorted(itertools.chain(*recorder.batches)) == [2, 3]


async def test_a_cancelled_caller_that_waits_takes_its_operation_back() -> None:
    recorder = Recorder()
    recorder.gate = anyio.Event()
    commit = GroupCommit(recorder.write)
    scope = anyio.CancelScope()

    async def cancelled() -> None:
        with scope:
            await commit.submit(2)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(commit.submit, 1)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(cancelled)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        recorder.gate.set()
    assert recorder.batches == [[1]]
