"""An inbox that outlives the process."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import anyio.to_thread
import attrs

from sunco._clock import Clock, SystemClock
from sunco._storage.database import Database, Schema
from sunco._sync import AutoResetEvent
from sunco.webhooks.inbox._lanes import (
    FailedEvent,
    InboxStats,
    Lane,
    NewEvent,
    Outcome,
    StoredEvent,
)

__all__ = ["SQLiteInbox"]

_TABLES: Final = """
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
CREATE INDEX soonest ON lanes (ready)
"""
_SCHEMA: Final = Schema(name="inbox", application_id=0, migrations=[_TABLES])

_STORE: Final = """
INSERT OR IGNORE INTO events (identity, lane, content, received) VALUES (?, ?, ?, ?)
"""
_ENTER: Final = """
INSERT INTO lanes (lane, ready) VALUES (?, ?)
ON CONFLICT (lane) DO UPDATE SET ready = min(ready, excluded.ready) WHERE NOT held
"""
_LANES: Final = "SELECT lane, ready FROM lanes ORDER BY ready LIMIT ?"
_PENDING: Final = """
SELECT identity, sequence, content, received, attempts, succeeded FROM events
WHERE lane = ? AND state = 'pending' ORDER BY sequence LIMIT ?
"""
# What a handled event says is of no use any more; its identity is.
_SETTLE: Final = """
UPDATE events SET state = :state, changed = :now, attempts = :attempts, error = :error,
    succeeded = :succeeded, content = CASE :state WHEN 'handled' THEN NULL ELSE content END
WHERE identity = :identity
"""
_LEAVE: Final = """
DELETE FROM lanes WHERE lane = :lane
AND NOT EXISTS (SELECT 1 FROM events WHERE lane = :lane AND state = 'pending')
"""
_GO_ON: Final = """
UPDATE lanes SET held = :held, ready = CASE
    WHEN NOT :held AND :seen IS NOT NULL AND EXISTS (
        SELECT 1 FROM events WHERE lane = :lane AND state = 'pending' AND sequence > :seen
    ) THEN min(ready, :ready) ELSE :ready END
WHERE lane = :lane
"""
_FORGET: Final = "DELETE FROM events WHERE state = 'handled' AND changed < ?"
_STATS: Final = """
SELECT (SELECT count(*) FROM events WHERE state = 'pending'),
    (SELECT count(*) FROM events WHERE state = 'failed'),
    (SELECT count(*) FROM events WHERE state = 'handled'),
    (SELECT min(received) FROM events WHERE state = 'pending')
"""
_FAILED: Final = """
SELECT identity, sequence, content, received, attempts, error, changed FROM events
WHERE state = 'failed' ORDER BY sequence LIMIT ?
"""
_RETRY: Final = """
UPDATE events SET state = 'pending', attempts = 0, error = NULL
WHERE identity = ? AND state = 'failed'
"""


class SQLiteInbox:
    """Keeps events in a SQLite database until they are handled.

    All events of a delivery are stored in one transaction, and the delivery is answered after its
    commit: an acknowledged event is in the file, and a process that is killed (`kill -9`) loses
    none. An event that is being handled at that moment is handled again by the next process, from
    its first handler on; all others are not.

    Losing power is worse than being killed, as it takes what the operating system has not written
    yet. With `synchronous="full"`, the default, events are flushed to the disk before they are
    acknowledged, so that a disk that does not lie about flushing keeps them through that as well.
    That they were handled is not flushed each time: those handled in the last moments before the
    power went can be handled again. With `"normal"` the last commits can be gone, and with them
    acknowledged events (the database stays whole); a killed process alone loses nothing with it
    either. Deliveries that arrive at the same time share a flush.

    Several processes on one machine can use the same file: all store, one handles, and when it
    ends, however it does, another takes over within a second. For that there is a second file
    beside it, with `-leader` at the end of its name; what SQLite needs ends in `-wal` and `-shm`.
    The file must not be on a network drive.

    Args:
        path: The file; it is made, for this user alone, if it does not exist.
        remember: For how many seconds a handled event's id is remembered, after which its row is
            deleted. The platform delivers again for 15 minutes.
        synchronous: `"full"`, or `"normal"` where losing power may lose events.
        clock: Where the time comes from.

    Raises:
        ConfigurationError: The path is none that could outlive the process.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        remember: float = 3600.0,
        synchronous: Literal["full", "normal"] = "full",
        clock: Clock | None = None,
    ) -> None:
        self._path = Path(path)
        self._remember = remember
        self._clock = clock or SystemClock()
        self._journal = Database(path, schema=_SCHEMA, synchronous=synchronous)
        self._leadership: sqlite3.Connection | None = None
        self._changed = AutoResetEvent()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._path)!r})"

    async def open(self) -> None:
        """Open the file, and make it if there is none.

        Raises:
            ConfigurationError: It cannot be opened, or another version of sunco made it.
        """
        await self._journal.open()

    async def close(self) -> None:
        """Close the file, and let another process handle what is in it."""
        await self._journal.close()
        leadership, self._leadership = self._leadership, None
        if leadership is not None:
            leadership.close()

    async def lead(self) -> bool:
        """Whether this process is the one that handles events; see `Inbox`."""
        if self._leadership is None:
            await anyio.to_thread.run_sync(self._try_to_lead)
        return self._leadership is not None

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

    async def store(self, events: Sequence[NewEvent], now: float) -> None:
        """Store those events that are not known; see `Inbox`."""

        def work(connection: sqlite3.Connection) -> None:
            for event in events:
                row = (event.identity, event.lane, event.content, now)
                if connection.execute(_STORE, row).rowcount:
                    connection.execute(_ENTER, (event.lane, now))

        await self._journal.run(work, flush=True)
        self._changed.set()

    async def lanes(self, limit: int) -> Sequence[Lane]:
        """Lanes with pending events; see `Inbox`."""
        rows = await self._journal.run(lambda c: c.execute(_LANES, (limit,)).fetchall())
        return [Lane(name=name, ready=ready) for name, ready in rows]

    async def pending(self, lane: str, limit: int) -> Sequence[StoredEvent]:
        """A lane's oldest pending events; see `Inbox`."""
        rows = await self._journal.run(lambda c: c.execute(_PENDING, (lane, limit)).fetchall())
        return [
            StoredEvent(
                identity=identity,
                sequence=sequence,
                content=content,
                received=received,
                attempts=attempts,
                succeeded=tuple(json.loads(succeeded)),
            )
            for identity, sequence, content, received, attempts, succeeded in rows
        ]

    async def settle(
        self,
        lane: str,
        outcomes: Sequence[Outcome],
        *,
        now: float,
        ready: float,
        held: bool = False,
        seen: int | None = None,
    ) -> None:
        """Keep what became of a lane's events; see `Inbox`."""

        def work(connection: sqlite3.Connection) -> None:
            for outcome in outcomes:
                row = attrs.asdict(outcome)
                row |= {"succeeded": json.dumps(list(outcome.succeeded)), "now": now}
                connection.execute(_SETTLE, row)
            left = connection.execute(_LEAVE, {"lane": lane}).rowcount
            if not left:
                fate = {"lane": lane, "ready": ready, "held": held, "seen": seen}
                connection.execute(_GO_ON, fate)
            connection.execute(_FORGET, (now - self._remember,))

        await self._journal.run(work)

    async def wait(self) -> None:
        """Return when events may have become ready; see `Inbox`."""
        await self._changed.wait()

    async def stats(self) -> InboxStats:
        """Count what is in the inbox."""
        pending, failed, handled, oldest = await self._journal.run(
            lambda c: c.execute(_STATS).fetchone()
        )
        return InboxStats(pending=pending, failed=failed, handled=handled, oldest=oldest)

    async def failed(self, limit: int = 100) -> Sequence[FailedEvent]:
        """The events that were set aside, the oldest first; see `Inbox`."""
        rows = await self._journal.run(lambda c: c.execute(_FAILED, (limit,)).fetchall())
        return [
            FailedEvent(
                id=identity,
                event=StoredEvent(
                    identity=identity, sequence=sequence, content=content, received=received
                ).read(),
                attempts=attempts,
                error=error,
                received=received,
                failed=changed,
            )
            for identity, sequence, content, received, attempts, error, changed in rows
        ]

    async def retry(self, id: str) -> bool:  # noqa: A002 - the API's word
        """Handle an event that was set aside anew; see `Inbox`."""
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> bool:
            if not connection.execute(_RETRY, (id,)).rowcount:
                return False
            find = "SELECT lane FROM events WHERE identity = ?"
            (lane,) = connection.execute(find, (id,)).fetchone()
            connection.execute(_ENTER, (lane, now))
            return True

        found = await self._journal.run(work, flush=True)
        self._changed.set()
        return found
