"""A SQLite database in worker threads: one at a time, many writes in one transaction."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar, cast

import anyio
import anyio.to_thread

from sunco.errors import ConfigurationError

__all__ = ["Journal"]

T = TypeVar("T")

_BUSY_SECONDS: Final = 5.0


class _Job(Generic[T]):
    def __init__(self, work: Callable[[sqlite3.Connection], T], *, flushed: bool) -> None:
        self.work = work
        self.flushed = flushed
        self.result: T | None = None
        self.error: Exception | None = None
        self.done = False
        self.given_up = False


class Journal:
    """Runs pieces of work on a database. Those that wait at the same time share a transaction.

    So that thousands of writes a second need no more flushes to the disk than it can do.

    Args:
        path: The database's file.
        schema: SQL that makes its tables.
        version: The schema's version.
        synchronous: `"full"` flushes to the disk what is to be flushed, `"normal"` leaves all of it
            to the operating system.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        schema: str,
        version: int,
        synchronous: Literal["full", "normal"],
    ) -> None:
        self._path = Path(path)
        self._schema = schema
        self._version = version
        self._synchronous = synchronous
        self._connection: sqlite3.Connection | None = None
        self._turn = anyio.Lock()
        # A task that is cancelled from outside anyio leaves its thread running: the next one must
        # wait for it.
        self._thread_turn = threading.Lock()
        self._threads = anyio.CapacityLimiter(2)
        self._jobs: deque[_Job[Any]] = deque()

    async def open(self) -> None:
        """Open the database, and make it if there is none. Opening twice changes nothing.

        Raises:
            ConfigurationError: It cannot be opened, or another version of sunco made it.
        """
        async with self._turn:
            self._connection = self._connection or await self._in_thread(self._connect)

    async def close(self) -> None:
        """Close the database."""
        with anyio.CancelScope(shield=True):
            async with self._turn:
                await self._in_thread(self._disconnect)

    async def run(self, work: Callable[[sqlite3.Connection], T], *, flushed: bool = False) -> T:
        """Run a piece of work in a transaction, and return its result once that is committed.

        Cancelled while it waits, the work is not done; cancelled later, it is.

        Args:
            work: What to do.
            flushed: Whether its commit is flushed to the disk where the journal is told to. All
                commits outlive the process, but only what is flushed outlives a loss of power.

        Raises:
            ConfigurationError: The database is not open.
            sqlite3.Error: Neither this nor what shared its transaction was done.
        """
        job = _Job(work, flushed=flushed)
        self._jobs.append(job)
        try:
            while not job.done:
                async with self._turn:
                    if not job.done:
                        await self._in_thread(self._run_all)
        finally:
            job.given_up = not job.done
        if job.error is not None:
            raise job.error
        return cast("T", job.result)

    def _connect(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = None
        try:
            # What people write to a business is not for everybody on the machine to read.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in self._schema.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {self._version}")
            connection.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            if connection is not None:
                connection.close()
            raise ConfigurationError(f"The inbox {self._path} cannot be opened: {error}") from error
        if version not in {0, self._version}:
            connection.close()
            raise ConfigurationError(
                f"The inbox {self._path} is of another version of sunco: {version}, "
                f"not {self._version}. Let that version handle what is in it, or use another path."
            )
        return connection

    def _disconnect(self) -> None:
        with self._thread_turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def _run_all(self) -> None:
        with self._thread_turn:
            jobs: list[_Job[Any]] = []
            while self._jobs:
                job = self._jobs.popleft()
                if not job.given_up:
                    jobs.append(job)
            try:
                results = self._transact(jobs)
            except Exception as error:  # noqa: BLE001 - it is raised where each was asked for
                for job in jobs:
                    job.error, job.done = error, True
                return
            for job, result in zip(jobs, results, strict=True):
                job.result, job.done = result, True

    def _transact(self, jobs: list[_Job[Any]]) -> list[Any]:
        connection = self._connection
        if connection is None:
            raise ConfigurationError(
                "The inbox is not open: serve the router with lifespan, or enter "
                "`async with router.running():` in the lifespan of the app around it."
            )
        flushed = any(job.flushed for job in jobs)
        connection.execute(f"PRAGMA synchronous = {self._synchronous if flushed else 'normal'}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            results = [job.work(connection) for job in jobs]
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        return results

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._threads)
