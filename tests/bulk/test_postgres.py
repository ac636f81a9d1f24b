"""Jobs that several processes share through PostgreSQL."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import logging
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest
from support import postgres

from sunco import ConfigurationError, ServerError, StorageError
from sunco._storage import UnavailableError
from sunco.bulk import (
    PostgresJournal,
    Report,
    attempt,
    run,
    stream,
    work,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("quick_polls")]

Make: TypeAlias = Callable[..., PostgresJournal]


@pytest.fixture
async def make(schema: str) -> AsyncIterator[Make]:
    """Journals on one schema, as those of several processes."""
    made: list[PostgresJournal] = []

    def journal(**options: Any) -> PostgresJournal:
        made.append(PostgresJournal(postgres.dsn(), schema=schema, **options))
        return made[-1]

    yield journal
    for each in made:
        await each.close()


@pytest.fixture
def database(schema: str) -> Iterator[Any]:
    """A connection of its own to the tables."""
    import psycopg  # noqa: PLC0415 - an extra

    options = f"-c search_path={schema}"
    with psycopg.connect(postgres.dsn(), options=options, autocommit=True) as connection:
        yield connection


@pytest.fixture
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat comes more often than the lease, which is not any shorter, needs it."""
    monkeypatch.setattr(PostgresJournal, "lease", 0.03)


@pytest.fixture
def quick_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The progress of the whole job is read all the time."""
    monkeypatch.setattr("sunco.bulk.shared._PROGRESS_SECONDS", 0.01)


class Sender:
    """Records its calls; the items in `failing` raise."""

    def __init__(self, *failing: int, error: Exception | None = None) -> None:
        self.calls: list[tuple[int, bool, int]] = []
        self.failing = set(failing)
        self.error = error or ValueError("no")

    async def send(self, item: int) -> str:
        await anyio.sleep(0.001)
        this = attempt()
        self.calls.append((item, this.maybe_done, this.number))
        if item in self.failing:
            raise self.error
        return f"sent {item}"

    @property
    def items(self) -> list[int]:
        return sorted(item for item, _, _ in self.calls)


def outcome(report: Report) -> tuple[int, int, int, int, int | None]:
    return report.done, report.failed, report.uncertain, report.skipped, report.total


async def test_one_process_loads_and_works(make: Make) -> None:
    sender, journal = Sender(), make(part_size=7)
    report = await run(sender.send, range(50), key=str, journal=journal, job="j")
    assert outcome(report) == (50, 0, 0, 0, 50)
    assert report.ok
    assert sender.items == list(range(50))
    assert not any(maybe_done for _, maybe_done, _ in sender.calls)
    entry = await journal.entry("7")
    assert entry is not None
    assert (entry.state, entry.attempts, entry.result) == ("done", 1, '"sent 7"')
    assert await journal.entry("nope") is None
    assert await journal.counts() == {"started": 0, "done": 50, "failed": 0, "uncertain": 0}
    (summary,) = await journal.jobs()
    assert (summary.job, summary.finished, summary.workers) == ("j", True, 0)


async def test_others_join_and_each_item_is_done_once(make: Make) -> None:
    senders = [Sender(), Sender(), Sender()]
    joining = [make(part_size=10), make(part_size=10)]
    reports: list[Report] = []
    loading = anyio.Event()

    async def items() -> AsyncIterator[int]:
        for number in range(200):
            if number == 100:
                # The others start while items are being loaded.
                loading.set()
                while not all(journal._worker for journal in joining):  # noqa: ASYNC110 - no event
                    await anyio.sleep(0.001)
            yield number

    async def first() -> None:
        journal = make(part_size=10)
        reports.append(
            await run(senders[0].send, items(), key=str, journal=journal, job="j", concurrency=4)
        )

    async def join(sender: Sender, journal: PostgresJournal) -> None:
        reports.append(await work(sender.send, job="j", journal=journal, concurrency=4))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        await loading.wait()
        for sender, journal in zip(senders[1:], joining, strict=True):
            tasks.start_soon(join, sender, journal)
    assert sorted(item for sender in senders for item in sender.items) == list(range(200))
    assert [report.done + report.skipped for report in reports] == [200] * 3


async def test_what_failed_is_attempted_again_by_the_next_run(make: Make) -> None:
    sender = Sender(3, 5)
    report = await run(sender.send, range(10), key=str, journal=make(part_size=4), job="j")
    assert outcome(report) == (8, 2, 0, 0, 10)
    assert sorted((each.key, each.item, str(each.error)) for each in report.problems) == [
        ("3", 3, "ValueError: no"),
        ("5", 5, "ValueError: no"),
    ]
    again = Sender(5)
    report = await run(again.send, range(11), key=str, journal=make(part_size=4), job="j")
    assert outcome(report) == (2, 1, 0, 8, 11)
    assert sorted(again.calls) == [(3, True, 2), (5, True, 2), (10, False, 1)]


async def test_items_that_cannot_be_loaded_are_reported(make: Make) -> None:
    rows: list[Any] = [{"id": "a", "n": 1}, {"id": "b"}, {"id": "a", "n": 2}, {"id": ""}]
    seen: list[Any] = []

    async def send(row: Any) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(row)

    def key(row: Any) -> str:
        found: str = row["id"]
        return found

    report = await run(send, rows, key=key, journal=make(), job="j")
    assert outcome(report) == (2, 2, 0, 0, 4)
    kinds = {type(each.error).__name__ for each in report.problems}
    assert kinds == {"DuplicateKeyError", "InvalidKeyError"}
    report = await run(send, [{"id": "b", "n": 9}], key=key, journal=make(), job="j")
    assert [type(each.error).__name__ for each in report.problems] == ["ItemChangedError"]
    assert len(seen) == 2
    with pytest.raises(ConfigurationError, match=r"type set cannot be stored.*encode="):
        await run(send, [{1}], key=str, journal=make(), job="k")


async def test_items_of_other_types_need_a_form_as_text(make: Make) -> None:
    seen: list[complex] = []

    async def send(item: complex) -> None:
        seen.append(item)

    journal = make(encode=str, decode=complex)
    await run(send, [1j, 2 + 3j], key=str, journal=journal, job="j")
    assert sorted(seen, key=abs) == [1j, 2 + 3j]


@pytest.mark.usefixtures("quick_beats")
async def test_the_items_of_a_dead_process_are_free_after_lease_and_grace_period(
    make: Make, database: Any
) -> None:
    dead, sender = make(part_size=3), Sender()
    await dead.open("j", "Sender.send", grace_period=60)
    await dead.start_loading()
    await dead.load([(str(number), str(number)) for number in range(6)])
    await dead.finish_loading()
    part = await dead.claim()
    assert part is not None
    assert [item.key for item in part.items] == ["0", "1", "2"]
    # It dies without closing. Its first item is done, and that is recorded.
    from sunco.bulk import Completion  # noqa: PLC0415 - used here only

    await dead.record([(part.items[0], 1, Completion("0", "done"))])
    entry = await dead.entry("1")
    assert entry is not None
    assert entry.state == "started"
    reports: list[Report] = []

    async def join() -> None:
        reports.append(await work(sender.send, job="j", journal=make()))

    def first_part() -> Any:
        query = "SELECT owner, free > now() + interval '50 s' FROM part WHERE part = 0"
        return database.execute(query).fetchone()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(join)
            while len(sender.calls) < 3:  # noqa: ASYNC110 - the sender sends no event
                await anyio.sleep(0.001)
            assert first_part() == (dead._worker, False)
            database.execute("UPDATE worker SET until = now() WHERE id = %s", (dead._worker,))
            while first_part() != (None, True):  # noqa: ASYNC110 - nor does the database
                await anyio.sleep(0.001)
            assert sender.items == [3, 4, 5]
            database.execute("UPDATE part SET free = now()")
    assert outcome(reports[0]) == (5, 0, 0, 1, 6)
    assert sorted(sender.calls) == [
        (1, True, 2),
        (2, True, 2),
        (3, False, 1),
        (4, False, 1),
        (5, False, 1),
    ]
    # What it records now is dropped.
    await dead.record([(part.items[1], 1, Completion("1", "failed"))])
    assert (await dead.counts())["failed"] == 0


async def test_a_cancelled_claim_is_not_one_of_the_journal_that_is_opened_again(
    make: Make, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make(part_size=1)
    execute = journal._database.run
    begun, opened, ended = threading.Event(), threading.Event(), threading.Event()

    async def late(work: Callable[[Any], Any], **options: Any) -> Any:
        def wait(connection: Any) -> Any:
            begun.set()
            assert opened.wait(30)
            try:
                return work(connection)
            finally:
                ended.set()

        return await execute(wait, **options)

    await journal.open("j", "f", grace_period=60)
    await journal.start_loading()
    await journal.load([("1", "1"), ("2", "2")])
    with monkeypatch.context() as patched:
        patched.setattr(journal._database, "run", late)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(journal.claim)
            await anyio.to_thread.run_sync(begun.wait, 30)
            tasks.cancel_scope.cancel()
    await journal.close()
    await journal.open("j", "f", grace_period=60)
    assert await journal.claim()
    opened.set()
    assert await anyio.to_thread.run_sync(ended.wait, 30)
    owners = database.execute("SELECT owner FROM part ORDER BY owner").fetchall()
    assert owners == [(journal._worker,), (None,)]


async def test_items_that_may_be_done_can_be_skipped(make: Make) -> None:
    sender = Sender(1, error=ServerError(status=502))
    journal = make()
    report = await run(sender.send, range(3), key=str, journal=journal, job="j")
    assert outcome(report) == (2, 0, 1, 0, 3)
    again = Sender()
    report = await run(again.send, range(3), key=str, journal=make(), job="j", on_uncertain="skip")
    assert outcome(report) == (0, 0, 1, 2, 3)
    assert again.calls == []
    report = await run(again.send, range(3), key=str, journal=make(), job="j", grace_period=0)
    assert outcome(report) == (1, 0, 0, 2, 3)
    assert again.calls == [(1, True, 2)]


@pytest.mark.usefixtures("quick_watch")
async def test_it_stops_after_failures_of_the_whole_job(make: Make) -> None:
    class Slow(Sender):
        async def send(self, item: int) -> str:
            if item:
                await anyio.sleep(0.02)
            return await super().send(item)

    failing = Slow(*range(200))
    first = make(part_size=1)
    with anyio.fail_after(60):
        report = await run(
            failing.send, range(200), key=str, journal=first, job="j", stop_after_failures=3,
            concurrency=1,
        )  # fmt: skip
    assert report.stopped
    assert not report.ok
    # One more may be in flight when the third is recorded.
    assert 3 <= len(failing.calls) <= 4
    # Failures that others recorded count, too.
    slow = Slow()
    with anyio.fail_after(60):
        report = await work(
            slow.send, job="j", journal=make(), stop_after_failures=3, concurrency=1
        )
    assert report.stopped
    assert len(slow.calls) < 150


@pytest.mark.usefixtures("quick_watch")
async def test_progress_is_that_of_the_whole_job(make: Make) -> None:
    reports: list[Report] = []
    in_flight = anyio.Event()

    async def slow(_: int) -> None:
        await in_flight.wait()

    def watch(report: Report) -> None:
        reports.append(report)
        if report.in_flight and report.total is not None:
            in_flight.set()

    with anyio.fail_after(60):
        await run(
            slow, range(12), key=str, journal=make(part_size=2), job="j", concurrency=2,
            progress=watch,
        )  # fmt: skip
    assert {each.total for each in reports} <= {None, 12}
    assert max(each.in_flight for each in reports) > 0
    assert (reports[-1].done, reports[-1].total) == (12, 12)


async def test_an_error_of_the_items_is_raised_when_the_rest_is_done(make: Make) -> None:
    def items() -> Iterator[int]:
        yield from range(5)
        raise LookupError("no more")

    sender = Sender()
    with pytest.raises(LookupError, match="no more"):
        await run(sender.send, items(), key=str, journal=make(), job="j")
    assert sender.items == list(range(5))


async def test_jobs_and_functions_that_do_not_fit_are_rejected_before_anything_is_called(
    make: Make,
) -> None:
    sender = Sender()
    with pytest.raises(StorageError, match="There is no job 'j'"):
        await work(sender.send, job="j", journal=make())
    await run(sender.send, [1], key=str, journal=make(), job="j")

    async def other(_: int) -> None:
        """Another function."""

    rejected = r"function 'Sender\.send', not"
    with pytest.raises(StorageError, match=rejected):
        await work(other, job="j", journal=make())
    with pytest.raises(StorageError, match=rejected):
        await run(other, [2], key=str, journal=make(), job="j")
    journal = make()
    await journal.open("j", "Sender.send")
    with pytest.raises(StorageError, match="in use by another job"):
        await run(sender.send, [2], key=str, journal=journal, job="j")
    assert sender.items == [1]


@pytest.mark.usefixtures("quick_beats", "quick_watch")
async def test_a_short_outage_costs_nothing_and_is_logged_once(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sunco.bulk")
    journal, sender = make(part_size=5), Sender()
    execute = journal._database.run
    outage = {"left": 0}

    async def flaky(work: Any, **options: Any) -> Any:
        if outage["left"]:
            outage["left"] -= 1
            raise UnavailableError("The connection failed.")
        return await execute(work, **options)

    async def send(item: int) -> str:
        if item == 4:
            outage["left"] = 8
        await anyio.sleep(0.01)
        return await sender.send(item)

    monkeypatch.setattr(journal._database, "run", flaky)

    def items() -> Iterator[int]:
        for number in range(30):
            if number == 2:
                outage["left"] = 1
            yield number

    report = await run(send, items(), key=str, journal=journal, job="j", concurrency=2,
                       progress=lambda _: None)  # fmt: skip
    assert outcome(report) == (30, 0, 0, 0, 30)
    assert sender.items == list(range(30))
    levels = [record.levelname for record in caplog.records]
    assert levels[:1] == ["WARNING"]
    assert levels.count("WARNING") <= 1 + levels.count("INFO")


@pytest.mark.usefixtures("quick_beats")
async def test_without_the_database_work_stops_before_the_lease_ends(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal = make()

    async def away(*_: Any, **__: Any) -> Any:
        raise UnavailableError("The connection failed.")

    async def send(_: int) -> None:
        monkeypatch.setattr(journal._database, "run", away)
        while not caplog.records:  # noqa: ASYNC110 - until the outage has been noticed
            await anyio.sleep(0.001)
        monkeypatch.setattr("sunco.bulk.shared.monotonic", lambda: journal.until)
        await anyio.sleep(60)

    with anyio.fail_after(60), pytest.raises(UnavailableError):
        await run(send, [1], key=str, journal=journal, job="j")


@pytest.mark.usefixtures("quick_beats")
async def test_work_stops_before_the_lease_ends_when_the_database_does_not_respond(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make()

    async def send(_: int) -> None:
        # As if nothing came through, and no connection broke.
        monkeypatch.setattr(journal, "renew", anyio.sleep_forever)
        monkeypatch.setattr("sunco.bulk.shared.monotonic", lambda: journal.until - 0.01)
        await anyio.sleep_forever()

    with anyio.fail_after(60), pytest.raises(UnavailableError, match="not responded"):
        await run(send, [1], key=str, journal=journal, job="j")


@pytest.mark.usefixtures("quick_beats")
async def test_a_process_whose_lease_has_ended_stops(make: Make, schema: str) -> None:
    journal = make()

    async def send(_: int) -> None:
        await journal._database.run(
            lambda c: c.execute(f"DELETE FROM {schema}.worker".encode())  # noqa: S608
        )
        await anyio.sleep(60)

    with anyio.fail_after(60), pytest.raises(StorageError, match="lease"):
        await run(send, [1], key=str, journal=journal, job="j")


async def test_a_claim_without_a_lease_is_rejected(make: Make, schema: str) -> None:
    journal = make()
    await journal.open("j", "f")
    await journal._database.run(lambda c: c.execute(f"DELETE FROM {schema}.worker".encode()))  # noqa: S608
    with pytest.raises(StorageError, match="lease"):
        await journal.claim()


async def test_what_needs_postgresql_says_so(make: Make, schema: str) -> None:
    sender = Sender()
    with pytest.raises(ConfigurationError, match="work\\(\\) needs"):
        await work(sender.send, job="j", journal="journal.sqlite")
    for journal in (make(), "postgresql://localhost/app"):
        with pytest.raises(ConfigurationError, match=r"stream\(\) has no outcomes"):
            stream(sender.send, [1], key=str, journal=journal)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="concurrency"):
        await run(sender.send, [1], key=str, journal=make(), concurrency=0)
    assert sender.calls == []
    assert schema


async def test_an_address_is_a_journal() -> None:
    address = f"postgresql://127.0.0.1:{postgres.free_port()}/app"
    with pytest.raises(StorageError, match="cannot be reached"):
        await run(Sender().send, [1], key=str, journal=address)


def test_arguments_of_the_journal() -> None:
    dsn = "postgresql://ada:secret-word@localhost/app"
    wrong: list[dict[str, Any]] = [{"part_size": 0}, {"lease": 0.0}, {"schema": "?"}]
    for options in wrong:
        with pytest.raises(ConfigurationError) as caught:
            PostgresJournal(dsn, **options)
        assert "secret-word" not in str(caught.value)
    journal = PostgresJournal(dsn)
    assert repr(journal) == "PostgresJournal('postgresql://localhost/app')"
    assert repr(pickle.loads(pickle.dumps(journal))) == repr(journal)  # noqa: S301
    assert "not initialized" in repr(PostgresJournal.__new__(PostgresJournal))
