"""A journal that outlives the process."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from time import time
from typing import Any, Final, Literal, TypeVar, cast

import anyio
import anyio.lowlevel
import anyio.to_thread

from sunco import ConfigurationError
from sunco.bulk.errors import JournalError
from sunco.bulk.journal import Claim, Entry, State, verdict_on
from sunco.bulk.outcome import Fate

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
        fingerprint BLOB,
        error TEXT,
        result TEXT
    ) WITHOUT ROWID
    """,
)
_START: Final = """
INSERT OR IGNORE INTO keys (key, state, attempts, run, first, changed, fingerprint)
VALUES (?1, 'started', 1, ?2, ?3, ?3, ?4)
"""
_RESTART: Final = """
UPDATE keys SET state = 'started', attempts = attempts + 1, run = ?, changed = ?, fingerprint = ?
WHERE key = ?
"""
_SETTLE: Final = "UPDATE keys SET state = ?, changed = ?, error = ?, result = ? WHERE key = ?"
_ENTRY: Final = """
SELECT state, attempts, run, first, changed, fingerprint, error, result FROM keys WHERE key = ?
"""
_COLUMNS: Final = (
    "state",
    "attempts",
    "run",
    "first",
    "changed",
    "fingerprint",
    "error",
    "result",
)
_COUNTS: Final = "SELECT state, count(*) FROM keys GROUP BY state"
_NEW: Final = Claim("new")


class _Batch:
    """Work that shares a transaction."""

    def __init__(self) -> None:
        self.work: list[Callable[[sqlite3.Connection], Any]] = []
        self.results: list[Any] = []
        self.error: Exception | None = JournalError("The journal was given up meanwhile.")
        self.written = anyio.Event()


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

    async def claim(self, key: str, fingerprint: bytes | None, *, again: bool) -> Claim:
        """Note that an item is started; see `Journal`."""

        def work(connection: sqlite3.Connection) -> Claim:
            now = time()
            if connection.execute(_START, (key, self._run, now, fingerprint)).rowcount:
                return _NEW
            before = _entry(connection, key)
            verdict = verdict_on(before, fingerprint, run=self._run, again=again)
            if verdict == "again":
                connection.execute(_RESTART, (self._run, now, fingerprint, key))
            return Claim(verdict, before)

        return await self._write(work)

    async def settle(
        self, key: str, fate: Fate, *, error: str | None = None, result: str | None = None
    ) -> None:
        """Note what became of an item; see `Journal`."""
        row = (fate, time(), error, result, key)
        await self._write(lambda connection: connection.execute(_SETTLE, row))

    async def entry(self, key: str) -> Entry | None:
        """What is known of a key."""
        return await self._write(lambda connection: _entry(connection, key))

    async def counts(self) -> Mapping[State, int]:
        """How many keys are in each state."""
        none: dict[State, int] = {"started": 0, "done": 0, "failed": 0, "uncertain": 0}
        return none | dict(await self._write(lambda c: c.execute(_COUNTS).fetchall()))

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        batch = self._batch
        place = len(batch.work)
        batch.work.append(work)
        if place:
            await batch.written.wait()
        else:
            # Who comes first writes for all that come until the batch before is written.
            with anyio.CancelScope(shield=True):
                await self._write_for_all(batch)
        if batch.error is not None:
            raise batch.error
        return cast("T", batch.results[place])

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
                batch.error = JournalError("The journal is not open.")
                return
            try:
                connection.execute("BEGIN IMMEDIATE")
                batch.results = [work(connection) for work in batch.work]
                connection.execute("COMMIT")
            except (sqlite3.Error, ValueError) as error:
                batch.error = JournalError(
                    f"The journal {self._path} cannot be written: {error}. What it says is done is "
                    "done; make room, or make it writable, and run the job again."
                )
                batch.error.__cause__ = error
                _roll_back(connection)
            else:
                batch.error = None

    def _connect(self, job: str) -> None:
        with self._thread_turn:
            if self._connection is not None:
                raise JournalError("The journal is in use by another job.")
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
            raise JournalError(f"{self._path} is a database, and no journal: use another path.")
        elif version != _VERSION:
            raise JournalError(
                f"The journal {self._path} is of another version of sunco: finish with that one, "
                "or use another path."
            )
        ((name, run),) = connection.execute("SELECT name, run FROM job")
        if name != job:
            raise JournalError(
                f"The journal {self._path} is of another job, {name!r}, not {job!r}: use another "
                "path, or name the job as it was."
            )
        connection.execute("UPDATE job SET run = run + 1")
        connection.execute("COMMIT")
        return int(run) + 1

    def _refusal(self, error: Exception) -> JournalError:
        if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
            return JournalError(f"The journal {self._path} is in use by another process.")
        return JournalError(f"The journal {self._path} cannot be used: {error}.")

    def _disconnect(self) -> None:
        with self._thread_turn:
            connection, self._connection = self._connection, None
            self._run = 0
            if connection is not None:
                connection.close()

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await anyio.to_thread.run_sync(work, limiter=self._threads)


def _entry(connection: sqlite3.Connection, key: str) -> Entry | None:
    row = connection.execute(_ENTRY, (key,)).fetchone()
    return None if row is None else Entry(**dict(zip(_COLUMNS, row, strict=True)))


def _roll_back(connection: sqlite3.Connection) -> None:
    # Some errors, a full disk among them, have rolled back already.
    if connection.in_transaction:
        connection.rollback()
