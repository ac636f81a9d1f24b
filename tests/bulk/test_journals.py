"""What all journals have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from sunco.bulk import Entry, Status, Journal, JournalError, MemoryJournal, Settlement, SQLiteJournal

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
    claim = await journal.claim("a", b"12345678", again=True)
    assert (claim.verdict, claim.before) == ("new", None)
    entry = await entry_of(journal, "a")
    assert (entry.state, entry.attempts, entry.run) == ("started", 1, 1)
    assert (entry.fingerprint, entry.first) == (b"12345678", entry.changed)


async def test_what_became_of_it_is_kept(journal: Journal) -> None:
    for key in "abc":
        await journal.claim(key, None, again=True)
    await journal.settle([Settlement("a", "done", result='["m1"]')])
    await journal.settle([Settlement("b", "failed", error="NotFoundError: gone")])
    entry = await entry_of(journal, "a")
    assert (entry.state, entry.result, entry.error) == ("done", '["m1"]', None)
    assert entry.changed >= entry.first
    assert (await entry_of(journal, "b")).error == "NotFoundError: gone"
    assert await journal.counts() == {"started": 1, "done": 1, "failed": 1, "uncertain": 0}


async def test_a_key_that_comes_twice_in_a_run_is_a_duplicate(journal: Journal) -> None:
    await journal.claim("a", None, again=True)
    assert (await journal.claim("a", None, again=True)).verdict == "duplicate"
    await journal.settle([Settlement("a", "done")])
    assert (await journal.claim("a", None, again=True)).verdict == "duplicate"
    assert (await entry_of(journal, "a")).attempts == 1


@pytest.mark.parametrize(
    ("fate", "again", "verdict"),
    [
        ("done", True, "done"),
        ("failed", True, "again"),
        ("failed", False, "again"),
        ("uncertain", True, "again"),
        ("uncertain", False, "uncertain"),
        (None, True, "again"),
        (None, False, "uncertain"),
    ],
)
async def test_the_next_run_goes_on(
    make: Make,
    fate: Status | None,
    again: bool,  # noqa: FBT001 - a parameter
    verdict: str,
) -> None:
    first = make()
    await first.open("job")
    await first.claim("a", b"same", again=True)
    if fate is not None:
        await first.settle([Settlement("a", fate)])
    await first.close()
    second = make()
    await second.open("job")
    claim = await second.claim("a", b"same", again=again)
    assert claim.verdict == verdict
    assert claim.before is not None
    assert claim.before.state == (fate or "started")
    entry = await entry_of(second, "a")
    assert (entry.attempts, entry.state) == (
        (2, "started") if verdict == "again" else (1, fate or "started")
    )
    assert entry.first == claim.before.first
    await second.close()


async def test_a_key_with_another_item_is_refused(make: Make) -> None:
    journal = make()
    await journal.open("job")
    await journal.claim("a", b"one", again=True)
    await journal.close()
    journal = make()
    await journal.open("job")
    assert (await journal.claim("a", b"two", again=True)).verdict == "changed"
    assert (await entry_of(journal, "a")).fingerprint == b"one"
    assert (await journal.claim("a", None, again=True)).verdict == "again"
    await journal.close()


async def test_a_journal_of_another_job_is_refused(make: Make) -> None:
    journal = make()
    await journal.open("job")
    await journal.close()
    with pytest.raises(JournalError, match="of another job, 'job', not 'other'"):
        await make().open("other")


async def test_a_journal_is_used_by_one_job_at_a_time(make: Make) -> None:
    journal = make()
    await journal.open("job")
    with pytest.raises(JournalError, match="in use by another"):
        await make().open("job")
    with pytest.raises(JournalError, match="in use by another"):
        await journal.open("job")
    await journal.close()
    await journal.close()
    again = make()
    await again.open("job")
    await again.close()


async def test_many_write_at_once(journal: Journal) -> None:
    async def carry_out(number: int) -> None:
        assert (await journal.claim(str(number), None, again=True)).verdict == "new"
        await journal.settle([Settlement(str(number), "done", result=str(number))])

    async with anyio.create_task_group() as tasks:
        for number in range(200):
            tasks.start_soon(carry_out, number)
    assert (await journal.counts())["done"] == 200
    assert (await entry_of(journal, "77")).result == "77"


async def test_whoever_is_cancelled_disturbs_nobody(journal: Journal) -> None:
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(lambda: journal.claim("a", None, again=True))
            tasks.start_soon(lambda: journal.claim("b", None, again=True))
            scope.cancel()
            await journal.claim("c", None, again=True)
    assert (await journal.counts())["started"] >= 2
