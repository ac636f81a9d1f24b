"""The PostgreSQL inbox: each rule drives two connections into the race that it is about."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, TypeAlias

import anyio
import anyio.to_thread
import pytest
from support import postgres

from sunco._storage import UnavailableError
from sunco.errors import StorageError
from sunco.webhooks import PostgresInbox, WebhookRouter
from sunco.webhooks.inbox.base import Claim, ClaimLostError, EventResult, NewEvent
from sunco.webhooks.inbox.postgres import _Listener

pytestmark = pytest.mark.anyio

Make: TypeAlias = Callable[..., PostgresInbox]

MODULE = "sunco.webhooks.inbox.postgres"


@pytest.fixture
async def make(schema: str) -> AsyncIterator[Make]:
    """Inboxes on one schema, each with connections of its own, as those of several processes."""
    made: list[PostgresInbox] = []

    def inbox(**options: Any) -> PostgresInbox:
        made.append(PostgresInbox(postgres.dsn(), schema=schema, **options))
        return made[-1]

    yield inbox
    for each in made:
        await each.close()


@pytest.fixture
async def inbox(make: Make) -> PostgresInbox:
    opened = make()
    await opened.open()
    return opened


@pytest.fixture
def other(schema: str, inbox: PostgresInbox) -> Iterator[Any]:
    """A connection of another process, in transactions that the test commits."""
    import psycopg  # noqa: PLC0415 - an extra

    del inbox
    with psycopg.connect(postgres.dsn(), options=f"-c search_path={schema}") as connection:
        yield connection


@pytest.fixture
def skip(other: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass at once: for the processes, and for their leases in the database."""
    skipped = [0.0]
    monkeypatch.setattr(f"{MODULE}.monotonic", lambda: time.monotonic() + skipped[0])

    def skip(seconds: float) -> None:
        other.execute("UPDATE worker SET until = until - make_interval(secs => %s)", (seconds,))
        other.commit()
        skipped[0] += seconds

    return skip


@pytest.fixture
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The heartbeat looks at leases all the time."""
    monkeypatch.setattr(f"{MODULE}._REAP_INTERVAL", 0.01)


def event(key: str, ordering_key: str = "k") -> NewEvent:
    content = b'{"type": "user:merge", "id": "%s"}' % key.encode()
    return NewEvent(key=key, ordering_key=ordering_key, content=content)


def handled(*keys: str) -> list[EventResult]:
    return [EventResult(key=key, status="handled", attempts=1) for key in keys]


def add_by(connection: Any, rows: str) -> None:
    connection.execute("SELECT add_events('default', %s)", (rows,))


async def keys_of(inbox: PostgresInbox) -> list[list[str]]:
    return [[event.key for event in claim.events] for claim in await inbox.claim(10)]


async def only(inbox: PostgresInbox) -> Claim:
    (claim,) = await inbox.claim(10)
    return claim


@asynccontextmanager
async def beating(*inboxes: PostgresInbox) -> AsyncGenerator[None]:
    async with anyio.create_task_group() as tasks:
        for inbox in inboxes:
            tasks.start_soon(inbox.heartbeat)
        yield
        tasks.cancel_scope.cancel()


async def found(connection: Any, query: str, *arguments: object) -> Any:
    """Wait until a query of another process's state has a row; returns its first column."""
    with anyio.fail_after(60):
        while (row := connection.execute(query, arguments).fetchone()) is None:  # noqa: ASYNC110
            await anyio.sleep(0.005)
    return row[0]


async def blocked(connection: Any) -> None:
    """Wait until a transaction waits for a lock of a connection's."""
    own = connection.info.backend_pid
    await found(connection, "SELECT pid FROM pg_locks WHERE %s = ANY (pg_blocking_pids(pid))", own)


async def blocked_until(connection: Any, task: Callable[[], Any]) -> None:
    """Start a task that waits for a lock of a connection's transaction, then commit that."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(task)
        await blocked(connection)
        connection.commit()


async def listening(connection: Any, inbox: PostgresInbox, before: int = 0) -> int:
    """Wait until an inbox listens; returns the id of the connection's process."""
    # The statistics of a transaction are read once.
    connection.autocommit = True
    query = "SELECT pid FROM pg_stat_activity WHERE query = %s AND state = 'idle' AND pid <> %s"
    return int(await found(connection, query, f"LISTEN {inbox._channel}", before))


def leases_end_later(connection: Any) -> bool:
    query = "SELECT bool_and(until > clock_timestamp()) FROM worker"
    (later,) = connection.execute(query).fetchone()
    return bool(later)


class TestStoring:
    async def test_events_of_a_key_are_ordered_by_commit(
        self, inbox: PostgresInbox, other: Any
    ) -> None:
        add_by(other, '[["1", "k", ""]]')
        # Waits for the row of the ordering key, although its sequence could be taken at once.
        await blocked_until(other, lambda: inbox.add([event("2")]))
        assert await keys_of(inbox) == [["1", "2"]]

    async def test_deliveries_that_cross_do_not_deadlock(self, make: Make) -> None:
        one, two = make(), make()
        await one.open()
        await two.open()

        async def store(inbox: PostgresInbox, name: str, keys: list[str]) -> None:
            for number in range(30):
                await inbox.add([event(f"{name}{number}{key}", key) for key in keys])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(store, one, "a", ["x", "y", "z"])
            tasks.start_soon(store, two, "b", ["z", "y", "x"])
        assert (await one.stats()).pending == 180

    async def test_known_events_are_ignored_also_within_a_delivery(
        self, inbox: PostgresInbox
    ) -> None:
        await inbox.add([event("1"), event("1"), event("2")])
        await inbox.add([event("2"), event("3")])
        await inbox.add([])
        assert await keys_of(inbox) == [["1", "2", "3"]]

    async def test_deliveries_that_arrive_together_share_transactions(
        self, inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run, transactions = inbox._database.run, list[int]()

        async def counted(work: Any, **options: Any) -> Any:
            transactions.append(1)
            return await run(work, **options)

        monkeypatch.setattr(inbox._database, "run", counted)
        async with anyio.create_task_group() as tasks:
            for number in range(50):
                tasks.start_soon(inbox.add, [event(str(number), str(number % 7))])
        assert len(transactions) <= 3
        assert (await inbox.stats()).pending == 50

    async def test_text_that_postgresql_cannot_hold_is_escaped(self, inbox: PostgresInbox) -> None:
        await inbox.add([event("nul", "\0 \ud83d")])
        claim = await only(inbox)
        failed = EventResult(key="nul", status="failed", attempts=1, error="\0 \ud83d")
        await inbox.record(claim, [failed], state={"half": "\ud83d", "nul": "\0"})
        await inbox.release(claim, drained=True)
        assert [each.error for each in await inbox.failed()] == ["\\0 \\ud83d"]
        assert await inbox.retry("nul")
        assert (await only(inbox)).state == {"half": "\ud83d", "nul": "\0"}

    async def test_content_is_returned_as_it_was_stored(self, inbox: PostgresInbox) -> None:
        content = bytes(range(256))
        await inbox.add([NewEvent(key="1", ordering_key="k", content=content)])
        assert (await only(inbox)).events[0].content == content


class TestParking:
    async def test_an_event_stored_while_its_key_is_drained_is_not_stranded(
        self, inbox: PostgresInbox, other: Any
    ) -> None:
        await inbox.add([event("1")])
        claim = await only(inbox)
        await inbox.record(claim, handled("1"))
        add_by(other, '[["2", "k", ""]]')
        await blocked_until(other, lambda: inbox.release(claim, drained=True))
        assert await inbox.next_due() == 0
        assert await keys_of(inbox) == [["2"]]

    async def test_a_drained_key_is_parked_and_its_state_kept(self, inbox: PostgresInbox) -> None:
        await inbox.add([event("1")])
        claim = await only(inbox)
        await inbox.record(claim, handled("1"), state={"step": 2})
        await inbox.release(claim, drained=True)
        assert await inbox.next_due() is None
        assert await inbox.claim(10) == []
        await inbox.add([event("2")])
        assert (await only(inbox)).state == {"step": 2}

    async def test_a_key_without_pending_events_is_parked_when_claimed(
        self, inbox: PostgresInbox
    ) -> None:
        await inbox.add([event("1")])
        claim = await only(inbox)
        await inbox.record(claim, handled("1"))
        await inbox.release(claim, drained=False)
        assert await inbox.claim(10) == []
        assert await inbox.next_due() is None

    async def test_the_janitor_never_deletes_a_key_that_gets_an_event(
        self, inbox: PostgresInbox, other: Any
    ) -> None:
        await inbox.add([event("1")])
        claim = await only(inbox)
        await inbox.record(claim, handled("1"))
        await inbox.release(claim, drained=True)
        other.execute("UPDATE queue SET changed = changed - interval '1 hour'")
        other.commit()
        add_by(other, '[["2", "k", ""]]')
        await blocked_until(other, lambda: inbox._database.run(inbox._forget))
        assert await keys_of(inbox) == [["2"]]

    async def test_the_janitor_forgets_handled_events_and_parked_keys_without_state(
        self, make: Make, other: Any
    ) -> None:
        inbox = make(dedup_ttl=0.0)
        await inbox.open()
        await inbox.add([event("1", "a"), event("2", "b")])
        for claim in await inbox.claim(10):
            state = {"kept": True} if claim.ordering_key == "b" else None
            await inbox.record(claim, handled(claim.events[0].key), state=state)
            await inbox.release(claim, drained=True)
        other.execute("UPDATE queue SET changed = changed - interval '1 hour'")
        other.commit()
        await inbox._database.run(inbox._forget)
        assert (await inbox.stats()).handled == 0
        assert other.execute("SELECT ordering_key FROM queue").fetchall() == [("b",)]


class TestClaiming:
    async def test_two_workers_never_claim_the_same_key(self, make: Make) -> None:
        inboxes = [make() for _ in range(4)]
        for inbox in inboxes:
            await inbox.open()
        await inboxes[0].add([event(str(number), str(number)) for number in range(200)])
        claimed: list[str] = []

        async def claim(inbox: PostgresInbox) -> None:
            while claims := await inbox.claim(7):
                claimed.extend(claim.ordering_key for claim in claims)

        async with anyio.create_task_group() as tasks:
            for inbox in inboxes:
                tasks.start_soon(claim, inbox)
        assert sorted(claimed, key=int) == [str(number) for number in range(200)]

    async def test_a_key_that_is_locked_is_skipped_not_waited_for(
        self, inbox: PostgresInbox, other: Any
    ) -> None:
        await inbox.add([event("1", "a"), event("2", "b")])
        add_by(other, '[["3", "a", ""]]')
        assert await keys_of(inbox) == [["2"]]
        other.commit()
        # What was committed before the key was locked is seen.
        assert await keys_of(inbox) == [["1", "3"]]

    async def test_an_event_stored_while_its_key_is_claimed_is_not_overlooked(
        self, make: Make, inbox: PostgresInbox
    ) -> None:
        web = make()
        await web.open(handles=False)
        seen: list[str] = []

        async def process() -> None:
            for claim in await inbox.claim(10):
                keys = [each.key for each in claim.events]
                seen.extend(keys)
                await inbox.record(claim, handled(*keys))
                await inbox.release(claim, drained=True)

        for number in range(40):
            await web.add([event(f"{number}a")])
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(process)
                tasks.start_soon(web.add, [event(f"{number}b")])
            # The second one is in the claim, or has made the key ready again.
            while await inbox.next_due() is not None:
                await process()
        assert seen == [f"{number}{letter}" for number in range(40) for letter in "ab"]

    async def test_a_worker_that_is_reaped_while_it_claims_gets_nothing(
        self, make: Make, inbox: PostgresInbox, other: Any
    ) -> None:
        await inbox.add([event("1")])
        claims: list[Claim] = []

        async def claim() -> None:
            claims.extend(await inbox.claim(10))

        other.execute("DELETE FROM worker")
        await blocked_until(other, claim)
        assert claims == []
        second = make()
        await second.open()
        assert await keys_of(second) == [["1"]]

    async def test_a_worker_is_not_reaped_between_its_claim_and_the_commit(
        self, make: Make, inbox: PostgresInbox, other: Any
    ) -> None:
        dead = make()
        await dead.open()
        await inbox.add([event("1")])
        # It claims, and its lease ends before the transaction does.
        arguments = ("default", dead._worker, 10, 10)
        other.execute("SELECT * FROM claim_queues(%s, %s, %s, %s)", arguments)

        async def reap() -> None:
            await inbox._database.run(
                lambda c: c.execute(
                    inbox._sql("UPDATE {schema}.worker SET until = now() WHERE id = %s"),
                    (dead._worker,),
                )
            )
            await inbox._database.run(
                lambda c: c.execute(inbox._sql("SELECT {schema}.free_queues()"))
            )

        await blocked_until(other, reap)
        assert await keys_of(inbox) == [["1"]]

    async def test_the_attempt_is_recorded_before_the_claim_is_returned(
        self, make: Make, inbox: PostgresInbox
    ) -> None:
        await inbox.add([event("1"), event("2")])
        claim = await only(inbox)
        assert [each.attempts for each in claim.events] == [1, 0]
        await inbox.record(claim, handled("1"), starting=["2"])
        await inbox.release(claim, drained=False)
        second = make()
        await second.open()
        again = await only(second)
        assert [(each.key, each.attempts) for each in again.events] == [("2", 2)]
        assert again.fence == claim.fence + 1

    async def test_claims_whose_response_was_lost_are_given_back(
        self, inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await inbox.add([event("1", "a"), event("2", "b")])
        (held,) = await inbox.claim(1)
        run = inbox._database.run

        async def lost(work: Any, **options: Any) -> Any:
            await run(work, **options)
            raise StorageError("The connection broke before the response.")

        with monkeypatch.context() as patched:
            patched.setattr(inbox._database, "run", lost)
            with pytest.raises(StorageError):
                await inbox.claim(10)
        assert await keys_of(inbox) == [["2"]]
        assert await inbox.holds(held)

    async def test_claims_of_a_call_that_was_cancelled_are_given_back(
        self, inbox: PostgresInbox, other: Any
    ) -> None:
        await inbox.add([event("1")])
        # Holds up the claim until it has been cancelled.
        other.execute("LOCK TABLE worker IN ACCESS EXCLUSIVE MODE")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(inbox.claim, 10)
            await blocked(other)
            tasks.cancel_scope.cancel()
        other.commit()
        assert await keys_of(inbox) == [["1"]]

    async def test_a_cancelled_call_whose_thread_begins_late_leaves_later_claims_alone(
        self, inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await inbox.add([event("1", "a"), event("2", "b")])
        run, calls = inbox._database.run, count()
        begun, claimed, ended = threading.Event(), threading.Event(), threading.Event()

        async def in_order(work: Callable[[Any], Any], **options: Any) -> Any:
            def first(connection: Any) -> Any:
                begun.set()
                assert claimed.wait(30)
                try:
                    return work(connection)
                finally:
                    ended.set()

            def second(connection: Any) -> Any:
                rows = work(connection)
                claimed.set()
                assert ended.wait(30)
                return rows

            return await run(first if next(calls) == 0 else second, **options)

        with monkeypatch.context() as patched:
            patched.setattr(inbox._database, "run", in_order)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(inbox.claim, 1)
                await anyio.to_thread.run_sync(begun.wait, 30)
                tasks.cancel_scope.cancel()
            claims = await inbox.claim(10)
        for claim in claims:
            await inbox.release(claim, drained=False)
        assert sorted(await keys_of(inbox)) == [["1"], ["2"]]

    async def test_limits(self, inbox: PostgresInbox) -> None:
        await inbox.add([event(str(number), "ab"[number % 2]) for number in range(10)])
        (claim,) = await inbox.claim(1, events=3)
        assert [each.key for each in claim.events] == ["0", "2", "4"]

    async def test_delays_and_blocking(self, inbox: PostgresInbox) -> None:
        await inbox.add([event("1", "later"), event("2", "blocked")])
        for claim in await inbox.claim(10):
            blocked = claim.ordering_key == "blocked"
            await inbox.release(claim, delay=60, blocked=blocked, drained=False)
        due = await inbox.next_due()
        assert due is not None
        assert 50 < due <= 60
        await inbox.add([event("3", "later"), event("4", "blocked")])
        assert await keys_of(inbox) == [["1", "3"]]

    async def test_an_event_stored_meanwhile_makes_a_delayed_key_ready(
        self, inbox: PostgresInbox
    ) -> None:
        await inbox.add([event("1")])
        claim = await only(inbox)
        await inbox.add([event("2")])
        await inbox.release(claim, delay=60, drained=False)
        assert await keys_of(inbox) == [["1", "2"]]

    async def test_a_clock_that_is_set_back_delays_nothing(
        self, inbox: PostgresInbox, other: Any
    ) -> None:
        await inbox.add([event("1")])
        await inbox.release(await only(inbox), delay=5, drained=False)
        other.execute("UPDATE queue SET ready = ready + interval '1 h', changed = now() + '1 h'")
        other.execute("UPDATE worker SET until = until + interval '1 hour'")
        other.commit()
        await inbox._database.run(lambda c: c.execute(inbox._sql("SELECT {schema}.free_queues()")))
        assert await keys_of(inbox) == [["1"]]
        left = other.execute("SELECT max(until) - now() < interval '16 s' FROM worker").fetchone()
        assert left == (True,)


class TestLeases:
    @pytest.mark.usefixtures("quick_beats")
    async def test_the_keys_of_a_dead_process_are_free_when_its_lease_ends(
        self, make: Make, inbox: PostgresInbox, skip: Callable[[float], None]
    ) -> None:
        dead = make(lease=5.0)
        await dead.open()
        await inbox.add([event("1"), event("2")])
        claim = await only(dead)
        assert await inbox.claim(10) == []
        skip(5.0)
        async with beating(inbox):
            with anyio.fail_after(60):
                while not (claims := await inbox.claim(10)):  # noqa: ASYNC110 - as above
                    await anyio.sleep(0.005)
        (again,) = claims
        assert [each.attempts for each in again.events] == [2, 0]
        for operation in (dead.record(claim, handled("1")), dead.holds(claim)):
            with pytest.raises(ClaimLostError):
                await operation
        await dead.release(claim, drained=True)
        await inbox.record(again, handled("1"))

    async def test_results_of_a_fenced_off_process_change_nothing(
        self, make: Make, inbox: PostgresInbox, other: Any
    ) -> None:
        frozen = make()
        await frozen.open()
        await inbox.add([event("1")])
        stale = await only(frozen)
        # Its lease ends while it does not run, so that it does not know.
        other.execute("UPDATE worker SET until = now() - interval '1 s' WHERE id = %s",
                      (stale.owner,))  # fmt: skip
        other.commit()
        await inbox._database.run(lambda c: c.execute(inbox._sql("SELECT {schema}.free_queues()")))
        claim = await only(inbox)
        with pytest.raises(ClaimLostError):
            await frozen.record(stale, handled("1"), state={"by": "frozen"})
        await frozen.release(stale, drained=True)
        assert await inbox.holds(claim)
        await inbox.record(claim, handled("1"))
        assert (await inbox.stats()).handled == 1
        # It can go on as another worker.
        await inbox.release(claim, drained=True)
        await inbox.add([event("2")])
        assert await frozen.claim(10) == []
        assert await keys_of(frozen) == [["2"]]

    @pytest.mark.usefixtures("quick_beats")
    async def test_the_heartbeat_renews_the_lease(
        self, inbox: PostgresInbox, other: Any, skip: Callable[[float], None]
    ) -> None:
        await inbox.add([event("1")])
        claim = await only(inbox)
        async with beating(inbox):
            await listening(other, inbox)
            skip(inbox._lease / 3)
            with anyio.fail_after(60):
                while await inbox.holds(claim) <= claim.until:  # noqa: ASYNC110 - as above
                    await anyio.sleep(0.005)
            await inbox.record(claim, handled("1"))

    @pytest.mark.usefixtures("quick_beats")
    async def test_a_process_that_cannot_renew_stops_holding_before_the_lease_ends(
        self,
        inbox: PostgresInbox,
        other: Any,
        skip: Callable[[float], None],
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        caplog.set_level(logging.INFO, "sunco.webhooks")
        await inbox.add([event("1")])
        claim = await only(inbox)
        beat = anyio.Event()

        async def unreachable(*_: object, **__: object) -> Any:
            beat.set()
            raise StorageError("unreachable")

        async with beating(inbox):
            await listening(other, inbox)
            with monkeypatch.context() as patched:
                patched.setattr(inbox._database, "run", unreachable)
                skip(claim.until - time.monotonic())
                await beat.wait()
                with pytest.raises(ClaimLostError):
                    await inbox.holds(claim)
                with pytest.raises(ClaimLostError):
                    await inbox.record(claim, handled("1"))
                assert leases_end_later(other)
                skip(inbox._lease)
            with anyio.fail_after(60):
                while not await inbox.claim(1):  # noqa: ASYNC110 - as above
                    await anyio.sleep(0.005)
        levels = [record.levelname for record in caplog.records]
        assert levels == ["WARNING", "INFO"]

    @pytest.mark.usefixtures("quick_beats")
    async def test_handlers_of_a_process_that_is_cut_off_end_before_others_begin(
        self,
        make: Make,
        other: Any,
        skip: Callable[[float], None],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("sunco.webhooks.processing.worker._POLL_INTERVAL", 0.01)
        story: list[str] = []
        begun, ended, finished = anyio.Event(), anyio.Event(), anyio.Event()
        first, second = make(lease=5.0), make()
        cut_off = WebhookRouter("secret", inbox=first)
        healthy = WebhookRouter("secret", inbox=second)

        @cut_off.on()
        async def hang(_: Any) -> None:
            story.append("begun")
            begun.set()
            try:
                await anyio.sleep_forever()
            finally:
                story.append("ended")
                ended.set()

        @healthy.on()
        async def handle(_: Any) -> None:
            story.append("begun elsewhere")
            finished.set()

        async def unreachable(*_: object, **__: object) -> Any:
            raise UnavailableError("unreachable")

        with anyio.fail_after(60):
            async with cut_off.running():
                await first.add([event("1")])
                await begun.wait()
                async with healthy.running():
                    with monkeypatch.context() as patched:
                        patched.setattr(first._database, "run", unreachable)
                        skip(first._until - time.monotonic())
                        await ended.wait()
                        assert leases_end_later(other)
                        skip(first._lease / 5)
                        await finished.wait()
                        while (await second.stats()).pending:  # noqa: ASYNC110 - the database's
                            await anyio.sleep(0.01)
        assert story == ["begun", "ended", "begun elsewhere"]

    async def test_results_that_arrive_together_share_transactions(
        self, inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await inbox.add([event(str(number), str(number)) for number in range(50)])
        claims = await inbox.claim(50)
        run, transactions = inbox._database.run, list[int]()

        async def counted(work: Any, **options: Any) -> Any:
            transactions.append(1)
            return await run(work, **options)

        monkeypatch.setattr(inbox._database, "run", counted)
        async with anyio.create_task_group() as tasks:
            for claim in claims:
                tasks.start_soon(inbox.record, claim, handled(claim.ordering_key))
        assert len(transactions) <= 3
        assert (await inbox.stats()).handled == 50

    async def test_closing_gives_claims_back_at_once(
        self, make: Make, inbox: PostgresInbox
    ) -> None:
        leaving = make()
        await leaving.open()
        await inbox.add([event("1")])
        await only(leaving)
        await leaving.close()
        assert await keys_of(inbox) == [["1"]]

    async def test_closing_while_the_database_is_away_is_reported(
        self, make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        inbox = make()
        await inbox.open()

        async def unreachable(*_: object, **__: object) -> Any:
            raise StorageError("unreachable")

        monkeypatch.setattr(inbox._database, "run", unreachable)
        await inbox.close()
        assert "until its lease ends" in caplog.text


class TestNotifying:
    async def test_another_process_is_woken_by_a_stored_event(
        self, make: Make, inbox: PostgresInbox, other: Any
    ) -> None:
        web = make()
        await web.open(handles=False)
        async with beating(inbox):
            await listening(other, inbox)
            await web.add([event("1")])
            with anyio.fail_after(60):
                await inbox.wait()

    async def test_listening_goes_on_after_a_silence(
        self, inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        heard = iter([False, True])

        def wait(_: _Listener) -> bool:
            return next(heard, False)

        monkeypatch.setattr(_Listener, "wait", wait)
        async with beating(inbox):
            with anyio.fail_after(60):
                await inbox.wait()
        assert next(heard, None) is None

    async def test_notifications_are_coalesced(self, inbox: PostgresInbox, other: Any) -> None:
        received: list[str] = []

        def receive(notification: Any) -> None:
            received.append(notification.payload)

        other.add_notify_handler(receive)
        other.execute(f"LISTEN {inbox._channel}".encode())
        other.commit()
        began = time.monotonic()
        for number in range(40):
            await inbox.add([event(str(number))])
        assert inbox._notifier is not None
        await anyio.to_thread.run_sync(inbox._notifier.stop)
        elapsed = time.monotonic() - began
        other.autocommit = True
        other.execute("SELECT pg_notify(%s, 'last')", (inbox._channel,))
        assert received.pop() == "last"
        assert 1 <= len(received) <= elapsed / 0.02 + 2

    async def test_a_broken_listener_connects_again(
        self, make: Make, inbox: PostgresInbox, other: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(f"{MODULE}._LISTEN_SECONDS", 0.01)
        web = make()
        await web.open(handles=False)
        async with beating(inbox):
            broken = await listening(other, inbox)
            other.execute("SELECT pg_terminate_backend(%s)", (broken,))
            await listening(other, inbox, broken)
            await web.add([event("1")])
            with anyio.fail_after(60):
                await inbox.wait()


class TestForUsers:
    async def test_the_dead_letter_list(self, inbox: PostgresInbox) -> None:
        await inbox.add([event(key) for key in "123"])
        claim = await only(inbox)
        results = [
            EventResult(key=key, status="failed", attempts=3, succeeded=["a"], error="no")
            for key in "12"
        ]
        await inbox.record(claim, results)
        assert [each.key for each in await inbox.failed()] == ["1", "2"]
        assert len(await inbox.failed(limit=1)) == 1
        assert await inbox.retry("1")
        assert not await inbox.retry("1")
        assert await inbox.discard("2")
        assert not await inbox.discard("2")
        await inbox.release(claim, drained=False)
        again = await only(inbox)
        assert [(each.key, each.repeated, each.succeeded) for each in again.events] == [
            ("1", True, ("a",)),
            ("3", False, ()),
        ]
        stats = await inbox.stats()
        assert (stats.pending, stats.failed, stats.handled) == (2, 0, 1)
        assert stats.oldest is not None

    async def test_purging(self, inbox: PostgresInbox) -> None:
        await inbox.add([event("1", "a"), event("2", "b")])
        for claim in await inbox.claim(10):
            failed = EventResult(key=claim.events[0].key, status="failed", attempts=1)
            await inbox.record(claim, [failed], state={"a": 1})
            await inbox.release(claim, drained=True)
        assert await inbox.purge(older_than=3600) == 0
        assert await inbox.purge(older_than=0) == 2
        await inbox.add([event("1", "a")])
        assert (await only(inbox)).state == {}

    async def test_inboxes_of_other_names_are_independent(
        self, make: Make, inbox: PostgresInbox
    ) -> None:
        second = make(name="second")
        await second.open()
        await second.add([event("1")])
        assert await inbox.claim(10) == []
        assert await keys_of(second) == [["1"]]

    async def test_users_need_not_open_it(self, make: Make) -> None:
        assert (await make().stats()).pending == 0


async def test_a_restart_of_the_server_costs_no_repetition(
    own_server: postgres.PostgresServer, own_inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox, stopped, noticed = own_inbox, threading.Event(), threading.Event()
    run = inbox._database.run

    async def noticing(work: Callable[[Any], Any], **options: Any) -> Any:
        try:
            return await run(work, **options)
        except UnavailableError:
            noticed.set()
            raise

    def restart() -> None:
        own_server.stop("immediate")
        stopped.set()
        assert noticed.wait(60)
        own_server.start()

    monkeypatch.setattr(inbox._database, "run", noticing)
    await inbox.open()
    await inbox.add([event("1"), event("2")])
    claim = await only(inbox)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, restart)
        await anyio.to_thread.run_sync(stopped.wait)
        await inbox.record(claim, handled("1", "2"))
        await inbox.release(claim, drained=True)
    stats = await inbox.stats()
    assert (stats.pending, stats.handled) == (0, 2)
    await anyio.to_thread.run_sync(own_server.stop)
    try:
        with pytest.raises(StorageError, match="cannot be reached"):
            await inbox.add([event("3")])
    finally:
        await anyio.to_thread.run_sync(own_server.start)


@pytest.mark.usefixtures("quick_beats")
async def test_an_outage_is_one_log_line_and_its_end_another(
    own_server: postgres.PostgresServer,
    own_inbox: PostgresInbox,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("sunco.webhooks.processing.worker._POLL_INTERVAL", 0.01)
    caplog.set_level(logging.INFO, "sunco.webhooks")
    inbox = own_inbox
    router = WebhookRouter("secret", inbox=inbox)
    claim, failures = inbox.claim, list[Exception]()
    handled, again = anyio.Event(), anyio.Event()

    async def claimed(limit: int, **options: Any) -> Any:
        try:
            return await claim(limit, **options)
        except Exception as error:
            failures.append(error)
            if len(failures) == 3:
                again.set()
            raise

    @router.on()
    async def handle(_: Any) -> None:
        handled.set()

    monkeypatch.setattr(inbox, "claim", claimed)
    with anyio.fail_after(60):
        async with router.running():
            await anyio.to_thread.run_sync(own_server.stop)
            await again.wait()
            await anyio.to_thread.run_sync(own_server.start)
            await inbox.add([event("1")])
            await handled.wait()
            while (await inbox.stats()).pending or len(caplog.records) < 2:  # noqa: ASYNC110
                await anyio.sleep(0.005)
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert [level for level, _ in lines] == ["WARNING", "INFO"], lines
    assert "pauses: " in lines[0][1]
    assert "continues: " in lines[1][1]


async def test_a_failure_from_before_the_database_was_back_is_not_reported(
    inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def away(*_: object, **__: object) -> Any:
        # Meanwhile, the heartbeat has reached it.
        inbox._report(None, 0.0)
        raise UnavailableError("away")

    monkeypatch.setattr(inbox._database, "run", away)
    with pytest.raises(UnavailableError):
        await inbox.next_due()
    monkeypatch.undo()
    assert caplog.records == []


async def test_a_success_from_before_the_outage_does_not_end_it(
    inbox: PostgresInbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "sunco.webhooks")
    began = time.monotonic()
    inbox._report(UnavailableError("away"), began)
    inbox._report(None, began)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    inbox._report(None, time.monotonic())
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


@pytest.fixture(scope="module")
def own_server() -> Iterator[postgres.PostgresServer]:
    """A server that tests stop and start again."""
    server = postgres.PostgresServer()
    yield server
    server.remove()


@pytest.fixture
async def own_inbox(own_server: postgres.PostgresServer) -> AsyncIterator[PostgresInbox]:
    inbox = PostgresInbox(own_server.dsn, schema=f"test_{uuid.uuid4().hex}")
    yield inbox
    await inbox.close()


async def test_invalid_arguments_are_rejected_without_showing_the_password() -> None:
    dsn = "postgresql://ada:secret-word@localhost/app"
    wrong: list[tuple[str, dict[str, Any], str]] = [
        (dsn, {"name": ""}, "name"),
        (dsn, {"name": "\0"}, "name"),
        (dsn, {"dedup_ttl": -1}, "dedup_ttl"),
        (dsn, {"lease": 0}, "lease"),
        (dsn, {"schema": 'x"; DROP'}, "schema"),
        (dsn, {"connections": 0}, "connections"),
        ("secret-word with spaces", {}, "cannot be read"),
        ("", {}, "not empty"),
    ]
    for address, options, message in wrong:
        with pytest.raises(ValueError, match=message) as caught:
            PostgresInbox(address, **options)
        assert "secret-word" not in str(caught.value)
        frame = caught.tb.tb_next
        while frame is not None:
            assert "secret-word" not in repr(frame.tb_frame.f_locals)
            frame = frame.tb_next
    assert "secret-word" not in repr(PostgresInbox(dsn))
    assert "not initialized" in repr(PostgresInbox.__new__(PostgresInbox))


class TestEdges:
    async def test_the_heartbeat_forgets_handled_events(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sunco.webhooks.inbox.postgres._FORGET_INTERVAL", 0.0)
        inbox = make(dedup_ttl=0.0, lease=1.0)
        await inbox.open()
        await inbox.add([event("a")])
        (claim,) = await inbox.claim(1)
        await inbox.record(claim, handled("a"))
        await inbox.release(claim, drained=True)
        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(inbox.heartbeat)
                while (await inbox.stats()).handled:  # noqa: ASYNC110 - the store sends no event
                    await anyio.sleep(0.01)
                tasks.cancel_scope.cancel()

    async def test_a_process_whose_lease_was_reaped_registers_again(
        self, inbox: PostgresInbox, other: Any
    ) -> None:
        before = inbox._worker
        other.execute("DELETE FROM worker")
        other.commit()
        await inbox._renew()
        assert inbox._worker not in (None, before)

    async def test_storing_and_retrying_need_no_opening(
        self, make: Make, inbox: PostgresInbox
    ) -> None:
        unopened = make()
        await unopened.add([event("a")])
        (claim,) = await inbox.claim(1)
        failed = EventResult(key="a", status="failed", attempts=1, error="no")
        await inbox.record(claim, [failed])
        await inbox.release(claim, drained=True)
        assert await unopened.retry("a")

    async def test_a_result_of_a_lost_claim_does_not_forget_the_one_that_followed(
        self, inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await inbox.add([event("a")])
        (claim,) = await inbox.claim(1)

        async def submit(_: Any) -> bool:
            inbox._held[claim.ordering_key] = claim.fence + 1
            return False

        monkeypatch.setattr(inbox._written, "submit", submit)
        with pytest.raises(ClaimLostError):
            await inbox.record(claim, handled("a"))
        assert inbox._held == {claim.ordering_key: claim.fence + 1}

    async def test_a_notification_that_fails_stops_nothing(
        self, inbox: PostgresInbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failed = threading.Event()

        def away(_: Any) -> Any:
            failed.set()
            raise StorageError("The connection failed.")

        with monkeypatch.context() as patch:
            patch.setattr(inbox._database, "run_sync", away)
            assert inbox._notifier is not None
            inbox._notifier.notify()
            await anyio.to_thread.run_sync(failed.wait)
        await inbox.add([event("a")])
        assert (await inbox.stats()).pending == 1

    async def test_a_listener_that_was_stopped_waits_no_more(self, inbox: PostgresInbox) -> None:
        listener = _Listener(inbox._database, "sunco_test")
        listener.stop()
        assert not listener.wait()
