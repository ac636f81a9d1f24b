"""What all journals have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from sunco import StorageError
from sunco.bulk import Completion, Entry, Journal, MemoryJournal, SQLiteJournal, Status

pytestmark = pytest.mark.anyio

Make = Callable[[], Journal]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes the journal of a place, anew each time where that outlives the process."""
    if request.param == "memory":
        journal = MemoryJournal()
        return lambda: journal
    return lambda: SQLiteJournal(tmp_path / "j.sqlite")


@pytest.fixture
async def journal(make: Make) -> AsyncIterator[Journal]:
    opened = make()
    await opened.open("job")
    yield opened
    await opened.close()


async def entry_of(journal: Journal, key: str) -> Entry:
    entry = await journal.entry(key)
    assert entry is not None
    return entry


async def test_a_new_key_is_started(journal: Journal) -> None:
    assert await journal.entry("a") is None
    claim = await journal.claim("a", b"12345678", retry_uncertain=True)
    assert (claim.decision, claim.before) == ("new", None)
    entry = await entry_of(journal, "a")
    assert (entry.state, entry.attempts, entry.run) == ("started", 1, 1)
    assert (entry.fingerprint, entry.first_started) == (b"12345678", entry.changed)


async def test_outcomes_are_kept(journal: Journal) -> None:
    for key in "abc":
        await journal.claim(key, None, retry_uncertain=True)
    await journal.record([Completion("a", "done", result='["m1"]')])
    await journal.record([Completion("b", "failed", error="NotFoundError: gone")])
    entry = await entry_of(journal, "a")
    assert (entry.state, entry.result, entry.error) == ("done", '["m1"]', None)
    assert entry.changed >= entry.first_started
    assert (await entry_of(journal, "b")).error == "NotFoundError: gone"
    assert await journal.counts() == {"started": 1, "done": 1, "failed": 1, "uncertain": 0}


async def test_a_key_that_comes_twice_in_a_run_is_a_duplicate(journal: Journal) -> None:
    await journal.claim("a", None, retry_uncertain=True)
    assert (await journal.claim("a", None, retry_uncertain=True)).decision == "duplicate"
    await journal.record([Completion("a", "done")])
    assert (await journal.claim("a", None, retry_uncertain=True)).decision == "duplicate"
    assert (await entry_of(journal, "a")).attempts == 1


@pytest.mark.parametrize(
    ("status", "retry_uncertain", "decision"),
    [
        ("done", True, "done"),
        ("failed", True, "retry"),
        ("failed", False, "retry"),
        ("uncertain", True, "retry"),
        ("uncertain", False, "uncertain"),
        (None, True, "retry"),
        (None, False, "uncertain"),
    ],
)
async def test_the_next_run_goes_on(
    make: Make,
    status: Status | None,
    retry_uncertain: bool,  # noqa: FBT001 - a parameter
    decision: str,
) -> None:
    first = make()
    await first.open("job")
    await first.claim("a", b"same", retry_uncertain=True)
    if status is not None:
        await first.record([Completion("a", status)])
    await first.close()
    second = make()
    await second.open("job")
    claim = await second.claim("a", b"same", retry_uncertain=retry_uncertain)
    assert claim.decision == decision
    assert claim.before is not None
    assert claim.before.state == (status or "started")
    entry = await entry_of(second, "a")
    assert (entry.attempts, entry.state) == (
        (2, "started") if decision == "retry" else (1, status or "started")
    )
    assert entry.first_started == claim.before.first_started
    await second.close()


async def test_a_key_with_another_item_is_rejected(make: Make) -> None:
    journal = make()
    await journal.open("job")
    await journal.claim("a", b"one", retry_uncertain=True)
    await journal.close()
    journal = make()
    await journal.open("job")
    assert (await journal.claim("a", b"two", retry_uncertain=True)).decision == "changed"
    assert (await entry_of(journal, "a")).fingerprint == b"one"
    assert (await journal.claim("a", None, retry_uncertain=True)).decision == "retry"
    await journal.close()


async def test_a_journal_of_another_job_is_rejected(make: Make) -> None:
    journal = make()
    await journal.open("job")
    await journal.close()
    with pytest.raises(StorageError, match="belongs to another job, 'job', not 'other'"):
        await make().open("other")


async def test_a_journal_is_used_by_one_job_at_a_time(make: Make) -> None:
    journal = make()
    await journal.open("job")
    with pytest.raises(StorageError, match="in use by another"):
        await make().open("job")
    with pytest.raises(StorageError, match="in use by another"):
        await journal.open("job")
    await journal.close()
    await journal.close()
    again = make()
    await again.open("job")
    await again.close()


async def test_many_write_at_once(journal: Journal) -> None:
    async def execute(number: int) -> None:
        assert (await journal.claim(str(number), None, retry_uncertain=True)).decision == "new"
        await journal.record([Completion(str(number), "done", result=str(number))])

    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(execute, number)
    assert (await journal.counts())["done"] == 200
    assert (await entry_of(journal, "77")).result == "77"


async def test_a_cancelled_caller_disturbs_no_other(journal: Journal) -> None:
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(lambda: journal.claim("a", None, retry_uncertain=True))
            tasks.start_soon(lambda: journal.claim("b", None, retry_uncertain=True))
            scope.cancel()
            await journal.claim("c", None, retry_uncertain=True)
    assert (await journal.counts())["started"] >= 2
