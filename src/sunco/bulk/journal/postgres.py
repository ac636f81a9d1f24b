"""A journal that several machines share: they claim a job's items in parts."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from time import monotonic, time
from typing import Any, Final

import anyio
import attrs

from sunco import ConfigurationError, StorageError
from sunco._storage import UnavailableError
from sunco._storage.postgres import (
    Connection,
    LeaseExpiredError,
    PostgresDatabase,
    encodable,
)
from sunco.bulk.journal.base import Completion, Entry, EntryState

__all__ = ["JobSummary", "Part", "PartItem", "PostgresJournal"]

_MIN_LEASE: Final = 0.1
_RETRY_DELAY: Final = 0.1

_REGISTER: Final = """
INSERT INTO {schema}.worker (name, lease, until)
VALUES (%s, make_interval(secs => %s), clock_timestamp() + make_interval(secs => %s)) RETURNING id
"""
_RENEW: Final = """
UPDATE {schema}.worker SET until = clock_timestamp() + lease
WHERE id = %s AND until > clock_timestamp()
"""
_CREATE: Final = """
INSERT INTO {schema}.job AS j (job, function, grace, loader)
VALUES (%s, %s, make_interval(secs => %s), %s)
ON CONFLICT (job) DO UPDATE SET
    grace = CASE WHEN j.function = excluded.function THEN excluded.grace ELSE j.grace END
RETURNING function
"""
_IS_OPEN: Final = """
SELECT NOT loaded AND EXISTS (SELECT FROM {schema}.worker WHERE id = job.loader)
    OR EXISTS (SELECT FROM {schema}.part WHERE part.job = job.job AND NOT closed)
FROM {schema}.job WHERE job = %s
"""
# Items that an earlier run has not done are processed again.
_REOPEN: Final = """
WITH items AS (
    UPDATE {schema}.item SET pending = true
    WHERE job = %(job)s AND NOT pending AND state IN ('failed', 'uncertain') RETURNING part
), counts AS (SELECT part, count(*) AS n FROM items GROUP BY part)
UPDATE {schema}.part AS p SET closed = false, "left" = p."left" + counts.n, failed = 0,
    uncertain = 0
FROM counts WHERE p.job = %(job)s AND p.part = counts.part
"""
_START_LOADING: Final = "UPDATE {schema}.job SET loader = %s, loaded = false WHERE job = %s"
_STAGE: Final = """
CREATE TEMPORARY TABLE staging (place integer, key text PRIMARY KEY, content text) ON COMMIT DROP
"""
_CHANGED: Final = """
SELECT s.key FROM staging AS s JOIN {schema}.item AS i ON i.job = %s AND i.key = s.key
WHERE i.content <> s.content
"""
_LOAD: Final = """
WITH job AS (
    SELECT parts FROM {schema}.job WHERE job = %(job)s FOR UPDATE
), new AS (
    SELECT s.key, s.content, (row_number() OVER (ORDER BY s.place) - 1) / %(size)s AS part
    FROM staging AS s
    WHERE NOT EXISTS (SELECT FROM {schema}.item AS i WHERE i.job = %(job)s AND i.key = s.key)
), items AS (
    INSERT INTO {schema}.item (job, key, part, content)
    SELECT %(job)s, new.key, job.parts + new.part, new.content FROM new, job
    RETURNING part
), parts AS (
    INSERT INTO {schema}.part (job, part, n, "left")
    SELECT %(job)s, part, count(*), count(*) FROM items GROUP BY part
    RETURNING part
)
UPDATE {schema}.job SET parts = job.parts + (SELECT count(*) FROM parts) WHERE job = %(job)s
"""
_LOADED: Final = "UPDATE {schema}.job SET loaded = true WHERE job = %s"
_CLAIM: Final = "SELECT part, fence FROM {schema}.claim_part(%s, %s)"
_ITEMS: Final = """
SELECT i.key, i.content, i.state, i.attempts, extract(epoch FROM p.first)::double precision,
    extract(epoch FROM clock_timestamp() - i.changed)::double precision
FROM {schema}.item AS i JOIN {schema}.part AS p ON p.job = i.job AND p.part = i.part
WHERE i.job = %s AND i.part = %s AND i.pending ORDER BY i.key
"""
_GIVE_BACK: Final = """
UPDATE {schema}.part SET owner = NULL WHERE job = %s AND owner = %s AND NOT part = ANY (%s)
"""
_LEAVE: Final = """
WITH parts AS (UPDATE {schema}.part SET owner = NULL WHERE owner = %(worker)s)
DELETE FROM {schema}.worker WHERE id = %(worker)s
"""
_RECORD: Final = "SELECT * FROM {schema}.record_items(%s, %s, %s)"
_FREE: Final = "SELECT {schema}.free_parts()"
_SUMMARY: Final = """
SELECT j.job, coalesce(sum(p.n), 0)::bigint, coalesce(sum(p.done), 0)::bigint,
    coalesce(sum(p.failed), 0)::bigint, coalesce(sum(p.uncertain), 0)::bigint,
    count(DISTINCT p.owner), count(*) FILTER (WHERE NOT p.closed), j.loaded
FROM {schema}.job AS j LEFT JOIN {schema}.part AS p ON p.job = j.job
WHERE j.job = %(job)s OR %(job)s::text IS NULL GROUP BY j.job ORDER BY j.created
"""
_PROBLEMS: Final = """
SELECT key, content, state, error, attempts FROM {schema}.item
WHERE job = %s AND NOT pending AND state IN ('failed', 'uncertain') ORDER BY changed LIMIT %s
"""
_ENTRY: Final = """
SELECT i.state, i.attempts, extract(epoch FROM p.first)::double precision,
    extract(epoch FROM i.changed)::double precision, i.error, i.result
FROM {schema}.item AS i JOIN {schema}.part AS p ON p.job = i.job AND p.part = i.part
WHERE i.job = %s AND i.key = %s AND p.fence > 0
"""
_COUNTS: Final = """
SELECT CASE state WHEN 'new' THEN 'started' ELSE state END, count(*) FROM {schema}.item AS i
WHERE job = %s AND (state <> 'new' OR EXISTS (
    SELECT FROM {schema}.part AS p WHERE p.job = i.job AND p.part = i.part AND p.fence > 0
)) GROUP BY 1
"""


@attrs.frozen(kw_only=True)
class PartItem:
    """An item of a part.

    Attributes:
        part: The part.
        fence: The part's fence when it was claimed.
        key: The item's key.
        content: The item, as it was loaded.
        before: What is known of earlier attempts; None if there was none.
    """

    part: int
    fence: int
    key: str
    content: Any
    before: Entry | None


@attrs.frozen
class Part:
    """Items that this process has claimed together, and that are recorded as started with it."""

    number: int
    fence: int
    items: Sequence[PartItem]


@attrs.frozen(kw_only=True)
class JobSummary:
    """The progress of a job.

    Attributes:
        job: Its name.
        total: The number of items loaded so far.
        done: Items that are done.
        failed: Items that failed.
        uncertain: Items that failed and may have taken effect all the same.
        workers: Processes that work on it.
        open_parts: Parts that are not finished.
        loaded: Whether all items have been loaded.
    """

    job: str
    total: int
    done: int
    failed: int
    uncertain: int
    workers: int
    open_parts: int
    loaded: bool

    @property
    def finished(self) -> bool:
        """Whether all items have been loaded and processed."""
        return self.loaded and not self.open_parts


class PostgresJournal:
    """Keeps jobs in a PostgreSQL database that several machines share.

    `bulk.run` loads the items into the database and works on them; `bulk.work` joins it from any
    machine. A process claims items in parts, which records them as started. When a process dies,
    its parts are free `grace_period` seconds after the end of its lease; their unfinished items are
    then attempted again, with `attempt().maybe_done` set.

    Items are stored as JSON. Anything else needs `encode` and `decode`, the same in all processes.

    Args:
        dsn: Where the database is, as libpq reads it; it may contain a password.
        schema: The schema of sunco's tables, which are created if it is empty.
        part_size: Items in a part.
        lease: Seconds after which the parts of a process that died are free. Renewed three times
            as often. A process that cannot renew it stops before it ends.
        encode: Turns an item into text that depends on the item alone.
        decode: Turns the text into an item.

    Raises:
        ConfigurationError: An argument is invalid, or `sunco[postgres]` is not installed.
    """

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = "sunco",
        part_size: int = 200,
        lease: float = 15.0,
        encode: Callable[[Any], str] | None = None,
        decode: Callable[[str], Any] = json.loads,
    ) -> None:
        database: PostgresDatabase | ConfigurationError
        try:
            database = PostgresDatabase(dsn, schema=schema)
        except ConfigurationError as error:
            database = error.with_traceback(None)
        # Not in the variables of any frame that an error shows.
        del dsn
        if isinstance(database, ConfigurationError):
            raise database
        if part_size < 1:
            raise ConfigurationError(f"part_size must be at least 1, not {part_size!r}.")
        if not _MIN_LEASE <= lease < math.inf:
            raise ConfigurationError(f"lease must be at least {_MIN_LEASE} seconds, not {lease!r}.")
        self._database = database
        self._part_size = part_size
        self._lease = lease
        self._encode = encode or _encode
        self._decode = decode
        self._reset()

    def _reset(self) -> None:
        self._job = ""
        self._worker: int | None = None
        self._until = -math.inf
        self._held: dict[int, int] = {}

    def __getstate__(self) -> dict[str, Any]:
        # What this process holds is not what another one holds.
        own = {"_job", "_worker", "_until", "_held"}
        return {name: value for name, value in vars(self).items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._reset()

    def __repr__(self) -> str:
        if not hasattr(self, "_held"):
            return "<PostgresJournal, not initialized>"
        return f"PostgresJournal({self._database.location!r})"

    @property
    def lease(self) -> float:
        """Seconds after which the parts of a process that died are free."""
        return self._lease

    @property
    def until(self) -> float:
        """When work must have stopped unless the lease is renewed, as `time.monotonic()`."""
        return self._until

    def _sql(self, text: str) -> Any:
        return self._database.sql(text)

    async def open(
        self, job: str, function: str, *, grace_period: float = 10.0, join: bool = False
    ) -> None:
        """Register this process as a worker of a job.

        Args:
            job: The job's name.
            function: The name of its function, the same in all processes.
            grace_period: Seconds after which a request can no longer take effect.
            join: Whether the job must exist.

        Raises:
            StorageError: There is no such job, it has another function, or the database cannot be
                used.
        """
        if self._worker is not None:
            raise StorageError("The journal is in use by another job.")
        name, began = f"{platform.node()}:{os.getpid()}", monotonic()

        def register(connection: Connection) -> int:
            row = connection.execute(self._sql(_REGISTER), (name, self._lease, self._lease))
            return int(row.fetchall()[0][0])

        worker = await self._database.run(register)
        self._worker, self._job = worker, job
        self._renewed(began)

        def find(connection: Connection) -> list[tuple[str]]:
            if join:
                statement = self._sql("SELECT function FROM {schema}.job WHERE job = %s")
                return connection.execute(statement, (job,)).fetchall()
            arguments = (job, function, grace_period, worker)
            return connection.execute(self._sql(_CREATE), arguments).fetchall()

        try:
            found = await self._database.run(find)
            self._check(found[0][0] if found else None, function)
        except BaseException:
            await self.close()
            raise

    def _check(self, found: str | None, function: str) -> None:
        if found is None:
            raise StorageError(
                f"There is no job {self._job!r} at {self._database.location}: start it with "
                "bulk.run, or list the jobs with `sunco jobs`."
            )
        if found != function:
            raise StorageError(
                f"The job {self._job!r} has the function {found!r}, not {function!r}: use that "
                "function, or another name for the job."
            )

    async def close(self) -> None:
        """Give back the parts of this process. Closing twice has no effect."""
        worker, self._worker = self._worker, None
        self._held.clear()
        with anyio.CancelScope(shield=True):
            try:
                if worker is not None:
                    await self._database.run(
                        lambda c: c.execute(self._sql(_LEAVE), {"worker": worker})
                    )
            except UnavailableError:
                # The lease ends by itself.
                pass
            finally:
                await self._database.aclose()

    def _renewed(self, began: float) -> None:
        self._until = began + self._lease * 0.8

    async def renew(self) -> None:
        """Renew the lease, and free the parts of dead processes.

        Raises:
            LeaseExpiredError: It has ended before.
            UnavailableError: The database cannot be reached.
        """
        began = monotonic()
        renewed = await self._database.run(
            lambda c: c.execute(self._sql(_RENEW), (self._worker,)).rowcount
        )
        if not renewed:
            raise LeaseExpiredError("The lease of this process has expired.")
        self._renewed(began)
        await self._database.run(lambda c: c.execute(self._sql(_FREE)))

    async def is_open(self) -> bool:
        """Whether there may be parts to claim, now or later."""
        rows = await self._database.run(
            lambda c: c.execute(self._sql(_IS_OPEN), (self._job,)).fetchall()
        )
        return bool(rows and rows[0][0])

    async def start_loading(self) -> None:
        """Begin to load items. If all parts are finished, what is not done is attempted again."""
        resumed = not await self.is_open()

        def start(connection: Connection) -> None:
            connection.execute(self._sql(_START_LOADING), (self._worker, self._job))
            if resumed:
                connection.execute(self._sql(_REOPEN), {"job": self._job})

        await self._database.run(start)

    def encode(self, item: object) -> str:
        """An item as text.

        Raises:
            ConfigurationError: It has no form as JSON.
        """
        try:
            return encodable(self._encode(item))
        except (TypeError, ValueError, RecursionError) as error:
            message = (
                f"An item of type {type(item).__name__} cannot be stored in the database: "
                f"{error}. Use JSON values, or pass encode= and decode= to PostgresJournal."
            )
        raise ConfigurationError(message)

    async def load(self, items: Sequence[tuple[str, str]]) -> Sequence[str]:
        """Load items as pairs of different keys and contents; those that are known stay.

        Returns:
            The keys that are known with another content.
        """

        def load(connection: Connection) -> list[tuple[str]]:
            with connection.transaction():
                connection.execute(_STAGE)
                copy = "COPY staging (place, key, content) FROM STDIN"
                with connection.cursor() as cursor, cursor.copy(copy) as target:
                    for place, (key, content) in enumerate(items):
                        target.write_row((place, key, content))
                # One loader after the other.
                connection.execute(
                    self._sql("SELECT FROM {schema}.job WHERE job = %s FOR UPDATE"), (self._job,)
                )
                changed = connection.execute(self._sql(_CHANGED), (self._job,)).fetchall()
                arguments = {"job": self._job, "size": self._part_size}
                connection.execute(self._sql(_LOAD), arguments)
                return changed

        return [key for (key,) in await self._database.run(load)]

    async def finish_loading(self) -> None:
        """Record that all items have been loaded."""
        await self._database.run(lambda c: c.execute(self._sql(_LOADED), (self._job,)))

    async def claim(self) -> Part | None:
        """Claim a part; None if none is free at the moment.

        Raises:
            LeaseExpiredError: The lease of this process has ended.
            UnavailableError: The database cannot be reached.
        """
        # A cancelled call can go on when the journal has been opened again, as another worker.
        job, worker = self._job, self._worker

        def claim(connection: Connection) -> tuple[Any, ...] | None:
            # A claim whose response was lost is this process's, and it does not know.
            held = list(self._held)
            connection.execute(self._sql(_GIVE_BACK), (job, worker, held))
            return connection.execute(self._sql(_CLAIM), (job, worker)).fetchone()

        claimed = await self._database.run(claim, repeat=False)
        if claimed is None:
            return None
        number, fence = claimed
        self._held[number] = fence
        rows = await self._database.run(
            lambda c: c.execute(self._sql(_ITEMS), (self._job, number)).fetchall()
        )
        return Part(
            number,
            fence,
            [
                PartItem(
                    part=number,
                    fence=fence,
                    key=key,
                    content=self._decode(content),
                    before=_before(state, attempts, fence, first, age),
                )
                for key, content, state, attempts, first, age in rows
            ],
        )

    async def record(self, items: Sequence[tuple[PartItem, int, Completion]]) -> None:
        """Record outcomes: items, their number of attempts, and what to store.

        Repeated while the lease lasts; outcomes of parts that are no longer held are dropped.

        Raises:
            StorageError: The database cannot store them.
        """
        parts: dict[tuple[int, int], list[tuple[object, ...]]] = {}
        for item, attempts, completion in items:
            error, result = completion.error, completion.result
            parts.setdefault((item.part, item.fence), []).append(
                (item.key, completion.status, attempts, error and encodable(error), result)
            )
        rows = json.dumps([(*part, outcomes) for part, outcomes in sorted(parts.items())])

        def record(connection: Connection) -> None:
            connection.execute(self._sql(_RECORD), (self._job, self._worker, rows))

        while True:
            try:
                await self._database.run(record)
            except UnavailableError:
                if monotonic() >= self._until:
                    raise
                await anyio.sleep(_RETRY_DELAY)
            else:
                return

    async def jobs(self) -> Sequence[JobSummary]:
        """All jobs with their progress, the oldest first."""
        return await self._summaries(None)

    async def summary(self) -> JobSummary:
        """The progress of the job."""
        return (await self._summaries(self._job))[0]

    async def _summaries(self, job: str | None) -> list[JobSummary]:
        rows = await self._database.run(
            lambda c: c.execute(self._sql(_SUMMARY), {"job": job}).fetchall()
        )
        return [
            JobSummary(
                job=name,
                total=total,
                done=done,
                failed=failed,
                uncertain=uncertain,
                workers=workers,
                open_parts=open_parts if total else 0,
                loaded=loaded,
            )
            for name, total, done, failed, uncertain, workers, open_parts, loaded in rows
        ]

    async def problems(self, limit: int = 100) -> Sequence[tuple[str, Any, str, str, int]]:
        """Items that were not done: key, item, state, error and attempts, the oldest first."""
        rows = await self._database.run(
            lambda c: c.execute(self._sql(_PROBLEMS), (self._job, limit)).fetchall()
        )
        return [
            (key, self._decode(content), state, error or "", attempts)
            for key, content, state, error, attempts in rows
        ]

    async def entry(self, key: str) -> Entry | None:
        """The entry of a key; None if it has not been started."""
        rows = await self._database.run(
            lambda c: c.execute(self._sql(_ENTRY), (self._job, key)).fetchall()
        )
        for state, attempts, first, changed, error, result in rows:
            return Entry(
                state="started" if state == "new" else state,
                attempts=attempts,
                run=1,
                first_started=first,
                changed=first if changed is None else changed,
                error=error,
                result=result,
            )
        return None

    async def counts(self) -> Mapping[EntryState, int]:
        """The number of items in each state."""
        rows = await self._database.run(
            lambda c: c.execute(self._sql(_COUNTS), (self._job,)).fetchall()
        )
        counts: dict[EntryState, int] = {"started": 0, "done": 0, "failed": 0, "uncertain": 0}
        return counts | dict(rows)


def _before(state: Any, attempts: int, fence: int, first: float, age: float | None) -> Entry | None:
    if state == "new" and fence == 1:
        return None
    # The part of a process that died was held back for the grace period already: nothing is left
    # to wait for.
    changed = time() - age if age is not None and state != "new" else 0.0
    return Entry(
        state="uncertain" if state == "new" else state,
        attempts=attempts or int(state == "new"),
        run=0,
        first_started=first,
        changed=changed,
    )


def _encode(item: object) -> str:
    return json.dumps(item, sort_keys=True, allow_nan=False)
