"""A SQLite database with one writer thread, group commit and numbered migrations."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final, Generic, Literal, TypeVar, cast

import anyio
import anyio.lowlevel
import attrs

from sunco._storage.file_lock import create_private
from sunco.errors import ConfigurationError, StorageError, SuncoError

__all__ = ["Database", "Job", "Schema", "storable"]

T = TypeVar("T")

_BUSY_TIMEOUT: Final = 10.0
"""Seconds to wait while another process writes."""
_BUSY_DELAY: Final = 0.01
_TABLES: Final = """
SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'
"""
_ADVICE: Final = {
    sqlite3.SQLITE_BUSY: "Another process holds it: try again, or end that process.",
    sqlite3.SQLITE_LOCKED: "Another process holds it: try again, or end that process.",
    sqlite3.SQLITE_FULL: "Make room on the disk, and try again.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable for this user.",
    sqlite3.SQLITE_CANTOPEN: "Make the file and its folder writable for this user.",
    sqlite3.SQLITE_IOERR: "Check the disk.",
    sqlite3.SQLITE_CORRUPT: "Restore the file from a backup, or use another path.",
    sqlite3.SQLITE_NOTADB: "Use another path.",
}


@attrs.frozen(kw_only=True)
class Schema:
    """The tables of a kind of database, and how to get there from earlier versions.

    Attributes:
        name: The kind, as error messages call it: `"inbox"`.
        application_id: SQLite's `application_id` of the kind.
        migrations: Scripts of SQL statements that end with `;`. The first creates version 1, each
            other one leads to the next version.
        unmarked: The tables of files of version 1 that have no application id; empty if all have.
    """

    name: str
    application_id: int
    migrations: Sequence[str]
    unmarked: frozenset[str] = frozenset()

    @property
    def version(self) -> int:
        """The newest version."""
        return len(self.migrations)


def storable(text: str) -> str:
    """A text that SQLite can store: lone surrogates and NUL characters are escaped."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


def _primary_code(error: BaseException) -> int:
    """SQLite's code of an error: the low byte of an extended code; 0 for other errors."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


class Job(Generic[T]):
    """A piece of work for the writer thread. Any number of tasks of one event loop can wait."""

    def __init__(
        self, work: Callable[[sqlite3.Connection], T], *, flush: bool, in_transaction: bool = True
    ) -> None:
        self.work = work
        self.flush = flush
        self.in_transaction = in_transaction
        self.cancelled = False
        self.result: T | None = None
        self.error: BaseException | None = None
        self.done = anyio.Event()
        self.loop: Any = anyio.lowlevel.current_token().native_token


class Database:
    """Runs jobs on a SQLite file. Jobs that wait at the same time share a transaction.

    So thousands of jobs a second need only as many flushes as a disk can do. A job that fails is
    rolled back alone; the others of its transaction are not affected.

    All access is through SQLite: no descriptor of the file is opened and closed beside it, which
    would drop SQLite's locks.

    Args:
        path: The file. It is created, with mode 0600, if it is missing.
        schema: Its schema.
        synchronous: `"full"` flushes jobs with `flush` to the disk before they are done;
            `"normal"` leaves flushing to the operating system.

    Raises:
        ConfigurationError: The path is no file, or `synchronous` is neither.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        schema: Schema,
        synchronous: Literal["full", "normal"],
    ) -> None:
        if str(path) in {"", ":memory:"}:
            raise ConfigurationError(f"The {schema.name} needs the path of a file, not {path!r}.")
        if synchronous not in {"full", "normal"}:
            raise ConfigurationError('synchronous must be "full" or "normal".')
        self.path = Path(path)
        self._schema = schema
        self._synchronous = synchronous
        self._writer: _Writer | None = None

    async def open(self) -> None:
        """Open the file, create it if it is missing, and migrate it to the newest version.

        Opening twice has no effect.

        Raises:
            StorageError: It cannot be opened, is of another kind, or of a newer version.
        """
        writer = self._writer
        if writer is None:
            writer = self._writer = _Writer(self.path, self._schema, self._synchronous)
            try:
                writer.start()
            except RuntimeError as error:
                self._writer = None
                raise StorageError(f"The {self._schema.name} needs a thread: {error}.") from error
        try:
            await self.run(_nothing)
        except BaseException:
            if self._writer is writer:
                self._writer = None
                writer.stop()
            raise

    async def close(self) -> None:
        """Close the file, after the jobs submitted so far. Closing twice has no effect."""
        writer, self._writer = self._writer, None
        if writer is not None:
            closed = writer.stop()
            with anyio.CancelScope(shield=True):
                await closed.done.wait()

    async def run(self, work: Callable[[sqlite3.Connection], T], *, flush: bool = False) -> T:
        """Run a job in a transaction, and return its result once that is committed.

        Cancelled while it waits, the job is dropped; cancelled later, it is done.

        Args:
            work: What to do. It can be called more than once, with all its changes rolled back in
                between, so it must not change anything else.
            flush: Whether its commit is flushed to the disk if `synchronous` is `"full"`. Every
                commit outlives the process; only flushed ones outlive a loss of power.

        Raises:
            StorageError: The file is not open, or the job failed and nothing was changed.
            SuncoError: What `work` raised of this kind.
        """
        job = self.submit(work, flush=flush)
        try:
            return await self.wait(job)
        finally:
            job.cancelled = True

    def submit(self, work: Callable[[sqlite3.Connection], T], *, flush: bool = False) -> Job[T]:
        """Submit a job for `wait`; see `run`. It is done even if nobody waits for it.

        Raises:
            StorageError: The file is not open.
        """
        return self._submit(Job(work, flush=flush))

    async def wait(self, job: Job[T]) -> T:
        """The result of a submitted job; see `run`."""
        await job.done.wait()
        if job.error is None:
            return cast("T", job.result)
        raise _explained(job.error, self._schema, self.path, "used")

    async def checkpoint(self) -> None:
        """Empty the write-ahead log, so that what was deleted is in no file any more.

        It does as much as it can while other processes use the file.
        """
        truncate = Job(_truncate_log, flush=False, in_transaction=False)
        await self.wait(self._submit(truncate))

    def _submit(self, job: Job[T]) -> Job[T]:
        # After a fork the child has no writer thread.
        if self._writer is None or not self._writer.is_alive():
            raise StorageError(f"The {self._schema.name} {self.path} is not open.")
        self._writer.submit(job)
        return job


class _Writer(threading.Thread):
    """The thread that owns the connection."""

    def __init__(self, path: Path, schema: Schema, synchronous: str) -> None:
        # A process that ends without closing loses nothing, and must not wait for this thread.
        super().__init__(name=f"sunco-{schema.name}", daemon=True)
        self._path = path
        self._schema = schema
        self._synchronous = synchronous
        self._jobs: list[Job[Any]] = []
        self._changed = threading.Condition()
        self._closed: Job[None] | None = None

    def submit(self, job: Job[Any]) -> None:
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()

    def stop(self) -> Job[None]:
        """Have the thread end after the jobs submitted so far; the job is done when it has."""
        closed = self._closed = Job(_nothing, flush=False)
        with self._changed:
            self._changed.notify()
        return closed

    def run(self) -> None:
        connection: sqlite3.Connection | None = None
        failure: BaseException | None = None
        try:
            connection = _connect(self._path, self._schema)
        except BaseException as error:  # noqa: BLE001 - raised by `open`
            failure = _explained(error, self._schema, self._path, "opened")
        while jobs := self._take():
            for job in jobs:
                job.error = failure
            if connection is not None:
                self._execute(connection, jobs)
            _notify(jobs)
        if connection is not None:
            connection.close()
        _notify([cast("Job[None]", self._closed)])

    def _take(self) -> list[Job[Any]]:
        """All jobs that wait; none at the end."""
        with self._changed:
            while not self._jobs and self._closed is None:
                self._changed.wait()
            jobs, self._jobs = self._jobs, []
        return jobs

    def _execute(self, connection: sqlite3.Connection, jobs: Sequence[Job[Any]]) -> None:
        waiting = [job for job in jobs if not job.cancelled]
        together = [job for job in waiting if job.in_transaction]
        if together:
            self._begin(connection, together)
        for job in waiting:
            if not job.in_transaction:
                self._attempt(connection, [job], _call)

    def _begin(self, connection: sqlite3.Connection, jobs: Sequence[Job[Any]]) -> None:
        """Run jobs in one transaction, or each in its own where they cannot share one."""
        flush = any(job.flush for job in jobs)
        synchronous = self._synchronous if flush else "normal"
        try:
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            for job in jobs:
                job.error = error
            return
        if len(jobs) == 1:
            self._attempt(connection, jobs, _call)
        elif not self._attempt(connection, jobs, _call_within_savepoint):
            for job in jobs:
                self._begin(connection, [job])

    def _attempt(
        self,
        connection: sqlite3.Connection,
        jobs: Sequence[Job[Any]],
        call: Callable[[sqlite3.Connection, Job[Any]], None],
    ) -> bool:
        try:
            for job in jobs:
                call(connection, job)
            if connection.in_transaction:
                connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - raised by `wait`
            for job in jobs:
                job.error = error
            # Some errors, a full disk among them, have rolled back already.
            if connection.in_transaction:
                connection.rollback()
            return False
        return True


def _call(connection: sqlite3.Connection, job: Job[Any]) -> None:
    job.error = None
    job.result = job.work(connection)


def _call_within_savepoint(connection: sqlite3.Connection, job: Job[Any]) -> None:
    connection.execute("SAVEPOINT job")
    try:
        _call(connection, job)
    except Exception as error:
        if not connection.in_transaction:
            raise
        job.error = error
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")


def _explained(error: BaseException, schema: Schema, path: Path, verb: str) -> SuncoError:
    """The error to raise for any error of a job."""
    if isinstance(error, SuncoError):
        return error
    reason = str(error) or type(error).__name__
    advice = _ADVICE.get(_primary_code(error), "")
    text = f"The {schema.name} {path} cannot be {verb}: {reason}. {advice}".rstrip()
    explained = StorageError(text)
    explained.__cause__ = error
    return explained


def _nothing(_: sqlite3.Connection) -> None:
    """To learn whether jobs can be run."""


def _truncate_log(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _notify(jobs: Sequence[Job[Any]]) -> None:
    """Wake up the tasks that wait, each in its event loop."""
    loops: dict[Any, list[Job[Any]]] = defaultdict(list)
    for job in jobs:
        loops[job.loop].append(job)
    for loop, done in loops.items():
        call_soon = getattr(loop, "call_soon_threadsafe", None) or loop.run_sync_soon
        try:
            call_soon(_set_done, done)
        except RuntimeError:
            # The event loop has ended, and its tasks with it.
            continue


def _set_done(jobs: Sequence[Job[Any]]) -> None:
    for job in jobs:
        job.done.set()


def _connect(path: Path, schema: Schema) -> sqlite3.Connection:
    with create_private(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_TIMEOUT,
            isolation_level=None,
        )
    deadline = monotonic() + _BUSY_TIMEOUT
    try:
        while not _prepare(connection, path, schema, patient=monotonic() < deadline):
            sleep(_BUSY_DELAY)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, schema: Schema, *, patient: bool) -> bool:
    """Migrate the database; false if `patient` and another process is at it."""
    try:
        connection.execute("PRAGMA secure_delete = ON")
        # Nothing is written before it is known whose file this is.
        connection.execute("BEGIN")
        version = _version(connection, path, schema)
        connection.execute("COMMIT")
        if version < schema.version:
            connection.execute("BEGIN IMMEDIATE")
            _migrate(connection, _version(connection, path, schema), schema)
            connection.execute("COMMIT")
        # SQLite does not wait for other processes here, whatever its timeout.
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if not patient or _primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
        connection.rollback()
        return False
    return True


def _version(connection: sqlite3.Connection, path: Path, schema: Schema) -> int:
    ((application_id,),) = connection.execute("PRAGMA application_id")
    ((version,),) = connection.execute("PRAGMA user_version")
    tables = connection.execute(_TABLES)
    names: frozenset[str] = frozenset(name for (name,) in tables)
    if not (application_id or version or names):
        return 0
    unmarked = not application_id and version == 1 and bool(names) and names == schema.unmarked
    if application_id != schema.application_id and not unmarked:
        raise StorageError(f"{path} is a database, but no sunco {schema.name}: use another path.")
    if version > schema.version:
        raise StorageError(
            f"The {schema.name} {path} was written by a newer version of sunco (schema {version}, "
            f"this version knows {schema.version}): upgrade sunco, or use another path."
        )
    return int(version)


def _migrate(connection: sqlite3.Connection, version: int, schema: Schema) -> None:
    for script in schema.migrations[version:]:
        for statement in script.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {schema.application_id}")
    connection.execute(f"PRAGMA user_version = {schema.version}")
