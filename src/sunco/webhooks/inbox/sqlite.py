"""An inbox in a SQLite file."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from time import monotonic
from typing import Any, Final, Literal, TypeVar

import anyio
import attrs

from sunco._clock import Clock, SystemClock
from sunco._storage.database import Database, Schema, storable
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

__all__ = ["SQLiteInbox"]

T = TypeVar("T")

_SAFE_SHARE: Final = 0.8
"""The share of a lease after which its holder stops relying on it: cancelling takes a while."""
_REAP_INTERVAL: Final = 1.0

_SCHEMA: Final = Schema(
    name="inbox",
    application_id=0x53554E49,
    unmarked=frozenset({"events", "lanes"}),
    migrations=[
        """
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
        CREATE TABLE lanes (
            lane TEXT PRIMARY KEY,
            ready REAL NOT NULL,
            held INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID
        """,
        # An event without owner is ready from `ready` on, or when the clock is before `since`: it
        # was set back. `ready` is NULL where nothing is pending.
        """
        CREATE TABLE event (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            ordering_key TEXT NOT NULL,
            status TEXT NOT NULL DEFAULT 'pending',
            content BLOB,
            received REAL NOT NULL,
            changed REAL NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            repeated INTEGER NOT NULL DEFAULT 0,
            succeeded TEXT NOT NULL DEFAULT '[]',
            error TEXT
        );
        CREATE INDEX event_pending ON event (ordering_key, sequence) WHERE status = 'pending';
        CREATE INDEX event_failed ON event (sequence) WHERE status = 'failed';
        CREATE INDEX event_handled ON event (changed) WHERE status = 'handled';
        CREATE TABLE queue (
            ordering_key TEXT PRIMARY KEY,
            ready REAL,
            since REAL NOT NULL,
            blocked INTEGER NOT NULL DEFAULT 0,
            stored INTEGER NOT NULL DEFAULT 0,
            owner INTEGER,
            fence INTEGER NOT NULL DEFAULT 0,
            state TEXT
        ) WITHOUT ROWID;
        CREATE INDEX queue_ready ON queue (ready) WHERE owner IS NULL AND ready IS NOT NULL;
        CREATE INDEX queue_since ON queue (since) WHERE owner IS NULL AND ready IS NOT NULL;
        CREATE INDEX queue_owner ON queue (owner) WHERE owner IS NOT NULL;
        CREATE TABLE worker (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            lease REAL NOT NULL,
            beat INTEGER NOT NULL DEFAULT 0
        );
        CREATE TABLE counter (fence INTEGER NOT NULL);
        INSERT INTO counter VALUES (0);
        INSERT INTO event (sequence, key, ordering_key, status, content, received, changed,
                attempts, repeated, succeeded, error)
            SELECT sequence, identity, lane, state, content, received, coalesce(changed, received),
                attempts, attempts > 0, succeeded, error FROM events;
        INSERT INTO queue (ordering_key, ready, since, stored)
            SELECT lane, 0, 0, count(*) FROM events WHERE state = 'pending' GROUP BY lane;
        DROP TABLE events;
        DROP TABLE lanes
        """,
    ],
)

_ADD: Final = """
INSERT OR IGNORE INTO event (key, ordering_key, content, received, changed)
VALUES (:key, :ordering_key, :content, :now, :now)
"""
_ENQUEUE: Final = """
INSERT INTO queue (ordering_key, ready, since, stored) VALUES (:ordering_key, :now, :now, 1)
ON CONFLICT (ordering_key) DO UPDATE SET stored = stored + 1,
    ready = CASE WHEN blocked THEN ready ELSE min(coalesce(ready, :now), :now) END,
    since = CASE WHEN blocked THEN since ELSE :now END
"""
_READY: Final = """
SELECT ordering_key, stored, state FROM (
    SELECT * FROM (
        SELECT ordering_key, stored, state, ready FROM queue
        WHERE owner IS NULL AND ready IS NOT NULL AND ready <= :now ORDER BY ready LIMIT :limit
    )
    UNION
    SELECT ordering_key, stored, state, ready FROM queue
    WHERE owner IS NULL AND ready IS NOT NULL AND since > :now
) ORDER BY ready, ordering_key LIMIT :limit
"""
_NEXT_DUE: Final = """
SELECT min(ready), (
    SELECT count(*) FROM queue WHERE owner IS NULL AND ready IS NOT NULL AND since > :now
) FROM queue WHERE owner IS NULL AND ready IS NOT NULL
"""
_CLAIM: Final = """
UPDATE queue SET owner = :owner, fence = :fence, blocked = 0
WHERE ordering_key IN (SELECT value FROM json_each(:ordering_keys))
"""
_PENDING: Final = """
SELECT event.ordering_key, event.key, sequence, content, received, attempts, repeated, succeeded
FROM json_each(:ordering_keys) AS claimed CROSS JOIN event ON sequence IN (
    SELECT sequence FROM event WHERE ordering_key = claimed.value AND status = 'pending'
    ORDER BY sequence LIMIT :events
) ORDER BY sequence
"""
_START: Final = """
UPDATE event SET attempts = attempts + 1 WHERE key IN (SELECT value FROM json_each(?))
"""
_HELD: Final = """
SELECT stored FROM queue WHERE ordering_key = :ordering_key AND owner = :owner AND fence = :fence
"""
# The content of a handled event is not needed any more; its key is.
_RECORD: Final = """
UPDATE event SET status = :status, changed = :now, attempts = :attempts, repeated = :repeated,
    succeeded = :succeeded, error = :error,
    content = CASE :status WHEN 'handled' THEN NULL ELSE content END
WHERE key = :key AND status = 'pending' AND ordering_key = :ordering_key
"""
_RELEASE: Final = """
UPDATE queue SET owner = NULL, ready = :ready, since = :now, blocked = :blocked
WHERE ordering_key = :ordering_key
"""
_PARK: Final = """
UPDATE queue SET owner = NULL, ready = NULL, since = :now, blocked = 0
WHERE ordering_key = :ordering_key
"""
_FREE: Final = """
UPDATE queue SET owner = NULL, ready = :now, since = :now, blocked = 0 WHERE owner = :owner
"""
_STATS: Final = """
SELECT (SELECT count(*) FROM event WHERE status = 'pending'),
    (SELECT count(*) FROM event WHERE status = 'failed'),
    (SELECT count(*) FROM event WHERE status = 'handled'),
    (SELECT min(received) FROM event WHERE status = 'pending')
"""
_FAILED: Final = """
SELECT key, sequence, content, received, attempts, error, changed FROM event
WHERE status = 'failed' ORDER BY sequence LIMIT ?
"""
_RETRY: Final = """
UPDATE event SET status = 'pending', attempts = 0, repeated = 1, error = NULL, changed = :now
WHERE key = :key AND status = 'failed'
"""
_DISCARD: Final = """
UPDATE event SET status = 'handled', content = NULL, error = NULL, changed = :now
WHERE key = :key AND status = 'failed'
"""

_ROWS: Final = """
SELECT sequence, key, ordering_key, status, coalesce(content, x''), received, changed, attempts,
    repeated, succeeded, error
FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?
"""
_STATES: Final = """
SELECT ordering_key, state FROM queue
WHERE ordering_key > ? AND state IS NOT NULL ORDER BY ordering_key LIMIT ?
"""
_INSERT: Final = """
INSERT OR IGNORE INTO event (key, ordering_key, status, content, received, changed, attempts,
    repeated, succeeded, error)
VALUES (:key, :ordering_key, :status, :content, :received, :changed, :attempts, :repeated,
    :succeeded, :error)
"""
_INSERT_STATE: Final = """
INSERT INTO queue (ordering_key, since, state) VALUES (?, ?, ?)
ON CONFLICT (ordering_key) DO UPDATE SET state = coalesce(state, excluded.state)
"""


class SQLiteInbox:
    """Keeps events in a SQLite file until they are processed.

    All events of a delivery are stored in one transaction, and the delivery is acknowledged after
    its commit: a process that is killed (`kill -9`) loses no acknowledged event. Events whose
    handlers were running at that moment are processed again; all others are processed once.

    A loss of power also takes what the operating system has not yet written. With
    `synchronous="full"`, the default, events are flushed to the disk before they are acknowledged,
    and survive it if the disk obeys flushes. Results are not flushed each time: events processed
    in the last moments before a loss of power may be processed again. With `"normal"`, the last
    acknowledged events may be lost, too; the file stays intact. Deliveries that arrive at the same
    time share a flush.

    Several processes of one machine can share the file. All of them store and process events, each
    ordering key in one process at a time. A process renews its lease every third of `lease`; when
    it is killed or stopped, its ordering keys are processed elsewhere after `lease`, and what it
    records later is rejected.

    The file must not be on a network drive. Do not open and close it in the same process other
    than with SQLite (to copy it, for instance): that drops SQLite's locks.

    Args:
        path: The file. It is created, with mode 0600, if it is missing. SQLite keeps files beside
            it whose names end with `-wal` and `-shm`.
        dedup_ttl: Seconds for which the key of a handled event is remembered. The platform
            delivers again for 15 minutes.
        lease: Seconds after which the ordering keys of a process that does not respond are
            processed by another one.
        synchronous: `"full"`, or `"normal"` where a loss of power may lose events.
        clock: The clock.

    Raises:
        ConfigurationError: The path is no file, or an argument is out of range.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        dedup_ttl: float = 3600.0,
        lease: float = 15.0,
        synchronous: Literal["full", "normal"] = "full",
        clock: Clock | None = None,
    ) -> None:
        if not lease > 0:
            raise ConfigurationError(f"lease must be more than 0 seconds, not {lease!r}.")
        self._database = Database(path, schema=_SCHEMA, synchronous=synchronous)
        self._dedup_ttl = dedup_ttl
        self._lease = lease
        self._clock = clock or SystemClock()
        self._changed = AutoResetEvent()
        self._worker: int | None = None
        self._until = 0.0
        # The fence of each claim that is held.
        self._held: dict[str, int] = {}
        # By call: claims that were made for a caller that was cancelled meanwhile.
        self._abandoned: list[list[Claim]] = []
        # By worker: its last beat, and when that was first seen.
        self._beats: dict[int, tuple[int, float]] = {}
        self._reaped = -math.inf

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._database.path)!r})"

    async def open(self, *, handles: bool = True) -> None:  # noqa: ARG002 - claiming registers
        """Open the file, and create it if it is missing.

        Raises:
            StorageError: It cannot be opened, is of another kind, or of a newer version of sunco.
        """
        await self._database.open()

    async def close(self) -> None:
        """Release all claims and close the file; see `Inbox`."""
        worker, self._worker = self._worker, None
        self._held.clear()
        with anyio.CancelScope(shield=True):
            # What cannot be released now is free when the lease ends.
            with suppress(StorageError):
                await self._run(lambda c, now: _free(c, worker, now))
            await self._database.close()

    async def heartbeat(self) -> None:
        """Renew the lease and free claims of dead processes until cancelled; see `Inbox`."""
        while True:
            await self._clock.sleep(self._lease / 3)
            begun, worker = monotonic(), self._worker
            is_renewed = await self._run(partial(self._beat, worker=worker))
            if worker == self._worker:
                self._until = begun + self._lease * _SAFE_SHARE if is_renewed else -math.inf

    def _beat(self, connection: sqlite3.Connection, now: float, *, worker: int | None) -> bool:
        """Renew the lease and reap other workers; false if this worker was reaped, or is none."""
        self._reap(connection, now)
        sql = "UPDATE worker SET beat = beat + 1 WHERE id = ?"
        return bool(connection.execute(sql, (worker,)).rowcount)

    def _reap(self, connection: sqlite3.Connection, now: float) -> None:
        """Free the claims of workers that have not renewed their lease, by this process's clock."""
        seen = monotonic()
        if seen < self._reaped + _REAP_INTERVAL:
            return
        beats: dict[int, tuple[int, float]] = {}
        for worker, lease, beat in connection.execute("SELECT id, lease, beat FROM worker"):
            known, since = self._beats.get(worker, (beat, seen))
            beats[worker] = beat, since if beat == known else seen
            if worker != self._worker and beats[worker][1] + lease < seen:
                _free(connection, worker, now)
        self._beats, self._reaped = beats, seen
        connection.execute(
            "DELETE FROM event WHERE status = 'handled' AND changed < ?", (now - self._dedup_ttl,)
        )

    async def _run(
        self, work: Callable[[sqlite3.Connection, float], T], *, flush: bool = False
    ) -> T:
        """Run a job that needs the time.

        It is read within the transaction: otherwise a job could see times of an earlier job in the
        future, as if the clock had been set back.
        """
        return await self._database.run(lambda c: work(c, self._clock.now()), flush=flush)

    async def add(self, events: Sequence[NewEvent]) -> None:
        """Store the events whose keys are not known; see `Inbox`."""
        await self._run(lambda c, now: _add(c, events, now), flush=True)
        self._changed.set()

    async def claim(self, limit: int, *, events: int = 100) -> Sequence[Claim]:
        """Claim ordering keys that are ready; see `Inbox`."""
        until = monotonic() + self._lease * _SAFE_SHARE
        made: list[Claim] = []
        released: list[list[Claim]] = []

        def work(connection: sqlite3.Connection, now: float) -> int:
            # Jobs run in order: what was claimed for cancelled calls before this one is in them.
            released[:] = self._abandoned
            for claim in chain.from_iterable(released):
                _release(connection, claim, now)
            worker = self._worker
            if not self._beat(connection, now, worker=worker) or worker is None:
                sql = "INSERT INTO worker (lease) VALUES (?)"
                worker = connection.execute(sql, (self._lease,)).lastrowid or 0
            made[:] = [
                attrs.evolve(claim, until=until)
                for claim in _claim(connection, worker, now, limit=limit, events=events)
            ]
            return worker

        try:
            worker = await self._run(work)
        except BaseException:
            # Cancelled, perhaps after the claims were made.
            self._abandoned.append(made)
            raise
        # By identity: a list that is empty now is filled when its job runs.
        gone = set(map(id, released))
        self._abandoned = [claims for claims in self._abandoned if id(claims) not in gone]
        if worker != self._worker:
            self._held.clear()
        self._worker, self._until = worker, until
        self._held.update({claim.ordering_key: claim.fence for claim in made})
        return made

    async def record(
        self,
        claim: Claim,
        results: Sequence[EventResult],
        *,
        starting: Sequence[str] = (),
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Store results of a claim; see `Inbox`."""

        def work(connection: sqlite3.Connection, now: float) -> None:
            if _stored(connection, claim) is None:
                raise _lost(claim)
            for result in results:
                connection.execute(_RECORD, _row_of(claim, result, now))
            if starting:
                connection.execute(_START, (json.dumps([storable(key) for key in starting]),))
            if state is not None:
                sql = "UPDATE queue SET state = ? WHERE ordering_key = ?"
                connection.execute(sql, (json.dumps(state), storable(claim.ordering_key)))

        await self._run(work)

    async def release(
        self, claim: Claim, *, delay: float = 0.0, blocked: bool = False, drained: bool
    ) -> None:
        """Give a claim back; see `Inbox`."""
        await self._run(
            lambda c, now: _release(c, claim, now, delay=delay, blocked=blocked, drained=drained)
        )
        if self._held.get(claim.ordering_key) == claim.fence:
            del self._held[claim.ordering_key]
        self._changed.set()

    async def holds(self, claim: Claim) -> float:
        """The claim's current `until`; see `Inbox`."""
        is_held = claim.owner == self._worker and self._held.get(claim.ordering_key) == claim.fence
        if not is_held or monotonic() >= self._until:
            raise _lost(claim)
        return self._until

    async def next_due(self) -> float | None:
        """Seconds until an unclaimed ordering key is ready; see `Inbox`."""

        def work(connection: sqlite3.Connection, now: float) -> float | None:
            ready, is_set_back = connection.execute(_NEXT_DUE, {"now": now}).fetchone()
            if ready is None:
                return None
            return 0.0 if is_set_back else max(ready - now, 0.0)

        return await self._run(work)

    async def wait(self) -> None:
        """Return when events may have become ready; see `Inbox`."""
        await self._changed.wait()

    async def stats(self) -> InboxStats:
        """Count the events; see `Inbox`."""
        pending, failed, handled, oldest = await self._database.run(
            lambda c: c.execute(_STATS).fetchone()
        )
        age = None if oldest is None else max(self._clock.now() - oldest, 0.0)
        return InboxStats(pending=pending, failed=failed, handled=handled, oldest=age)

    async def failed(self, limit: int = 100) -> Sequence[FailedEvent]:
        """The dead-letter list, oldest first; see `Inbox`."""
        rows = await self._database.run(lambda c: c.execute(_FAILED, (limit,)).fetchall())
        return [
            FailedEvent(
                key=key,
                event=StoredEvent(key=key, sequence=sequence, content=content).read(),
                attempts=attempts,
                error=error or "",
                received=received,
                failed=changed,
            )
            for key, sequence, content, received, attempts, error, changed in rows
        ]

    async def retry(self, key: str) -> bool:
        """Process a dead-lettered event again; see `Inbox`."""

        def work(connection: sqlite3.Connection, now: float) -> bool:
            row = {"key": storable(key), "now": now}
            if not connection.execute(_RETRY, row).rowcount:
                return False
            find = "SELECT ordering_key FROM event WHERE key = :key"
            ((ordering_key,),) = connection.execute(find, row)
            connection.execute(_ENQUEUE, row | {"ordering_key": ordering_key})
            return True

        found = await self._run(work, flush=True)
        self._changed.set()
        return found

    async def discard(self, key: str) -> bool:
        """Delete a dead-lettered event; see `Inbox`."""

        def work(connection: sqlite3.Connection, now: float) -> bool:
            row = {"key": storable(key), "now": now}
            return bool(connection.execute(_DISCARD, row).rowcount)

        return await self._delete(work)

    async def purge(self, *, older_than: float) -> int:
        """Delete what has not changed for a while, but no pending events; see `Inbox`."""

        def work(connection: sqlite3.Connection, now: float) -> int:
            before = now - older_than
            sql = "DELETE FROM queue WHERE owner IS NULL AND ready IS NULL AND since <= ?"
            connection.execute(sql, (before,))
            sql = "DELETE FROM event WHERE status <> 'pending' AND changed <= ?"
            return connection.execute(sql, (before,)).rowcount

        return await self._delete(work)

    async def rows(self, after: int, limit: int) -> Sequence[CopiedRow]:
        """Read events in any state, in the order of storing, for a copy.

        Args:
            after: The sequence after which to begin.
            limit: The maximum number of events.
        """
        rows = await self._database.run(lambda c: c.execute(_ROWS, (after, limit)).fetchall())
        names = [field.name for field in attrs.fields(CopiedRow)]
        return [CopiedRow(**dict(zip(names, row, strict=True))) for row in rows]

    async def states(self, after: str, limit: int) -> Sequence[tuple[str, str]]:
        """Read ordering keys that have a state, and their states as JSON, for a copy.

        Args:
            after: The ordering key after which to begin.
            limit: The maximum number of ordering keys.
        """
        return await self._database.run(lambda c: c.execute(_STATES, (after, limit)).fetchall())

    async def insert(self, rows: Sequence[CopiedRow]) -> int:
        """Store events of a copy as they are, in this order; known ones are ignored.

        Args:
            rows: The events.

        Returns:
            How many were stored.
        """

        def work(connection: sqlite3.Connection, now: float) -> int:
            inserted = 0
            for row in rows:
                values = attrs.asdict(row) | {"now": now}
                values["content"] = row.content or None
                is_new = connection.execute(_INSERT, values).rowcount
                inserted += is_new
                if is_new and row.status == "pending":
                    connection.execute(_ENQUEUE, values)
            return inserted

        inserted = await self._run(work, flush=True)
        self._changed.set()
        return inserted

    async def insert_states(self, states: Sequence[tuple[str, str]]) -> None:
        """Store the states of ordering keys that have none, for a copy.

        Args:
            states: Ordering keys and their states as JSON.
        """

        def work(connection: sqlite3.Connection, now: float) -> None:
            rows = [(ordering_key, now, state) for ordering_key, state in states]
            connection.executemany(_INSERT_STATE, rows)

        await self._run(work, flush=True)

    async def _delete(self, work: Callable[[sqlite3.Connection, float], T]) -> T:
        """Run a job that deletes, and remove what it deletes from the write-ahead log, too."""
        result = await self._run(work, flush=True)
        await self._database.checkpoint()
        return result


def _add(connection: sqlite3.Connection, events: Sequence[NewEvent], now: float) -> None:
    for event in events:
        row = {
            "key": storable(event.key),
            "ordering_key": storable(event.ordering_key),
            "content": event.content,
            "now": now,
        }
        if connection.execute(_ADD, row).rowcount:
            connection.execute(_ENQUEUE, row)


def _claim(
    connection: sqlite3.Connection, worker: int, now: float, *, limit: int, events: int
) -> list[Claim]:
    claims: list[Claim] = []
    # Ordering keys that turn out to be empty are parked, and take no place of others.
    while ready := connection.execute(
        _READY, {"now": now, "limit": limit - len(claims)}
    ).fetchall():
        claims += _claim_ready(connection, worker, now, ready, events=events)
    return claims


def _claim_ready(
    connection: sqlite3.Connection,
    worker: int,
    now: float,
    ready: Sequence[tuple[str, int, str | None]],
    *,
    events: int,
) -> list[Claim]:
    ordering_keys = json.dumps([ordering_key for ordering_key, _, _ in ready])
    connection.execute("UPDATE counter SET fence = fence + 1")
    ((fence,),) = connection.execute("SELECT fence FROM counter")
    ownership = {"owner": worker, "fence": fence, "ordering_keys": ordering_keys}
    connection.execute(_CLAIM, ownership)
    found: dict[str, list[StoredEvent]] = {}
    for (
        ordering_key,
        key,
        sequence,
        content,
        received,
        attempts,
        repeated,
        succeeded,
    ) in connection.execute(_PENDING, {"ordering_keys": ordering_keys, "events": events}):
        queue = found.setdefault(ordering_key, [])
        event = StoredEvent(
            key=key,
            sequence=sequence,
            content=content,
            age=max(now - received, 0.0),
            attempts=attempts if queue else attempts + 1,
            repeated=bool(repeated),
            succeeded=tuple(json.loads(succeeded)),
        )
        queue.append(event)
    connection.execute(_START, (json.dumps([queue[0].key for queue in found.values()]),))
    claims: list[Claim] = []
    for ordering_key, stored, state in ready:
        if ordering_key not in found:
            _park(connection, ordering_key, now)
            continue
        claim = Claim(
            ordering_key=ordering_key,
            fence=fence,
            stored=stored,
            owner=worker,
            events=found[ordering_key],
            until=math.inf,
            state={} if state is None else json.loads(state),
        )
        claims.append(claim)
    return claims


def _stored(connection: sqlite3.Connection, claim: Claim) -> int | None:
    """How often events have been added to the ordering key; None if the claim is lost."""
    row = connection.execute(
        _HELD,
        {
            "ordering_key": storable(claim.ordering_key),
            "owner": claim.owner,
            "fence": claim.fence,
        },
    ).fetchone()
    return None if row is None else int(row[0])


def _release(
    connection: sqlite3.Connection,
    claim: Claim,
    now: float,
    *,
    delay: float = 0.0,
    blocked: bool = False,
    drained: bool = False,
) -> None:
    stored = _stored(connection, claim)
    if stored is None:
        return
    is_new = stored != claim.stored
    if drained and not is_new:
        _park(connection, storable(claim.ordering_key), now)
        return
    waits = not drained and (blocked or not is_new)
    row = {
        "ordering_key": storable(claim.ordering_key),
        "now": now,
        "ready": now + delay if waits else now,
        "blocked": blocked and waits,
    }
    connection.execute(_RELEASE, row)


def _park(connection: sqlite3.Connection, ordering_key: str, now: float) -> None:
    sql = "DELETE FROM queue WHERE ordering_key = ? AND state IS NULL"
    if not connection.execute(sql, (ordering_key,)).rowcount:
        connection.execute(_PARK, {"ordering_key": ordering_key, "now": now})


def _free(connection: sqlite3.Connection, worker: int | None, now: float) -> None:
    connection.execute(_FREE, {"owner": worker, "now": now})
    connection.execute("DELETE FROM worker WHERE id = ?", (worker,))


def _row_of(claim: Claim, result: EventResult, now: float) -> dict[str, Any]:
    row = attrs.asdict(result, recurse=False)
    return row | {
        "key": storable(result.key),
        "ordering_key": storable(claim.ordering_key),
        "succeeded": json.dumps(list(result.succeeded)),
        "error": None if result.error is None else storable(result.error),
        "now": now,
    }


def _lost(claim: Claim) -> ClaimLostError:
    return ClaimLostError(
        f"The claim of {claim.ordering_key} is lost: its lease expired, or it was released."
    )
