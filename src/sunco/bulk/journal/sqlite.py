"""A journal in a SQLite file."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import time
from typing import Final, Literal

import attrs

from sunco import StorageError
from sunco._storage.database import Database, Job, Schema, storable
from sunco._storage.file_lock import FileLock
from sunco.bulk.journal.base import Claim, Completion, Entry, EntryState, decide

__all__ = ["SQLiteJournal"]

_SCHEMA: Final = Schema(
    name="journal",
    application_id=0x53554E43,
    migrations=[
        """
        CREATE TABLE job (name TEXT NOT NULL, run INTEGER NOT NULL);
        CREATE TABLE keys (
            key TEXT PRIMARY KEY,
            state TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            run INTEGER NOT NULL,
            first REAL NOT NULL,
            changed REAL NOT NULL,
            fingerprint TEXT,
            error TEXT,
            result TEXT
        ) WITHOUT ROWID
        """,
        """
        ALTER TABLE keys RENAME TO entry;
        ALTER TABLE entry RENAME COLUMN first TO first_started
        """,
    ],
)
# One statement for many keys: each statement releases the interpreter's lock, and then competes
# with the event loop for it.
_ENTRIES: Final = """
SELECT key, state, attempts, run, first_started, changed, fingerprint, error, result
FROM entry WHERE key IN (SELECT value FROM json_each(?))
"""
_START: Final = """
INSERT INTO entry (key, state, attempts, run, first_started, changed, fingerprint)
SELECT json_extract(value, '$[0]'), 'started', 1, :run, :now, :now, json_extract(value, '$[1]')
FROM json_each(:rows)
"""
_RESTART: Final = """
UPDATE entry SET state = 'started', attempts = attempts + 1, run = :run, changed = :now
WHERE key IN (SELECT value FROM json_each(:keys))
"""
_RECORD: Final = """
INSERT INTO entry (key, state, attempts, run, first_started, changed, error, result)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0, 0, 0, :now,
    json_extract(value, '$[2]'), json_extract(value, '$[3]')
FROM json_each(:rows) WHERE true
ON CONFLICT (key) DO UPDATE SET state = excluded.state, changed = excluded.changed,
    error = excluded.error, result = excluded.result
"""
_COUNTS: Final = "SELECT state, count(*) FROM entry GROUP BY state"
_NEW: Final = Claim("new")


@attrs.frozen
class _Request:
    """A call of `claim`."""

    key: str
    fingerprint: bytes | None
    retry_uncertain: bool


@attrs.define
class _Batch:
    """Calls that one job of the database writes."""

    job: Job[list[Claim]] = attrs.field(init=False)
    requests: list[_Request] = attrs.field(factory=list[_Request])
    completions: list[Completion] = attrs.field(factory=list[Completion])


class SQLiteJournal:
    """A journal in a SQLite file, which outlives the process.

    An item is started after that has been committed, and counts as done after that has been: a
    process that is killed (`kill -9`) loses no outcome, and leaves the items in flight as
    `started`. Calls that wait at the same time share a transaction.

    With `synchronous="full"`, the default, that also holds when the power fails, if the disk obeys
    flushes. `"normal"` leaves flushing to the operating system: faster on slow disks, but the last
    items before a loss of power may be processed again.

    One run at a time can use the file, which must not be on a network drive. Beside it there are
    files whose names end with `-lock`, `-wal` and `-shm`.

    Args:
        path: The file. It is created, with mode 0600, if it is missing.
        synchronous: `"full"` or `"normal"`.

    Raises:
        ConfigurationError: The path is no file, or `synchronous` is neither.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, synchronous: Literal["full", "normal"] = "full"
    ) -> None:
        self._database = Database(path, schema=_SCHEMA, synchronous=synchronous)
        path = self._database.path
        self._lock = FileLock(f"{path}-lock", name=f"The journal {path}")
        self._is_open = False
        self._run = 0
        self._batch: _Batch | None = None
        # The event loop fills a batch, and the writer thread takes it.
        self._filling = threading.Lock()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._database.path)!r})"

    async def open(self, job: str) -> None:
        """Begin a run; see `Journal`."""
        if self._is_open:
            raise StorageError("The journal is in use by another run.")
        self._is_open = True
        path = self._database.path
        try:
            await self._database.open()
            # The lock excludes other processes. Should it be lost, the number of the run does.
            self._lock.acquire()
            self._run = await self._database.run(lambda c: _begin_run(c, path, job), flush=True)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the run; see `Journal`."""
        await self._database.close()
        self._lock.release()
        self._is_open = False

    async def claim(self, key: str, fingerprint: bytes | None, *, retry_uncertain: bool) -> Claim:
        """Record that an item is started; see `Journal`."""
        if storable(key) != key:
            raise StorageError(f"The journal cannot store the key {key!r}.")
        requests = [_Request(key, fingerprint, retry_uncertain)]
        (claim,) = await self._write(requests, [])
        return claim

    async def record(self, completions: Sequence[Completion]) -> None:
        """Record the outcomes of items; see `Journal`."""
        await self._write([], completions)

    async def entry(self, key: str) -> Entry | None:
        """The entry of a key; see `Journal`."""
        return (await self._database.run(lambda c: _entries(c, [key]))).get(key)

    async def counts(self) -> Mapping[EntryState, int]:
        """The number of keys in each state."""
        none: dict[EntryState, int] = {"started": 0, "done": 0, "failed": 0, "uncertain": 0}
        rows = await self._database.run(lambda c: c.execute(_COUNTS).fetchall())
        return none | dict(rows)

    async def _write(
        self, requests: Sequence[_Request], completions: Sequence[Completion]
    ) -> Sequence[Claim]:
        with self._filling:
            batch = self._batch
            if batch is None:
                batch = _Batch()
                batch.job = self._database.submit(partial(self._write_batch, batch), flush=True)
                self._batch = batch
            first = len(batch.requests)
            batch.requests.extend(requests)
            batch.completions.extend(completions)
        try:
            claims = await self._database.wait(batch.job)
        finally:
            self._close_batch(batch)
        return claims[first : first + len(requests)]

    def _close_batch(self, batch: _Batch) -> None:
        with self._filling:
            if self._batch is batch:
                self._batch = None

    def _write_batch(self, batch: _Batch, connection: sqlite3.Connection) -> list[Claim]:
        self._close_batch(batch)
        ((run,),) = connection.execute("SELECT run FROM job")
        if run != self._run:
            raise StorageError(
                f"The journal {self._database.path} is in use by another process, which began run "
                f"{run} after this process had lost its lock."
            )
        now = time()
        if batch.completions:
            connection.execute(_RECORD, {"now": now, "rows": _rows_of(batch.completions)})
        return _claim_all(connection, batch.requests, run, now) if batch.requests else []


def _begin_run(connection: sqlite3.Connection, path: Path, job: str) -> int:
    row = connection.execute("SELECT name, run FROM job").fetchone()
    name, run = row or (job, 0)
    if name != job:
        raise StorageError(
            f"The journal {path} belongs to another job, {name!r}, not {job!r}: use another path, "
            "or the name that the job had."
        )
    if row is None:
        connection.execute("INSERT INTO job VALUES (?, 1)", (job,))
    else:
        connection.execute("UPDATE job SET run = run + 1")
    return int(run) + 1


def _claim_all(
    connection: sqlite3.Connection, requests: Sequence[_Request], run: int, now: float
) -> list[Claim]:
    known = _entries(connection, [request.key for request in requests])
    new: dict[str, str | None] = {}
    retried: set[str] = set()
    claims: list[Claim] = []
    for request in requests:
        key, fingerprint = request.key, request.fingerprint
        before = known.get(key)
        decision = decide(before, fingerprint, run=run, retry_uncertain=request.retry_uncertain)
        if key in new or key in retried:
            decision = "duplicate"
        elif decision == "new":
            new[key] = fingerprint.hex() if fingerprint else None
        elif decision == "retry":
            retried.add(key)
        claims.append(_NEW if decision == "new" else Claim(decision, before))
    if new:
        rows = {"run": run, "now": now, "rows": json.dumps(list(new.items()))}
        connection.execute(_START, rows)
    if retried:
        keys = {"run": run, "now": now, "keys": json.dumps(list(retried))}
        connection.execute(_RESTART, keys)
    return claims


def _rows_of(completions: Sequence[Completion]) -> str:
    return json.dumps(
        [
            (
                completion.key,
                completion.status,
                None if completion.error is None else storable(completion.error),
                None if completion.result is None else storable(completion.result),
            )
            for completion in completions
        ]
    )


def _entries(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Entry]:
    rows = connection.execute(_ENTRIES, (json.dumps(keys),)).fetchall()
    return {
        key: Entry(
            state=state,
            attempts=attempts,
            run=run,
            first_started=first_started,
            changed=changed,
            fingerprint=None if fingerprint is None else bytes.fromhex(fingerprint),
            error=error,
            result=result,
        )
        for key, state, attempts, run, first_started, changed, fingerprint, error, result in rows
    }
