"""An inbox in a SQLite file."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import anyio.to_thread

from sunco._clock import Clock, SystemClock
from sunco._storage.database import Database, Schema
from sunco._sync import AutoResetEvent
from sunco.webhooks.inbox.base import (
    Claim,
    ClaimLostError,
    EventResult,
    FailedEvent,
    InboxStats,
    NewEvent,
    StoredEvent,
)

__all__ = ["SQLiteInbox"]

_TABLES: Final = """
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    ordering_key TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending',
    content BLOB,
    received REAL NOT NULL,
    changed REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    repeated INTEGER NOT NULL DEFAULT 0,
    succeeded TEXT NOT NULL DEFAULT '[]',
    error TEXT
);
CREATE INDEX pending ON events (ordering_key, sequence) WHERE status = 'pending';
CREATE INDEX failed ON events (sequence) WHERE status = 'failed';
CREATE INDEX handled ON events (changed) WHERE status = 'handled';
CREATE TABLE queues (
    ordering_key TEXT PRIMARY KEY,
    ready REAL NOT NULL,
    delay REAL NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0,
    stored INTEGER NOT NULL DEFAULT 0,
    fence INTEGER NOT NULL DEFAULT 0,
    claimed INTEGER NOT NULL DEFAULT 0,
    changed REAL NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
CREATE INDEX soonest ON queues (ready)
"""
_SCHEMA: Final = Schema(name="inbox", application_id=0, migrations=[_TABLES])

_PARKED: Final = 1e300
_ADD: Final = """
INSERT OR IGNORE INTO events (key, ordering_key, content, received) VALUES (?, ?, ?, ?)
"""
_ENQUEUE: Final = """
INSERT INTO queues (ordering_key, ready, stored) VALUES (:ordering_key, :now, 1)
ON CONFLICT (ordering_key) DO UPDATE SET stored = stored + 1,
    ready = CASE WHEN blocked THEN ready ELSE min(ready, :now) END,
    delay = CASE WHEN blocked THEN delay ELSE 0 END
"""
# A clock that was set back does not prolong a delay.
_READY: Final = """
SELECT ordering_key, stored, fence, state FROM queues
WHERE NOT claimed AND (ready <= :now OR (ready < 1e300 AND ready - delay > :now))
ORDER BY ready LIMIT :limit
"""
_PENDING: Final = """
SELECT key, sequence, content, received, attempts, repeated, succeeded FROM events
WHERE ordering_key = ? AND status = 'pending' ORDER BY sequence LIMIT ?
"""
_RECORD: Final = """
UPDATE events SET status = :status, changed = :now, attempts = :attempts, error = :error,
    repeated = :repeated, succeeded = :succeeded,
    content = CASE :status WHEN 'handled' THEN NULL ELSE content END
WHERE key = :key AND status <> 'handled'
"""
_HELD: Final = "SELECT stored FROM queues WHERE ordering_key = ? AND claimed AND fence = ?"
_FORGET: Final = "DELETE FROM events WHERE status = 'handled' AND changed < ?"
_STATS: Final = """
SELECT (SELECT count(*) FROM events WHERE status = 'pending'),
    (SELECT count(*) FROM events WHERE status = 'failed'),
    (SELECT count(*) FROM events WHERE status = 'handled'),
    (SELECT min(received) FROM events WHERE status = 'pending')
"""
_FAILED: Final = """
SELECT key, sequence, content, received, attempts, error, changed FROM events
WHERE status = 'failed' ORDER BY sequence LIMIT ?
"""
_RETRY: Final = """
UPDATE events SET status = 'pending', attempts = 0, repeated = 1, error = NULL
WHERE key = ? AND status = 'failed'
"""


class SQLiteInbox:
    """Keeps events in a SQLite database until they are handled.

    All events of a delivery are stored in one transaction, and the delivery is acknowledged after
    its commit: an acknowledged event is in the file, and a process that is killed (`kill -9`) loses
    none. An event that is being handled at that moment is handled again by the next process, from
    its first handler on; all others are not.

    Losing power is worse than being killed, as it takes what the operating system has not written
    yet. With `synchronous="full"`, the default, events are flushed to the disk before they are
    acknowledged, so that a disk that does not lie about flushing keeps them through that as well.
    That they were handled is not flushed each time: those handled in the last moments before the
    power went can be handled again. With `"normal"` the last commits can be gone, and with them
    acknowledged events (the database stays whole); a killed process alone loses nothing with it
    either. Deliveries that arrive at the same time share a flush.

    Several processes on one machine can use the same file: all store, one processes events.
    The file must not be on a network drive.

    Args:
        path: The file; it is created, for this user alone, if it does not exist.
        dedup_ttl: Seconds for which the key of a handled event is remembered. The platform
            delivers again for 15 minutes.
        synchronous: `"full"`, or `"normal"` where losing power may lose events.
        clock: The clock.

    Raises:
        ConfigurationError: The path cannot outlive the process.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        dedup_ttl: float = 3600.0,
        synchronous: Literal["full", "normal"] = "full",
        clock: Clock | None = None,
    ) -> None:
        self._path = Path(path)
        self._dedup_ttl = dedup_ttl
        self._clock = clock or SystemClock()
        self._journal = Database(path, schema=_SCHEMA, synchronous=synchronous)
        self._leadership: sqlite3.Connection | None = None
        self._changed = AutoResetEvent()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._path)!r})"

    async def open(self, *, handles: bool = True) -> None:  # noqa: ARG002 - all can claim
        """Open the file, and create it if there is none.

        Raises:
            ConfigurationError: It cannot be opened, or another version of sunco created it.
        """
        await self._journal.open()

    async def close(self) -> None:
        """Close the file, and let another process claim."""
        await self._journal.close()
        leadership, self._leadership = self._leadership, None
        if leadership is not None:
            leadership.close()

    async def heartbeat(self) -> None:
        """Return at once: claims end with the process."""

    def _try_to_lead(self) -> None:
        # The operating system ends the lock with the process, however that ends.
        connection = sqlite3.connect(
            f"{self._path}-leader", timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            connection.close()
        else:
            self._leadership = connection

    async def add(self, events: Sequence[NewEvent]) -> None:
        """Store the events whose keys are not known; see `Inbox`."""
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            for event in events:
                row = (event.key, event.ordering_key, event.content, now)
                if connection.execute(_ADD, row).rowcount:
                    connection.execute(_ENQUEUE, {"ordering_key": event.ordering_key, "now": now})

        await self._journal.run(work, flush=True)
        self._changed.set()

    async def claim(self, limit: int, *, events: int = 100) -> Sequence[Claim]:
        """Claim ordering keys that are ready; see `Inbox`."""
        if self._leadership is None:
            await anyio.to_thread.run_sync(self._try_to_lead)
            if self._leadership is None:
                return []
            await self._journal.run(lambda c: c.execute("UPDATE queues SET claimed = 0"))
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> list[Claim]:
            ready = connection.execute(_READY, {"now": now, "limit": limit}).fetchall()
            return [claim for row in ready if (claim := self._claim(connection, row, events, now))]

        return await self._journal.run(work)

    def _claim(
        self, connection: sqlite3.Connection, row: Any, events: int, now: float
    ) -> Claim | None:
        ordering_key, stored, fence, state = row
        rows = connection.execute(_PENDING, (ordering_key, events)).fetchall()
        if not rows:
            _park(connection, ordering_key)
            return None
        sql = "UPDATE queues SET claimed = 1, blocked = 0, fence = ? WHERE ordering_key = ?"
        connection.execute(sql, (fence + 1, ordering_key))
        sql = "UPDATE events SET attempts = attempts + 1 WHERE key = ?"
        connection.execute(sql, (rows[0][0],))
        found = [
            StoredEvent(
                key=key,
                sequence=sequence,
                content=content,
                age=max(now - received, 0.0),
                attempts=attempts + (number == 0),
                repeated=bool(repeated),
                succeeded=tuple(json.loads(succeeded)),
            )
            for number, (key, sequence, content, received, attempts, repeated, succeeded) in (
                enumerate(rows)
            )
        ]
        return Claim(
            ordering_key=ordering_key,
            fence=fence + 1,
            stored=stored,
            owner=1,
            events=found,
            until=math.inf,
            state=json.loads(state),
        )

    async def record(
        self,
        claim: Claim,
        results: Sequence[EventResult],
        *,
        starting: Sequence[str] = (),
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Store results; see `Inbox`."""
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> bool:
            if not connection.execute(_HELD, (claim.ordering_key, claim.fence)).fetchone():
                return False
            for result in results:
                row = {
                    "key": result.key,
                    "status": result.status,
                    "attempts": result.attempts,
                    "repeated": result.repeated,
                    "succeeded": json.dumps(list(result.succeeded)),
                    "error": result.error,
                    "now": now,
                }
                connection.execute(_RECORD, row)
            for key in starting:
                sql = "UPDATE events SET attempts = attempts + 1 WHERE key = ?"
                connection.execute(sql, (key,))
            if state is not None:
                sql = "UPDATE queues SET state = ? WHERE ordering_key = ?"
                connection.execute(sql, (json.dumps(state), claim.ordering_key))
            connection.execute(_FORGET, (now - self._dedup_ttl,))
            return True

        if not await self._journal.run(work):
            raise ClaimLostError(f"The claim of {claim.ordering_key} is lost.")

    async def release(
        self, claim: Claim, *, delay: float = 0.0, blocked: bool = False, drained: bool
    ) -> None:
        """Give a claim back; see `Inbox`."""
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            held = connection.execute(_HELD, (claim.ordering_key, claim.fence)).fetchone()
            if held is None:
                return
            changed = held[0] != claim.stored
            if drained and not changed:
                _park(connection, claim.ordering_key)
                return
            waits = not drained and (blocked or not changed)
            waiting = delay if waits else 0.0
            connection.execute(
                "UPDATE queues SET claimed = 0, ready = ?, delay = ?, blocked = ? "
                "WHERE ordering_key = ?",
                (now + waiting, waiting, blocked and waits, claim.ordering_key),
            )

        await self._journal.run(work)
        self._changed.set()

    async def holds(self, claim: Claim) -> float:  # noqa: ARG002 - it cannot be lost
        """Infinity; see `Inbox`."""
        return math.inf

    async def next_due(self) -> float | None:
        """Seconds until an ordering key is ready; see `Inbox`."""
        if self._leadership is None:
            return None
        now = self._clock.now()
        sql = "SELECT min(ready) FROM queues WHERE NOT claimed AND ready < 1e300"
        (ready,) = await self._journal.run(lambda c: c.execute(sql).fetchone())
        return None if ready is None else max(ready - now, 0.0)

    async def wait(self) -> None:
        """Return when events may have become ready; see `Inbox`."""
        await self._changed.wait()

    async def stats(self) -> InboxStats:
        """Count the events; see `Inbox`."""
        pending, failed, handled, oldest = await self._journal.run(
            lambda c: c.execute(_STATS).fetchone()
        )
        age = None if oldest is None else max(self._clock.now() - oldest, 0.0)
        return InboxStats(pending=pending, failed=failed, handled=handled, oldest=age)

    async def failed(self, limit: int = 100) -> Sequence[FailedEvent]:
        """The dead-letter list, oldest first; see `Inbox`."""
        rows = await self._journal.run(lambda c: c.execute(_FAILED, (limit,)).fetchall())
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
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> bool:
            if not connection.execute(_RETRY, (key,)).rowcount:
                return False
            find = "SELECT ordering_key FROM events WHERE key = ?"
            (ordering_key,) = connection.execute(find, (key,)).fetchone()
            connection.execute(_ENQUEUE, {"ordering_key": ordering_key, "now": now})
            return True

        found = await self._journal.run(work, flush=True)
        self._changed.set()
        return found

    async def discard(self, key: str) -> bool:
        """Delete a dead-lettered event; see `Inbox`."""
        now = self._clock.now()
        sql = (
            "UPDATE events SET status = 'handled', content = NULL, error = NULL, changed = ? "
            "WHERE key = ? AND status = 'failed'"
        )
        return await self._journal.run(lambda c: bool(c.execute(sql, (now, key)).rowcount))

    async def purge(self, *, older_than: float) -> int:
        """Delete what has not changed for a while, but no pending events; see `Inbox`."""
        before = self._clock.now() - older_than
        sql = "DELETE FROM events WHERE status <> 'pending' AND changed <= ?"
        return await self._journal.run(lambda c: c.execute(sql, (before,)).rowcount)


def _park(connection: sqlite3.Connection, ordering_key: str) -> None:
    connection.execute(
        "DELETE FROM queues WHERE ordering_key = ? AND state = '{}'", (ordering_key,)
    )
    connection.execute(
        "UPDATE queues SET claimed = 0, ready = ?, delay = 0, blocked = 0 WHERE ordering_key = ?",
        (_PARKED, ordering_key),
    )
