"""A journal that outlives the process."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import time
from typing import Final, Literal, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import attrs

from sunco import ConfigurationError, StorageError
from sunco.bulk.journal.base import Claim, Completion, Entry, EntryState, decide

__all__ = ["SQLiteJournal"]

T = TypeVar("T")

_APPLICATION: Final = 0x53554E43
_VERSION: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE job (name TEXT NOT NULL, run INTEGER NOT NULL)",
    """
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
)
# What is done to many keys is one statement: each gives up the interpreter's lock, and waits for it
# with all that the event loop does.
_ENTRIES: Final = """
SELECT key, state, attempts, run, first, changed, fingerprint, error, result
FROM keys WHERE key IN (SELECT value FROM json_each(?))
"""
_START: Final = """
INSERT INTO keys (key, state, attempts, run, first, changed, fingerprint)
SELECT json_extract(value, '$[0]'), 'started', 1, :run, :now, :now, json_extract(value, '$[1]')
FROM json_each(:rows)
"""
_RESTART: Final = """
UPDATE keys SET state = 'started', attempts = attempts + 1, run = ?, changed = ?
WHERE key IN (SELECT value FROM json_each(?))
"""
_SETTLE: Final = """
INSERT INTO keys (key, state, attempts, run, first, changed, error, result)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0, 0, 0, :now,
    json_extract(value, '$[2]'), json_extract(value, '$[3]')
FROM json_each(:rows) WHERE true
ON CONFLICT (key) DO UPDATE SET state = excluded.state, changed = excluded.changed,
    error = excluded.error, result = excluded.result
"""
_COUNTS: Final = "SELECT state, count(*) FROM keys GROUP BY state"
_NEW: Final = Claim("new")


@attrs.define
class _Wish:
    """An item that asks whether it may be carried out."""

    key: str
    fingerprint: bytes | None
    retry_uncertain: bool
    claim: Claim = _NEW


class _Batch:
    """What is written in one transaction."""

    def __init__(self) -> None:
        self.wishes: list[_Wish] = []
        self.fates: list[tuple[str | None, ...]] = []
        self.begun = False
        self.error: Exception | None = StorageError("The journal was given up meanwhile.")
        self.written = anyio.Event()

    def write(self, connection: sqlite3.Connection, run: int) -> None:
        """Write it all, and fill in the decisions."""
        now = time()
        if self.fates:
            connection.execute(_SETTLE, {"now": now, "rows": _json(self.fates)})
        known = _entries(connection, [wish.key for wish in self.wishes]) if self.wishes else {}
        new: dict[str, str | None] = {}
        again: list[str] = []
        for wish in self.wishes:
            before = known.get(wish.key)
            decision = decide(
                before, wish.fingerprint, run=run, retry_uncertain=wish.retry_uncertain
            )
            if wish.key in new or wish.key in again:
                decision = "duplicate"
            wish.claim = _NEW if decision == "new" else Claim(decision, before)
            if decision == "new":
                new[wish.key] = wish.fingerprint.hex() if wish.fingerprint else None
            elif decision == "retry":
                again.append(wish.key)
        if new:
            rows = {"run": run, "now": now, "rows": _json(list(new.items()))}
            connection.execute(_START, rows)
        if again:
            connection.execute(_RESTART, (run, now, _json(again)))


class SQLiteJournal:
    """Keeps a job's journal in a SQLite file.

    What is noted together is written in one transaction, by one worker thread, so that thousands of
    items a second need no more flushes than a disk can do. An item is started after that is in the
    file, and counts as done after that is: a process that is killed (`kill -9`) loses nothing that
    was done, and leaves what was under way as `started`.

    With `synchronous="full"`, the default, that holds when the power fails as well, if the disk
    does not lie about flushing. `"normal"` leaves flushing to the operating system: faster on slow
    disks, and the last items before the power failed can be done again.

    One process at a time can use the file, which must not be on a network drive. SQLite keeps a
    second file beside it, with `-wal` at the end of its name.

    Args:
        path: The file; it is made, for this user alone, if it does not exist.
        synchronous: `"full"`, or `"normal"`.

    Raises:
        ConfigurationError: The path is none that could outlive the process.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, synchronous: Literal["full", "normal"] = "full"
    ) -> None:
        if str(path) in {"", ":memory:"}:
            raise ConfigurationError("A journal needs a file; without one there is MemoryJournal.")
        if synchronous not in {"full", "normal"}:
            raise ConfigurationError('synchronous is "full" or "normal".')
        self._path = Path(path)
        self._synchronous = synchronous
        self._connection: sqlite3.Connection | None = None
        self._run = 0
        self._batch = _Batch()
        self._turn = anyio.Lock()
        # A task that is cancelled from outside anyio leaves its thread running: the next one must
        # wait for it.
        self._thread_turn = threading.Lock()
        self._threads = anyio.CapacityLimiter(1)

    def __repr__(self) -> str:
        return f"SQLiteJournal({str(self._path)!r})"

    async def open(self, job: str) -> None:
        """Begin a run; see `Journal`."""
        await self._in_thread(lambda: self._connect(job))

    async def close(self) -> None:
        """End the run; see `Journal`."""
        with anyio.CancelScope(shield=True):
            async with self._turn:
                await self._in_thread(self._disconnect)

    async def claim(self, key: str, fingerprint: bytes | None, *, retry_uncertain: bool) -> Claim:
        """Note that an item is started; see `Journal`."""
        wish = _Wish(key, fingerprint, retry_uncertain)
        self._batch.wishes.append(wish)
        await self._write(self._batch)
        return wish.claim

    async def record(self, completions: Sequence[Completion]) -> None:
        """Note what became of items; see `Journal`."""
        self._batch.fates.extend(
            (settled.key, settled.status, settled.error, settled.result) for settled in completions
        )
        await self._write(self._batch)

    async def entry(self, key: str) -> Entry | None:
        """What is known of a key."""
        return (await self._read(lambda connection: _entries(connection, [key]))).get(key)

    async def counts(self) -> Mapping[EntryState, int]:
        """How many keys are in each state."""
        none: dict[EntryState, int] = {"started": 0, "done": 0, "failed": 0, "uncertain": 0}
        return none | dict(await self._read(lambda c: c.execute(_COUNTS).fetchall()))

    async def _write(self, batch: _Batch) -> None:
        if batch.begun:
            await batch.written.wait()
        else:
            # Who comes first writes for all that come until the batch before is written.
            batch.begun = True
            with anyio.CancelScope(shield=True):
                await self._write_for_all(batch)
        if batch.error is not None:
            raise batch.error

    async def _write_for_all(self, batch: _Batch) -> None:
        try:
            async with self._turn:
                # Whoever is ready to run comes along.
                await anyio.lowlevel.checkpoint()
                self._batch = _Batch()
                await self._in_thread(lambda: self._write_batch(batch))
        finally:
            batch.written.set()

    def _write_batch(self, batch: _Batch) -> None:
        with self._thread_turn:
            connection = self._connection
            if connection is None:
                batch.error = _not_open()
                return
            try:
                connection.execute("BEGIN IMMEDIATE")
                batch.write(connection, self._run)
                connection.execute("COMMIT")
            except (sqlite3.Error, ValueError) as error:
                batch.error = StorageError(
                    f"The journal {self._path} cannot be written: {error}. What it says is done is "
                    "done; make room, or make it writable, and run the job again."
                )
                batch.error.__cause__ = error
                _roll_back(connection)
            else:
                batch.error = None

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        def work() -> T:
            with self._thread_turn:
                if self._connection is None:
                    raise _not_open()
                return query(self._connection)

        return await anyio.to_thread.run_sync(work, limiter=self._threads)

    def _connect(self, job: str) -> None:
        with self._thread_turn:
            if self._connection is not None:
                raise StorageError("The journal is in use by another run.")
            connection: sqlite3.Connection | None = None
            try:
                # What a job is about is not for everybody on the machine to read.
                os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
                connection = sqlite3.connect(
                    self._path, timeout=0, isolation_level=None, check_same_thread=False
                )
                self._run = self._begin(connection, job)
            except (OSError, sqlite3.Error) as error:
                raise self._refusal(error) from error
            finally:
                if connection is not None and not self._run:
                    connection.close()
            self._connection = connection

    def _begin(self, connection: sqlite3.Connection, job: str) -> int:
        # Held until the connection is closed, or the process ends, however it does.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("BEGIN EXCLUSIVE")
        ((application,),) = connection.execute("PRAGMA application_id")
        ((version,),) = connection.execute("PRAGMA user_version")
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master")
        if not (application or version or tables):
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("INSERT INTO job VALUES (?, 0)", (job,))
        elif application != _APPLICATION:
            raise StorageError(f"{self._path} is a database, and no journal: use another path.")
        elif version != _VERSION:
            raise StorageError(
                f"The journal {self._path} is of another version of sunco: finish with that one, "
                "or use another path."
            )
        ((name, run),) = connection.execute("SELECT name, run FROM job")
        if name != job:
            raise StorageError(
                f"The journal {self._path} belongs to another job, {name!r}, not {job!r}: use "
                "another path, or name the job as it was."
            )
        connection.execute("UPDATE job SET run = run + 1")
        connection.execute("COMMIT")
        return int(run) + 1

    def _refusal(self, error: Exception) -> StorageError:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return StorageError(f"The journal {self._path} is in use by another process.")
        return StorageError(f"The journal {self._path} cannot be used: {error}.")

    def _disconnect(self) -> None:
        with self._thread_turn:
            connection, self._connection = self._connection, None
            self._run = 0
            if connection is not None:
                connection.close()

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await anyio.to_thread.run_sync(work, limiter=self._threads)


def _not_open() -> StorageError:
    return StorageError("The journal is not open.")


def _json(value: object) -> str:
    """Values for SQLite to read; what is not Unicode would come back as something else."""
    text = json.dumps(value, ensure_ascii=False)
    text.encode()
    return text


def _entries(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Entry]:
    return {
        key: Entry(
            state=state,
            attempts=attempts,
            run=run,
            first_started=first,
            changed=changed,
            fingerprint=None if fingerprint is None else bytes.fromhex(fingerprint),
            error=error,
            result=result,
        )
        for key, state, attempts, run, first, changed, fingerprint, error, result in (
            connection.execute(_ENTRIES, (_json(keys),)).fetchall()
        )
    }


def _roll_back(connection: sqlite3.Connection) -> None:
    # Some errors, a full disk among them, have rolled back already.
    if connection.in_transaction:
        connection.rollback()
