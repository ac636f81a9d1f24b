from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from sunco import ConfigurationError, StorageError
from sunco.webhooks import (
    Claim,
    ClaimLostError,
    EventResult,
    MemoryInbox,
    NewEvent,
    SQLiteInbox,
    WebhookRouter,
)
from sunco.webhooks.inbox import sqlite
from webhooks.support import FakeClock, Platform, bounded, message, sqlite_inbox

pytestmark = pytest.mark.anyio

# As version 1 was written.
VERSION_1 = """
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    identity TEXT NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    content BLOB,
    received REAL NOT NULL,
    changed REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    succeeded TEXT NOT NULL DEFAULT '[]',
    error TEXT
);
CREATE INDEX pending ON events (lane, sequence) WHERE state = 'pending';
CREATE INDEX failed ON events (sequence) WHERE state = 'failed';
CREATE INDEX handled ON events (changed) WHERE state = 'handled';
CREATE TABLE lanes (
    lane TEXT PRIMARY KEY,
    ready REAL NOT NULL,
    held INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX soonest ON lanes (ready);
INSERT INTO events VALUES (3, 'a', 'c1', 'handled', NULL, 10.0, 1599999999.0, 0, '[]', NULL);
INSERT INTO events VALUES (5, 'b', 'c1', 'failed', '{"type":"user:update","id":"b"}', 10.0, 12.0,
    3, '["one"]', 'E: no');
INSERT INTO events VALUES (6, 'c', 'c1', 'pending', '{"type":"user:update","id":"c"}', 10.0, 13.0,
    1, '[]', 'E: not yet');
INSERT INTO events VALUES (7, 'd', 'c2', 'pending', '{"type":"user:update","id":"d"}', 20.0, NULL,
    0, '[]', NULL);
INSERT INTO lanes VALUES ('c1', 99999999999.0, 1);
INSERT INTO lanes VALUES ('c2', 20.0, 0);
PRAGMA user_version = 1;
"""


class Monotonic:
    """A monotonic clock that tests advance."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr(sqlite, "monotonic", clock)
    return clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "inbox.db"


Make = Callable[[], SQLiteInbox]


@pytest.fixture
async def make(path: Path, clock: FakeClock, anyio_backend: str) -> AsyncIterator[Make]:  # noqa: ARG001
    """Makes inboxes on one file, as several processes would."""
    made: list[SQLiteInbox] = []

    def make() -> SQLiteInbox:
        made.append(sqlite_inbox(path, clock))
        return made[-1]

    yield make
    for each in made:
        await each.close()


def new(key: str, ordering_key: str = "c1") -> NewEvent:
    content = b'{"type":"user:update","id":"x","payload":{}}'
    return NewEvent(key=key, ordering_key=ordering_key, content=content)


def query(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("synchronous", ["full", "normal"])
async def test_what_is_stored_is_there_for_the_next_process(path: Path, synchronous: Any) -> None:
    for attempt in (1, 2):
        inbox = SQLiteInbox(str(path), synchronous=synchronous)
        await inbox.open()
        await inbox.open()
        await inbox.add([new("e1")])
        (claim,) = await inbox.claim(10)
        assert [(event.key, event.attempts) for event in claim.events] == [("e1", attempt)]
        assert repr(inbox) == f"SQLiteInbox({str(path)!r})"
        await inbox.close()
        await inbox.close()


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": ":memory:"},
        {"path": ""},
        {"path": "a", "synchronous": "off"},
        {"path": "a", "lease": 0},
        {"path": "a", "lease": float("nan")},
    ],
)
def test_arguments_that_cannot_work_are_rejected(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        SQLiteInbox(**arguments)


async def test_a_closed_inbox_cannot_be_used(path: Path) -> None:
    inbox = SQLiteInbox(path)
    with pytest.raises(StorageError, match="is not open"):
        await inbox.add([new("e1")])


async def test_an_inbox_of_version_1_is_migrated(path: Path, make: Make) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
    inbox = make()
    await inbox.open()
    await inbox.add([new("a"), new("b"), new("e")])
    claims = {claim.ordering_key: claim for claim in await inbox.claim(10)}
    assert [(e.key, e.attempts, e.repeated) for e in claims["c1"].events] == [
        ("c", 2, True),
        ("e", 0, False),
    ]
    assert [(e.key, e.attempts, e.repeated) for e in claims["c2"].events] == [("d", 1, False)]
    assert claims["c1"].events[0].read().id == "c"
    (failed,) = await inbox.failed()
    assert (failed.key, failed.attempts, failed.error) == ("b", 3, "E: no")
    assert (failed.received, failed.failed) == (10.0, 12.0)
    stats = await inbox.stats()
    assert (stats.pending, stats.failed, stats.handled) == (3, 1, 1)


async def test_a_journal_is_not_an_inbox(path: Path, make: Make) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 0x53554E43")
    with pytest.raises(StorageError, match="no sunco inbox"):
        await make().open()


async def test_a_second_inbox_in_the_process_loses_no_events(path: Path, make: Make) -> None:
    """Issue 12, row 2: opening a second one for `stats()` dropped the locks of the first."""
    inbox = make()
    await inbox.open()
    await inbox.add([new("e0")])
    second = make()
    await second.open(handles=False)
    assert (await second.stats()).pending == 1
    await second.close()
    # Another process opens and closes the file.
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) "
    program += "FROM event').fetchone(); c.close()"
    await anyio.run_process(["python", "-c", program, str(path)])
    await inbox.add([new(f"e{number}") for number in range(1, 6)])
    await inbox.close()
    assert query(path, "SELECT count(*) FROM event") == [(6,)]


async def test_an_error_that_cannot_be_stored_costs_nothing_else(make: Make) -> None:
    """Issue 12, row 5: half an emoji in an error failed all that shared its transaction."""
    inbox = make()
    await inbox.open()
    await inbox.add([new(f"e{number}", f"c{number}") for number in range(4)])
    claims = await inbox.claim(10)

    async def record(number: int) -> None:
        key = claims[number].events[0].key
        error = "ValueError: not an order: half \ud83d" if number == 1 else None
        status: Any = "failed" if number == 1 else "handled"
        result = EventResult(key=key, status=status, attempts=1, error=error)
        await inbox.record(claims[number], [result])

    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(record, number)
    stats = await inbox.stats()
    assert (stats.pending, stats.failed, stats.handled) == (0, 1, 3)
    (failed,) = await inbox.failed()
    assert failed.error == "ValueError: not an order: half \\ud83d"


async def test_state_that_cannot_be_stored_costs_only_its_own_results(make: Make) -> None:
    inbox = make()
    await inbox.open()
    await inbox.add([new("e1"), new("f1", "c2")])
    first, second = await inbox.claim(10)
    outcomes: list[bool] = []

    async def record(claim: Any, state: Any) -> None:
        result = EventResult(key=claim.events[0].key, status="handled", attempts=1)
        try:
            await inbox.record(claim, [result], state=state)
        except StorageError:
            outcomes.append(False)
        else:
            outcomes.append(True)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(record, first, {"not JSON": object()})
        tasks.start_soon(record, second, {"half": "\ud83d"})
    assert sorted(outcomes) == [False, True]
    assert (await inbox.stats()).handled == 1


async def test_nothing_depends_on_a_file_of_a_leader(path: Path, make: Make) -> None:
    """Issue 12, row 9: with a leader file that is deleted or not writable, all or none led."""
    path.with_name("inbox.db-leader").mkdir()
    first, second = make(), make()
    await first.open()
    await second.open()
    await first.add([new(f"e{number}", f"c{number}") for number in range(6)])
    keys = [
        claim.ordering_key for inbox in (first, second, first) for claim in await inbox.claim(2)
    ]
    assert sorted(keys) == [f"c{number}" for number in range(6)]


async def test_a_clock_set_back_by_an_hour_silences_no_ordering_key(
    make: Make, clock: FakeClock
) -> None:
    """Issue 12, row 10: ordering keys were silent for the hour."""
    inbox = make()
    await inbox.open()
    await inbox.add([new("e1"), new("f1", "c2")])
    for claim in await inbox.claim(10):
        await inbox.release(claim, delay=300, blocked=claim.ordering_key == "c1", drained=False)
    assert await inbox.claim(10) == []
    clock.time -= 3600
    clock.time += 300
    assert len(await inbox.claim(10)) == 2


class RunningClock(FakeClock):
    """A clock that is later each time."""

    def now(self) -> float:
        self.time += 1
        return self.time


async def test_a_job_sees_no_time_of_an_earlier_job_in_the_future(path: Path) -> None:
    inbox = SQLiteInbox(path, clock=RunningClock())
    await inbox.open()
    await inbox.add([new("e1")])
    (claim,) = await inbox.claim(10)
    found: list[Any] = []

    async def release() -> None:
        await inbox.release(claim, delay=50, drained=False)

    async def claim_again() -> None:
        found.extend(await inbox.claim(10))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(release)
        tasks.start_soon(claim_again)
    assert found == []
    await inbox.close()


async def test_a_frozen_process_is_fenced_off_after_its_lease(
    make: Make, monotonic: Monotonic
) -> None:
    """Issue 12, row 11: while a process that led was stopped, nothing was processed."""
    frozen, other = make(), make()
    await frozen.open()
    await other.open()
    await frozen.add([new("e1")])
    (lost,) = await frozen.claim(10)
    assert lost.until == await frozen.holds(lost) == 1000 + 15 * 0.8
    monotonic.time += 10
    assert await other.claim(10) == []
    monotonic.time += 10
    # The other process has seen the last beat for 10 s only.
    assert await other.claim(10) == []
    with pytest.raises(ClaimLostError):
        await frozen.holds(lost)
    monotonic.time += 6
    (taken,) = await other.claim(10)
    assert taken.events[0].attempts == 2
    with pytest.raises(ClaimLostError, match="its lease expired"):
        await frozen.record(lost, [EventResult(key="e1", status="handled", attempts=1)])
    await frozen.release(lost, drained=True)
    await other.record(taken, [EventResult(key="e1", status="handled", attempts=2)])


async def test_a_heartbeat_keeps_claims_and_notices_that_they_are_lost(
    path: Path, make: Make, monotonic: Monotonic, clock: FakeClock
) -> None:
    inbox, other = make(), make()
    await inbox.open()
    await other.open()
    await inbox.add([new("e1")])
    (claim,) = await inbox.claim(10)

    async def beat() -> None:
        beats = query(path, "SELECT sum(beat) FROM worker")
        monotonic.time += 5
        await clock.advance(5)
        with anyio.fail_after(60):
            while query(path, "SELECT sum(beat) FROM worker") == beats:  # noqa: ASYNC110
                await anyio.sleep(0.001)
        await anyio.wait_all_tasks_blocked()

    with bounded():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(inbox.heartbeat)
            await anyio.wait_all_tasks_blocked()
            for _ in range(5):
                await beat()
                assert await other.claim(10) == []
                assert await inbox.holds(claim) == monotonic.time + 12
            tasks.cancel_scope.cancel()
        monotonic.time += 20
        (taken,) = await other.claim(10)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(inbox.heartbeat)
            await anyio.wait_all_tasks_blocked()
            await clock.advance(5)
            with anyio.fail_after(60):
                while (  # noqa: ASYNC110 - a thread sends no event
                    inbox._until > 0  # pyright: ignore[reportPrivateUsage]
                ):
                    await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()
        with pytest.raises(ClaimLostError):
            await inbox.holds(claim)
        await other.holds(taken)


async def test_an_empty_ordering_key_takes_no_place_in_a_claim(make: Make) -> None:
    inbox = make()
    await inbox.open()
    await inbox.add([new("e1", "c1"), new("e2", "c2")])
    (claim,) = await inbox.claim(1)
    assert claim.ordering_key == "c1"
    await inbox.record(claim, [EventResult(key="e1", status="handled", attempts=1)])
    await inbox.release(claim, drained=False)
    (claim,) = await inbox.claim(1)
    assert claim.ordering_key == "c2"


async def test_a_heartbeat_before_the_first_claim_renews_nothing(
    make: Make, clock: FakeClock, path: Path
) -> None:
    inbox = make()
    await inbox.open()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(inbox.heartbeat)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(5)
        await inbox.stats()
        tasks.cancel_scope.cancel()
    assert query(path, "SELECT * FROM worker") == []


async def test_a_heartbeat_of_a_worker_that_was_replaced_meanwhile_changes_no_lease(
    make: Make, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = make()
    await inbox.open()
    beaten = threading.Event()

    def beat(*_: object, worker: int | None) -> bool:
        inbox._worker = (worker or 0) + 1  # pyright: ignore[reportPrivateUsage]
        beaten.set()
        return True

    monkeypatch.setattr(inbox, "_beat", beat)
    before = inbox._until  # pyright: ignore[reportPrivateUsage]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(inbox.heartbeat)
        await anyio.wait_all_tasks_blocked()
        await clock.advance(5)
        await anyio.to_thread.run_sync(beaten.wait)
        # Operations are executed in order: the heartbeat's result has arrived after this one's.
        await inbox.stats()
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert inbox._until == before  # pyright: ignore[reportPrivateUsage]


async def test_a_process_that_has_lost_its_lease_gets_a_new_one(
    make: Make, monotonic: Monotonic, path: Path
) -> None:
    first, second = make(), make()
    await first.open()
    await second.open()
    await first.add([new("e1")])
    (old,) = await first.claim(10)
    await second.claim(10)
    monotonic.time += 16
    (taken,) = await second.claim(10)
    await second.release(taken, drained=False)
    (mine,) = await first.claim(10)
    assert mine.owner != old.owner
    assert len(query(path, "SELECT * FROM worker")) == 2
    await first.holds(mine)
    with pytest.raises(ClaimLostError):
        await first.holds(old)


async def test_claims_of_a_cancelled_call_are_released_by_the_next_one(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = make()
    await inbox.open()
    await inbox.add([new("e1")])
    database = inbox._database  # pyright: ignore[reportPrivateUsage]
    run = database.run

    async def run_and_be_cancelled(*args: Any, **options: Any) -> Any:
        await run(*args, **options)
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(database, "run", run_and_be_cancelled)
        with pytest.raises(ZeroDivisionError):
            await inbox.claim(10)
    (claim,) = await inbox.claim(10)
    assert claim.events[0].attempts == 2
    await inbox.holds(claim)


async def test_an_inbox_that_cannot_be_written_is_closed_all_the_same(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sunco._storage.database._BUSY_TIMEOUT", 0.0)
    inbox = SQLiteInbox(path, clock=clock)
    await inbox.open()
    await inbox.add([new("e1")])
    await inbox.claim(10)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await inbox.close()
        other.execute("ROLLBACK")
    with pytest.raises(StorageError, match="is not open"):
        await inbox.stats()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_handled_events_are_known_for_an_hour(
    kind: str, path: Path, clock: FakeClock, monotonic: Monotonic
) -> None:
    inbox = MemoryInbox(clock=clock) if kind == "memory" else SQLiteInbox(path, clock=clock)
    await inbox.open()
    await inbox.add([new("e1")])
    (claim,) = await inbox.claim(10)
    await inbox.record(claim, [EventResult(key="e1", status="handled", attempts=1)])
    await inbox.release(claim, drained=True)
    for seconds, known in ((3500, True), (101, False)):
        clock.time += seconds
        monotonic.time += 2
        await inbox.claim(10)
        await inbox.add([new("e1")])
        assert ((await inbox.stats()).pending == 0) is known
    await inbox.close()


async def test_an_ordering_key_without_pending_events_is_not_claimed(
    path: Path, make: Make
) -> None:
    inbox = make()
    await inbox.open()
    await inbox.add([new("e1")])
    await inbox.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM event")
        connection.commit()
    await inbox.open()
    assert await inbox.claim(10) == []
    assert await inbox.next_due() is None


async def test_what_is_purged_or_discarded_is_in_no_file(make: Make, path: Path) -> None:
    def found() -> bool:
        return any(b"my secret" in each.read_bytes() for each in path.parent.iterdir())

    inbox = make()
    await inbox.open()
    for key in ("e1", "e2"):
        content = b'{"type":"user:update","id":"x","payload":{"text":"my secret"}}'
        await inbox.add([NewEvent(key=key, ordering_key="c1", content=content)])
        (claim,) = await inbox.claim(10)
        await inbox.record(claim, [EventResult(key=key, status="failed", attempts=1)])
        await inbox.release(claim, drained=True)
        assert found()
        assert await (inbox.discard("e1") if key == "e1" else inbox.purge(older_than=0))
        assert not found()


async def test_two_processes_process_one_inbox_in_parallel(path: Path) -> None:
    routers = [WebhookRouter("s" * 32, inbox=SQLiteInbox(path)) for _ in range(2)]
    begun: list[list[str | None]] = [[], []]
    all_begun = anyio.Event()

    for router, keys in zip(routers, begun, strict=True):

        @router.on("conversation:message")
        async def handle(event: Any, keys: list[str | None] = keys) -> None:
            keys.append(event.id)
            if sum(map(len, begun)) == 40:
                all_begun.set()
            await all_begun.wait()

    with bounded():
        async with routers[0].running(), routers[1].running():
            await Platform(routers[0], "s" * 32).post(
                *(message(f"e{number}", f"c{number}") for number in range(40))
            )
            await routers[0].drain()
    assert sorted(map(str, [*begun[0], *begun[1]])) == sorted(f"e{n}" for n in range(40))


async def test_a_claim_of_a_call_that_is_cancelled_while_another_returns_is_given_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = SQLiteInbox(path, synchronous="normal")
    await inbox.open()
    await inbox.add([new("e1")])
    made = list(await inbox.claim(1))
    cancelled: list[Claim] = []
    # Of an earlier call, whose job was dropped.
    inbox._abandoned = [[]]  # pyright: ignore[reportPrivateUsage]
    run = inbox._run  # pyright: ignore[reportPrivateUsage]

    async def cancelled_meanwhile(work: Any) -> Any:
        result = await run(work)
        inbox._abandoned.append(cancelled)  # pyright: ignore[reportPrivateUsage]
        return result

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "_run", cancelled_meanwhile)
        assert await inbox.claim(1) == []
    # Its job ends only now.
    cancelled.extend(made)
    assert [claim.ordering_key for claim in await inbox.claim(1)] == [made[0].ordering_key]
    await inbox.close()
