"""What all journals have in common: as jobs see them, and those of one process by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest
from support import postgres

from sunco import NotFoundError, ServerError, StorageError
from sunco.bulk import (
    Completion,
    Entry,
    ItemChangedError,
    Journal,
    MemoryJournal,
    PostgresJournal,
    Report,
    SQLiteJournal,
    Status,
    attempt,
    run,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_polls")]

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


@attrs.define
class Place:
    """Where a job is kept, and what its function is to do."""

    make: Callable[[], Journal | PostgresJournal]
    errors: dict[int, Exception] = attrs.field(factory=dict[int, Exception])
    calls: list[tuple[int, int, bool]] = attrs.field(factory=list[tuple[int, int, bool]])
    """The items that the function was called for, the number of the call, and `maybe_done`."""
    wait: Callable[[], Awaitable[object]] = anyio.lowlevel.checkpoint

    async def send(self, item: int) -> str:
        this = attempt()
        self.calls.append((item, this.number, this.maybe_done))
        await self.wait()
        if item in self.errors:
            raise self.errors[item]
        return f"sent {item}"

    async def run(self, items: Iterable[int], **options: Any) -> tuple[int, int, int, int]:
        """Run the job: how many are done, failed, uncertain, and were done before."""
        self.calls.clear()
        report = await self.report(items, **options)
        return report.done, report.failed, report.uncertain, report.skipped

    async def report(self, items: Iterable[int], **options: Any) -> Report:
        settings: dict[str, Any] = {"key": str, "job": "job", "grace_period": 0.0, **options}
        return await run(self.send, items, journal=self.make(), **settings)

    async def stored(self, key: str) -> tuple[str, int, str | None, str | None] | None:
        """State, attempts, error and result of an entry, as a later process finds them."""
        journal = self.make()
        if isinstance(journal, PostgresJournal):
            await journal.open("job", "Place.send", grace_period=0.0)
        else:
            await journal.open("job")
        entry = await journal.entry(key)
        await journal.close()
        if entry is None:
            return None
        return entry.state, entry.attempts, entry.error, entry.result


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Every test that asks for a place runs with each journal."""
    if request.param == "memory":
        journal = MemoryJournal()
        return Place(lambda: journal)
    if request.param == "sqlite":
        return Place(lambda: SQLiteJournal(tmp_path / "j.sqlite"))
    schema = request.getfixturevalue("schema")
    return Place(lambda: PostgresJournal(postgres.dsn(), schema=schema, part_size=3))


class TestJobs:
    async def test_each_item_is_done_once_and_its_result_kept(self, place: Place) -> None:
        assert await place.run(range(10)) == (10, 0, 0, 0)
        assert sorted(place.calls) == [(number, 1, False) for number in range(10)]
        assert await place.stored("7") == ("done", 1, None, '"sent 7"')
        assert await place.stored("10") is None

    async def test_what_is_done_is_skipped_by_the_next_run(self, place: Place) -> None:
        await place.run(range(5))
        assert await place.run(range(8)) == (3, 0, 0, 5)
        assert sorted(place.calls) == [(number, 1, False) for number in (5, 6, 7)]

    async def test_what_failed_is_attempted_again(self, place: Place) -> None:
        place.errors = {1: ValueError("no\0"), 3: NotFoundError(status=404)}
        assert await place.run(range(5)) == (3, 2, 0, 0)
        assert await place.stored("1") == ("failed", 1, "ValueError: no\\0", None)
        place.errors = {}
        assert await place.run(range(5)) == (2, 0, 0, 3)
        assert [call[:2] for call in sorted(place.calls)] == [(1, 2), (3, 2)]
        # An error of its own may come after what the function did; a 404 says that nothing was.
        assert await place.stored("1") == ("done", 2, None, '"sent 1"')

    async def test_what_may_be_done_is_attempted_again_knowing_that(self, place: Place) -> None:
        place.errors = {2: ServerError(status=502)}
        assert await place.run(range(4)) == (3, 0, 1, 0)
        place.errors = {}
        assert await place.run(range(4)) == (1, 0, 0, 3)
        assert place.calls == [(2, 2, True)]

    async def test_or_it_is_left_alone_where_that_is_asked_for(self, place: Place) -> None:
        place.errors = {2: ServerError(status=502)}
        await place.run(range(4))
        for _ in range(2):
            assert await place.run(range(4), on_uncertain="skip") == (0, 0, 1, 3)
            assert place.calls == []
        place.errors = {}
        assert await place.run(range(4)) == (1, 0, 0, 3)
        assert place.calls == [(2, 2, True)]

    async def test_what_was_in_flight_when_a_run_ended_is_attempted_again(
        self, place: Place
    ) -> None:
        async def end() -> None:
            tasks.cancel_scope.cancel()
            await anyio.sleep_forever()

        place.wait = end
        async with anyio.create_task_group() as tasks:
            await place.run([7])
        assert place.calls == [(7, 1, False)]
        place.wait = anyio.lowlevel.checkpoint
        assert await place.run([7]) == (1, 0, 0, 0)
        assert place.calls == [(7, 2, True)]

    async def test_rows_that_cannot_be_used_are_reported(self, place: Place) -> None:
        def key(item: int) -> str:
            return "" if item == 3 else str(item)

        def same(_: int) -> str:
            return "1"

        report = await place.report([1, 2, 2, 3], key=key)
        assert (report.done, report.failed, report.ok) == (2, 2, False)
        kinds = sorted(type(problem.error).__name__ for problem in report.problems)
        assert kinds == ["DuplicateKeyError", "InvalidKeyError"]
        report = await place.report([5], key=same)
        assert [type(problem.error) for problem in report.problems] == [ItemChangedError]
        assert sorted(item for item, *_ in place.calls) == [1, 2]

    async def test_no_more_are_in_flight_than_is_allowed(self, place: Place) -> None:
        in_flight, most, full = 0, 0, anyio.Event()

        async def watched() -> None:
            nonlocal in_flight, most
            in_flight += 1
            most = max(most, in_flight)
            if in_flight == 4:
                full.set()
            await full.wait()
            await anyio.lowlevel.checkpoint()
            in_flight -= 1

        place.wait = watched
        with anyio.fail_after(60):
            assert await place.run(range(20), concurrency=4) == (20, 0, 0, 0)
        assert most == 4
