"""An inbox that several machines share."""

from __future__ import annotations

import json
import logging
import math
import os
import platform
import threading
from base64 import b64encode
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from time import monotonic
from typing import Any, Final, TypeAlias

import anyio
import anyio.to_thread
import attrs

from sunco._storage import UnavailableError
from sunco._storage.group_commit import GroupCommit
from sunco._storage.postgres import (
    Connection,
    LeaseExpiredError,
    PostgresDatabase,
    encodable,
)
from sunco._sync import AutoResetEvent
from sunco.errors import ConfigurationError, StorageError
from sunco.webhooks.inbox.base import (
    Claim,
    ClaimLostError,
    EventResult,
    FailedEvent,
    InboxStats,
    NewEvent,
    StoredEvent,
)
from sunco.webhooks.inbox.copying import CopiedRow

__all__ = ["PostgresInbox"]

_Operation: TypeAlias = dict[str, Any]

_NOTIFY_INTERVAL: Final = 0.02
_REAP_INTERVAL: Final = 1.0
_FORGET_INTERVAL: Final = 60.0
_RETRY_DELAY: Final = 0.1
_MIN_LEASE: Final = 0.1
_MAX_MARGIN: Final = 3.0
_LISTEN_SECONDS: Final = 1.0

_ADD: Final = "SELECT {schema}.add_events(%s, %s)"
_CLAIM: Final = "SELECT * FROM {schema}.claim_queues(%s, %s, %s, %s)"
_WRITE: Final = "SELECT * FROM {schema}.write_results(%s, %s)"
_GIVE_BACK: Final = """
UPDATE {schema}.queue SET owner = NULL, ready = clock_timestamp(), changed = clock_timestamp()
WHERE inbox = %s AND owner = %s AND NOT ordering_key = ANY (%s)
"""
_REGISTER: Final = """
INSERT INTO {schema}.worker (name, lease, until)
VALUES (%s, make_interval(secs => %s), clock_timestamp() + make_interval(secs => %s)) RETURNING id
"""
_RENEW: Final = """
UPDATE {schema}.worker SET until = clock_timestamp() + lease
WHERE id = %s AND until > clock_timestamp() RETURNING id
"""
_NEXT_DUE: Final = """
SELECT extract(epoch FROM min(ready) - clock_timestamp())::double precision FROM {schema}.queue
WHERE inbox = %s AND owner IS NULL AND ready < 'infinity'
"""
_STATS: Final = """
SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'failed'),
    count(*) FILTER (WHERE state = 'handled'),
    extract(epoch FROM clock_timestamp() - min(received) FILTER (WHERE state = 'pending'))
        ::double precision
FROM {schema}.event WHERE inbox = %s
"""
_FAILED: Final = """
SELECT key, sequence, content, attempts, error, extract(epoch FROM received)::double precision,
    extract(epoch FROM changed)::double precision
FROM {schema}.event WHERE inbox = %s AND state = 'failed' ORDER BY sequence LIMIT %s
"""
_RETRY: Final = """
WITH retried AS (
    UPDATE {schema}.event SET state = 'pending', attempts = 0, repeated = true, error = NULL,
        changed = clock_timestamp()
    WHERE inbox = %s AND key = %s AND state = 'failed' RETURNING inbox, ordering_key
)
INSERT INTO {schema}.queue AS q (inbox, ordering_key) SELECT inbox, ordering_key FROM retried
ON CONFLICT (inbox, ordering_key) DO UPDATE SET stored = q.stored + 1,
    ready = CASE WHEN q.owner IS NULL
        THEN greatest(least(q.ready, clock_timestamp()), q.blocked) ELSE q.ready END
"""
_DISCARD: Final = """
UPDATE {schema}.event SET state = 'handled', content = '', error = NULL, succeeded = '[]',
    changed = clock_timestamp()
WHERE inbox = %s AND key = %s AND state = 'failed'
"""
_PURGE: Final = """
DELETE FROM {schema}.event WHERE inbox = %s AND state IN ('handled', 'failed')
AND changed < clock_timestamp() - make_interval(secs => %s)
"""
# Checked on the row itself, not with a subquery on events: an event that is added at the same time
# makes the row ready, and then it stays.
_PURGE_STATE: Final = """
DELETE FROM {schema}.queue WHERE inbox = %s AND owner IS NULL AND ready = 'infinity'
AND changed < clock_timestamp() - make_interval(secs => %s)
"""
_FORGET: Final = """
DELETE FROM {schema}.event WHERE sequence = ANY (ARRAY(
    SELECT sequence FROM {schema}.event WHERE inbox = %s AND state = 'handled'
    AND changed < clock_timestamp() - make_interval(secs => %s)
    ORDER BY changed LIMIT 10000 FOR UPDATE SKIP LOCKED
))
"""
_FORGET_QUEUES: Final = """
DELETE FROM {schema}.queue WHERE inbox = %s AND owner IS NULL AND ready = 'infinity'
AND state = '{}' AND changed < clock_timestamp() - interval '1 minute'
"""
_FREE: Final = "SELECT {schema}.free_queues()"

_ROWS: Final = """
SELECT sequence, key, ordering_key, state, content, extract(epoch FROM received)::double precision,
    extract(epoch FROM changed)::double precision, attempts, repeated, succeeded, error
FROM {schema}.event WHERE inbox = %s AND sequence > %s ORDER BY sequence LIMIT %s
"""
_STATES: Final = """
SELECT ordering_key, state FROM {schema}.queue
WHERE inbox = %s AND ordering_key > %s AND state <> '{}' ORDER BY ordering_key LIMIT %s
"""
# As in add_events: the queues first, in one order.
_INSERT_QUEUES: Final = """
INSERT INTO {schema}.queue AS q (inbox, ordering_key, ready, stored)
SELECT %(inbox)s, ordering_key, 'infinity', 0 FROM (
    SELECT DISTINCT value ->> 1 AS ordering_key FROM json_array_elements(%(rows)s::json)
    WHERE value ->> 2 = 'pending'
) AS new ORDER BY ordering_key
ON CONFLICT (inbox, ordering_key) DO UPDATE SET inbox = q.inbox
"""
_INSERT: Final = """
WITH new AS (
    INSERT INTO {schema}.event (inbox, key, ordering_key, state, content, received, changed,
        attempts, repeated, succeeded, error)
    SELECT %(inbox)s, value ->> 0, value ->> 1, value ->> 2, decode(value ->> 3, 'base64'),
        to_timestamp((value ->> 4)::double precision),
        to_timestamp((value ->> 5)::double precision),
        (value ->> 6)::integer, (value ->> 7)::boolean, value ->> 8, value ->> 9
    FROM json_array_elements(%(rows)s::json) WITH ORDINALITY ORDER BY ordinality
    ON CONFLICT (inbox, key) DO NOTHING
    RETURNING ordering_key, state
), queues AS (
    UPDATE {schema}.queue AS q SET stored = q.stored + 1,
        ready = CASE WHEN q.owner IS NULL
            THEN greatest(least(q.ready, clock_timestamp()), q.blocked) ELSE q.ready END
    WHERE q.inbox = %(inbox)s
    AND q.ordering_key IN (SELECT ordering_key FROM new WHERE state = 'pending')
)
SELECT count(*) FROM new
"""
_INSERT_STATES: Final = """
INSERT INTO {schema}.queue AS q (inbox, ordering_key, ready, stored, state)
SELECT %s, value ->> 0, 'infinity', 0, value ->> 1
FROM json_array_elements(%s::json) ORDER BY value ->> 0
ON CONFLICT (inbox, ordering_key) DO UPDATE SET state = excluded.state WHERE q.state = '{}'
"""

_logger = logging.getLogger("sunco.webhooks")


class PostgresInbox:
    """Keeps events in a PostgreSQL database that several machines share.

    An event is acknowledged after its transaction has been committed. Any number of processes can
    store and process; an ordering key is processed by one of them at a time. A process that dies
    loses nothing: the events that it was processing, at most one per ordering key, are processed
    again when its lease has expired; all others at once. A process that cannot renew its lease
    cancels its handlers before the lease ends.

    While the database cannot be reached, storing fails (the platform delivers again for 15
    minutes) and processing pauses. It needs PostgreSQL 14 or newer; PgBouncer works in transaction
    mode, with events noticed within a second instead of at once.

    Args:
        dsn: Where the database is, as libpq reads it; it may contain a password.
        schema: The schema of sunco's tables, which are created if it is empty.
        name: The inbox's name. Inboxes with different names in one schema are independent.
        dedup_ttl: Seconds for which the keys of handled events are remembered. The platform
            delivers again for 15 minutes.
        lease: Seconds after which the claims of a process that died are free. Renewed three times
            as often.
        connections: How many connections to use at once; one more waits for notifications.

    Raises:
        ConfigurationError: An argument is invalid, or `sunco[postgres]` is not installed.
    """

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = "sunco",
        name: str = "default",
        dedup_ttl: float = 3600.0,
        lease: float = 15.0,
        connections: int = 3,
    ) -> None:
        database: PostgresDatabase | ConfigurationError
        try:
            database = PostgresDatabase(dsn, schema=schema, connections=connections)
        except ConfigurationError as error:
            database = error.with_traceback(None)
        # Not in the variables of any frame that an error shows.
        del dsn
        if isinstance(database, ConfigurationError):
            raise database
        if not name or encodable(name) != name:
            raise ConfigurationError(f"The inbox's name {name!r} is invalid.")
        if not 0 <= dedup_ttl < math.inf:
            raise ConfigurationError(f"dedup_ttl must be 0 seconds or more, not {dedup_ttl!r}.")
        if not _MIN_LEASE <= lease < math.inf:
            raise ConfigurationError(f"lease must be at least {_MIN_LEASE} seconds, not {lease!r}.")
        self._database = database
        self._name = name
        self._dedup_ttl = dedup_ttl
        self._lease = lease
        self._channel = _channel(schema, name)
        self._worker: int | None = None
        self._until = -math.inf
        self._held: dict[str, int] = {}
        # Whether the table may hold claims of this worker that it does not know of.
        self._claims_unknown = False
        self._claim_turn = anyio.Lock()
        self._claiming = threading.Lock()
        self._added = GroupCommit[Sequence[NewEvent], None](self._add)
        self._written = GroupCommit[_Operation, bool](self._write)
        self._changed = AutoResetEvent()
        self._notifier: _Notifier | None = None
        self._reached = self._lost = -math.inf
        self._available = True

    def __repr__(self) -> str:
        if not hasattr(self, "_available"):
            return "<PostgresInbox, not initialized>"
        return f"PostgresInbox({self._database.location!r}, name={self._name!r})"

    async def open(self, *, handles: bool = True) -> None:
        """Connect, create the tables in an empty schema, and register this process.

        Raises:
            ConfigurationError: The settings are wrong.
            StorageError: The database cannot be reached, or its tables are of another version.
        """
        if handles:
            await self._register()
        else:
            await self._database.run(lambda connection: connection.execute("SELECT 1"))
        self._notifier = _Notifier(self._database, self._channel)

    async def _register(self) -> int:
        name = f"{platform.node()}:{os.getpid()}"
        began = monotonic()

        def register(connection: Connection) -> int:
            return int(_value(connection, self._sql(_REGISTER), (name, self._lease, self._lease)))

        self._held.clear()
        worker = self._worker = await self._database.run(register)
        self._until = self._until_from(began)
        return worker

    def _until_from(self, began: float) -> float:
        return began + self._lease - min(_MAX_MARGIN, self._lease / 5)

    def _sql(self, text: str) -> Any:
        return self._database.sql(text)

    async def close(self) -> None:
        """Give back what this process holds, and close the connections."""
        with anyio.CancelScope(shield=True):
            notifier, self._notifier = self._notifier, None
            worker, self._worker = self._worker, None
            self._held.clear()
            if notifier is not None:
                await anyio.to_thread.run_sync(notifier.stop)
            if worker is not None:
                try:
                    await self._database.run(lambda connection: self._leave(connection, worker))
                except StorageError as error:
                    _logger.warning("What the inbox holds stays until its lease ends: %s", error)
            await self._database.aclose()

    def _leave(self, connection: Connection, worker: int) -> None:
        connection.execute(self._sql(_GIVE_BACK), (self._name, worker, []))
        connection.execute(self._sql("DELETE FROM {schema}.worker WHERE id = %s"), (worker,))

    async def heartbeat(self) -> None:
        """Renew the lease, free the claims of dead processes and listen, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen)
            renewed = forgotten = monotonic()
            while True:
                now = monotonic()
                try:
                    if now >= renewed + self._lease / 3:
                        await self._renew()
                        renewed = now
                    await self._database.run(lambda c: c.execute(self._sql(_FREE)))
                    if now >= forgotten + _FORGET_INTERVAL:
                        forgotten = now
                        await self._database.run(self._forget)
                except StorageError as error:
                    self._report(error, now)
                else:
                    self._report(None, now)
                await anyio.sleep(min(_REAP_INTERVAL, self._lease / 6))

    async def _renew(self) -> None:
        began, worker = monotonic(), self._worker

        def renew(connection: Connection) -> bool:
            return _value(connection, self._sql(_RENEW), (worker,)) is not None

        if not await self._database.run(renew):
            # Others may have what this process held: start again as another worker.
            await self._register()
        else:
            self._until = self._until_from(began)

    @contextmanager
    def _reporting(self) -> Generator[None]:
        began = monotonic()
        try:
            yield
        except UnavailableError as error:
            self._report(error, began)
            raise

    def _report(self, error: StorageError | None, began: float) -> None:
        """Log once that the database is unavailable, and once that it is available again."""
        # What began before the database was back, or before it was away, says nothing about it.
        if error is None and began >= self._lost:
            self._reached = monotonic()
            if not self._available:
                self._available = True
                _logger.info("Processing of the inbox continues: %s", self._database.location)
        elif error is not None and self._available and began >= self._reached:
            self._available, self._lost = False, monotonic()
            _logger.warning("Processing of the inbox pauses: %s", error)

    def _forget(self, connection: Connection) -> None:
        connection.execute(self._sql(_FORGET), (self._name, self._dedup_ttl))
        connection.execute(self._sql(_FORGET_QUEUES), (self._name,))

    async def _listen(self) -> None:
        listener = _Listener(self._database, self._channel)
        try:
            while True:
                try:
                    notified = await anyio.to_thread.run_sync(listener.wait, abandon_on_cancel=True)
                except StorageError:
                    # Polling goes on; heartbeat() reports it.
                    await anyio.sleep(_LISTEN_SECONDS)
                else:
                    if notified:
                        self._changed.set()
        finally:
            listener.stop()

    async def add(self, events: Sequence[NewEvent]) -> None:
        """Store the events whose keys are not known; see `Inbox`.

        Raises:
            StorageError: The database cannot store them. They may have been stored.
        """
        if not events:
            return
        await self._added.submit(events)
        self._changed.set()
        if self._notifier is not None:
            self._notifier.notify()

    async def _add(self, deliveries: Sequence[Sequence[NewEvent]]) -> Sequence[None]:
        rows = json.dumps(
            [
                (encodable(event.key), encodable(event.ordering_key), _base64(event.content))
                for events in deliveries
                for event in events
            ],
            ensure_ascii=False,
        )
        await self._database.run(lambda c: c.execute(self._sql(_ADD), (self._name, rows)))
        return [None] * len(deliveries)

    async def claim(self, limit: int, *, events: int = 100) -> Sequence[Claim]:
        """Claim ordering keys that are ready; see `Inbox`."""
        # Otherwise one call would give back what another has claimed and not noted yet.
        async with self._claim_turn:
            with self._reporting():
                return await self._claim(limit, events)

    async def _claim(self, limit: int, events: int) -> Sequence[Claim]:
        worker = self._worker
        if worker is None or monotonic() >= self._until:
            # Others may have what this process held: start again as another worker.
            worker = await self._register()

        wanted = True

        def claim(connection: Connection) -> list[tuple[Any, ...]]:
            # One after the other: an earlier call may have been cancelled, and still be running.
            # One that has not begun leaves the claims of later calls alone.
            with self._claiming:
                if not wanted:
                    return []
                if self._claims_unknown:
                    held = list(self._held)
                    connection.execute(self._sql(_GIVE_BACK), (self._name, worker, held))
                self._claims_unknown = True
                arguments = (self._name, worker, limit, events)
                return connection.execute(self._sql(_CLAIM), arguments).fetchall()

        try:
            rows = await self._database.run(claim, repeat=False)
        except LeaseExpiredError:
            self._until = -math.inf
            return []
        finally:
            wanted = False
        self._claims_unknown = False
        claims: dict[str, Claim] = {}
        for ordering_key, fence, stored, state, *event in rows:
            if ordering_key not in claims:
                claims[ordering_key] = Claim(
                    ordering_key=ordering_key,
                    fence=fence,
                    stored=stored,
                    owner=worker,
                    events=[],
                    until=self._until,
                    state=json.loads(state),
                )
                self._held[ordering_key] = fence
            _events_of(claims[ordering_key]).append(_stored_event(*event))
        return list(claims.values())

    async def record(
        self,
        claim: Claim,
        results: Sequence[EventResult],
        *,
        starting: Sequence[str] = (),
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Store results of a claim; see `Inbox`. Repeated while the lease lasts.

        Raises:
            ClaimLostError: The claim is no longer held.
        """
        await self._submit(
            claim,
            {
                "results": [
                    (
                        encodable(result.key),
                        result.status,
                        result.attempts,
                        result.repeated,
                        json.dumps(list(result.succeeded)),
                        None if result.error is None else encodable(result.error),
                    )
                    for result in results
                ],
                "starting": [encodable(key) for key in starting],
                "state": None if state is None else json.dumps(dict(state)),
            },
        )

    async def release(
        self, claim: Claim, *, delay: float = 0.0, blocked: bool = False, drained: bool
    ) -> None:
        """Give a claim back; see `Inbox`. Repeated while the lease lasts."""
        operation: _Operation = {
            "results": [],
            "starting": [],
            "state": None,
            "delay": delay,
            "blocked": blocked,
            "drained": drained,
            "stored": claim.stored,
        }
        try:
            await self._submit(claim, operation)
        except ClaimLostError:
            pass
        finally:
            if self._held.get(claim.ordering_key) == claim.fence:
                del self._held[claim.ordering_key]
                # Where that failed, the table is corrected before the next claim.
                self._claims_unknown = True
        if not drained and not delay:
            self._changed.set()

    async def _submit(self, claim: Claim, operation: _Operation) -> None:
        operation |= {"key": claim.ordering_key, "owner": claim.owner, "fence": claim.fence}
        while True:
            await self.holds(claim)
            try:
                with self._reporting():
                    held = await self._written.submit(operation)
            except UnavailableError:
                await anyio.sleep(_RETRY_DELAY)
                continue
            if held:
                return
            if self._held.get(claim.ordering_key) == claim.fence:
                del self._held[claim.ordering_key]
            raise _lost(claim)

    async def _write(self, operations: Sequence[_Operation]) -> Sequence[bool]:
        # In one order, so that two processes never wait for each other.
        order = sorted(range(len(operations)), key=lambda index: operations[index]["key"])
        document = json.dumps([operations[index] for index in order], ensure_ascii=False)

        def write(connection: Connection) -> list[tuple[int]]:
            return connection.execute(self._sql(_WRITE), (self._name, document)).fetchall()

        held = {order[index] for (index,) in await self._database.run(write)}
        return [index in held for index in range(len(operations))]

    async def holds(self, claim: Claim) -> float:
        """When the claim expires as known now; see `Inbox`.

        Raises:
            ClaimLostError: The claim is no longer held.
        """
        mine = claim.owner == self._worker and self._held.get(claim.ordering_key) == claim.fence
        if not mine or monotonic() >= self._until:
            raise _lost(claim)
        return self._until

    async def next_due(self) -> float | None:
        """Seconds until an ordering key is ready; see `Inbox`."""
        with self._reporting():
            due: float | None = await self._database.run(
                lambda c: _value(c, self._sql(_NEXT_DUE), (self._name,))
            )
        return None if due is None else max(0.0, due)

    async def wait(self) -> None:
        """Return when an ordering key may have become ready, here or on another machine."""
        await self._changed.wait()

    async def stats(self) -> InboxStats:
        """Count the events."""
        pending, failed, handled, oldest = (
            await self._database.run(
                lambda c: c.execute(self._sql(_STATS), (self._name,)).fetchall()
            )
        )[0]
        return InboxStats(pending=pending, failed=failed, handled=handled, oldest=oldest)

    async def failed(self, limit: int = 100) -> Sequence[FailedEvent]:
        """The dead-letter list; see `Inbox`."""
        rows = await self._database.run(
            lambda c: c.execute(self._sql(_FAILED), (self._name, limit)).fetchall()
        )
        return [
            FailedEvent(
                key=key,
                event=StoredEvent(key=key, sequence=sequence, content=bytes(content)).read(),
                attempts=attempts,
                error=error or "",
                received=received,
                failed=failed,
            )
            for key, sequence, content, attempts, error, received, failed in rows
        ]

    async def retry(self, key: str) -> bool:
        """Process a dead-lettered event again; see `Inbox`."""
        found = await self._count(_RETRY, encodable(key))
        if found:
            self._changed.set()
            if self._notifier is not None:
                self._notifier.notify()
        return bool(found)

    async def discard(self, key: str) -> bool:
        """Delete a dead-lettered event; see `Inbox`."""
        return bool(await self._count(_DISCARD, encodable(key)))

    async def purge(self, *, older_than: float) -> int:
        """Delete what has not changed for a while; see `Inbox`."""
        deleted = await self._count(_PURGE, older_than)
        await self._count(_PURGE_STATE, older_than)
        return deleted

    async def rows(self, after: int, limit: int) -> Sequence[CopiedRow]:
        """Read events in any state, in the order of storing, for a copy.

        Args:
            after: The sequence after which to begin.
            limit: The maximum number of events.
        """
        arguments = (self._name, after, limit)
        rows = await self._database.run(lambda c: c.execute(self._sql(_ROWS), arguments).fetchall())
        names = [field.name for field in attrs.fields(CopiedRow)]
        return [CopiedRow(**dict(zip(names, row, strict=True))) for row in rows]

    async def states(self, after: str, limit: int) -> Sequence[tuple[str, str]]:
        """Read ordering keys that have a state, and their states as JSON, for a copy.

        Args:
            after: The ordering key after which to begin.
            limit: The maximum number of ordering keys.
        """
        arguments = (self._name, after, limit)
        return await self._database.run(
            lambda c: c.execute(self._sql(_STATES), arguments).fetchall()
        )

    async def insert(self, rows: Sequence[CopiedRow]) -> int:
        """Store events of a copy as they are, in this order; known ones are ignored.

        Args:
            rows: The events.

        Returns:
            How many were stored.
        """
        document = json.dumps(
            [
                (
                    row.key, row.ordering_key, row.status, _base64(row.content), row.received,
                    row.changed, row.attempts, row.repeated, row.succeeded, row.error,
                )
                for row in rows
            ],
            ensure_ascii=False,
        )  # fmt: skip
        arguments = {"inbox": self._name, "rows": document}

        def insert(connection: Connection) -> int:
            with connection.transaction():
                connection.execute(self._sql(_INSERT_QUEUES), arguments)
                return int(connection.execute(self._sql(_INSERT), arguments).fetchall()[0][0])

        inserted = await self._database.run(insert)
        self._changed.set()
        return inserted

    async def insert_states(self, states: Sequence[tuple[str, str]]) -> None:
        """Store the states of ordering keys that have none, for a copy.

        Args:
            states: Ordering keys and their states as JSON.
        """
        document = json.dumps(states, ensure_ascii=False)
        await self._database.run(
            lambda c: c.execute(self._sql(_INSERT_STATES), (self._name, document))
        )

    async def _count(self, statement: str, argument: object) -> int:
        return await self._database.run(
            lambda c: c.execute(self._sql(statement), (self._name, argument)).rowcount
        )


class _Notifier:
    """Notifies listeners of new events: at most once in 20 ms, outside the transaction."""

    def __init__(self, database: PostgresDatabase, channel: str) -> None:
        self._database = database
        self._channel = channel
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="sunco-notify")
        self._thread.start()

    def notify(self) -> None:
        self._wanted.set()

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            if self._stopped.is_set():
                return
            self._wanted.clear()
            try:
                self._database.run_sync(
                    lambda c: c.execute("SELECT pg_notify(%s, '')", (self._channel,))
                )
            except (ConfigurationError, StorageError):
                # Listeners poll as well.
                continue
            finally:
                self._stopped.wait(_NOTIFY_INTERVAL)

    def stop(self) -> None:
        self._stopped.set()
        self._wanted.set()
        self._thread.join()


class _Listener:
    """Waits for notifications on a connection of its own, in a worker thread."""

    def __init__(self, database: PostgresDatabase, channel: str) -> None:
        self._database = database
        self._channel = channel
        self._connection: Connection | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def wait(self) -> bool:
        """Wait for a second at most; returns whether there was a notification."""
        with self._lock:
            notified = False
            if not self._stopped:
                notified = self._wait()
            if self._stopped:
                self._close()
            return notified

    def _wait(self) -> bool:
        def listen(connection: Connection) -> bool:
            return any(True for _ in connection.notifies(timeout=_LISTEN_SECONDS, stop_after=1))

        if self._connection is None:
            self._connection = self._database.connect()
            self._database.using(
                self._connection, lambda c: c.execute(f"LISTEN {self._channel}".encode())
            )
        try:
            return self._database.using(self._connection, listen)
        except StorageError:
            self._close()
            raise

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def stop(self) -> None:
        """Close the connection, at once or when the thread that waits returns."""
        self._stopped = True
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()


def _channel(schema: str, name: str) -> str:
    return "sunco_" + blake2b(f"{schema}/{name}".encode(), digest_size=8).hexdigest()


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


def _value(connection: Connection, statement: Any, arguments: Sequence[object]) -> Any:
    row = connection.execute(statement, arguments).fetchone()
    return None if row is None else row[0]


def _events_of(claim: Claim) -> list[StoredEvent]:
    events = claim.events
    assert isinstance(events, list)  # noqa: S101 - as claim() makes them
    return events


def _stored_event(  # noqa: PLR0917 - the columns of a row
    key: str,
    sequence: int,
    content: bytes,
    age: float,
    attempts: int,
    repeated: bool,  # noqa: FBT001
    succeeded: str,
) -> StoredEvent:
    return StoredEvent(
        key=key,
        sequence=sequence,
        content=bytes(content),
        age=max(0.0, age),
        attempts=attempts,
        repeated=repeated,
        succeeded=tuple(json.loads(succeeded)),
    )


def _lost(claim: Claim) -> ClaimLostError:
    return ClaimLostError(f"The claim on {claim.ordering_key!r} is no longer held.")
