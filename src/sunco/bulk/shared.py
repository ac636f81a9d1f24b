"""Running one job in several processes, which share a PostgreSQL journal."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Mapping
from time import monotonic
from typing import Any, Final, TypeVar

import anyio
import attrs
from anyio.abc import TaskGroup

from sunco import StorageError, SuncoError
from sunco._storage import UnavailableError
from sunco.bulk._key_set import KeySet
from sunco.bulk.errors import DuplicateKeyError, ItemChangedError, RowError
from sunco.bulk.journal.base import Claim, Completion, Entry, EntryState
from sunco.bulk.journal.postgres import PartItem, PostgresJournal
from sunco.bulk.options import JobOptions, OnUncertain
from sunco.bulk.outcome import Outcome, Report
from sunco.bulk.progress import ProgressCallback, ProgressTracker, notify
from sunco.bulk.runner import JobRunner, checked_key, primary_error
from sunco.bulk.source import EndOfItems, source_of

__all__ = ["SharedJob"]

T = TypeVar("T")

_CHUNK: Final = 1000
_POLL_SECONDS: Final = 0.2
_PROGRESS_SECONDS: Final = 1.0

_logger: Final = logging.getLogger("sunco.bulk")


@attrs.define(kw_only=True, slots=False)
class SharedJob:
    """This process's share of a job.

    Attributes:
        fn: The function.
        function: Its name, the same in all processes.
        job: The job's name.
        journal: Where it is kept.
        concurrency: The maximum number of items in flight in this process.
        stop_after_failures: Start no more items after this many failures of the job.
        grace_period: Seconds after which a request can no longer take effect.
        on_uncertain: What to do with an item that may have been done.
        callback: Called with the job's progress each second.
    """

    fn: Callable[[Any], Awaitable[Any]]
    function: str
    job: str
    journal: PostgresJournal
    concurrency: int
    stop_after_failures: int | None
    grace_period: float
    on_uncertain: OnUncertain
    callback: ProgressCallback | None
    _tracker: ProgressTracker = attrs.field(init=False)
    _rejected: ProgressTracker = attrs.field(init=False)
    _done_before: int = attrs.field(init=False, default=0)
    _error: Exception | None = attrs.field(init=False, default=None)
    _available: bool = attrs.field(init=False, default=True)

    async def run(
        self,
        items: Iterable[T] | AsyncIterable[T] | None = None,
        key: Callable[[T], str] | None = None,
        *,
        on_open: Callable[[], Awaitable[None]] | None = None,
    ) -> Report:
        """Load items, if there are any, and work until the job is finished.

        Args:
            items: The items to load; None to join.
            key: Returns an item's key.
            on_open: Called when other processes can join, before the first item is loaded.

        Raises:
            StorageError: The database cannot be used, or not for longer than the lease.
        """
        self._tracker = ProgressTracker(total=None, callback=None)
        self._rejected = ProgressTracker(total=None, callback=None)
        parts = _Parts(self.journal)
        # Checked before anything is stored.
        options = JobOptions[PartItem, Any](
            fn=self._call,
            items=self._items(parts),
            key=_key,
            concurrency=self.concurrency,
            journal=parts,
            stop_after_failures=self.stop_after_failures,
            job=self.job,
            grace_period=self.grace_period,
            on_uncertain=self.on_uncertain,
        )
        runner = JobRunner(options, self._tracker, _discard)
        await self.journal.open(
            self.job, self.function, grace_period=self.grace_period, join=items is None
        )
        try:
            self._done_before = (await self.journal.summary()).done
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._heartbeat, tasks)
                tasks.start_soon(self._watch, runner)
                if items is not None and key is not None:
                    await self.journal.start_loading()
                    if on_open is not None:
                        await on_open()
                    tasks.start_soon(self._load, items, key)
                await runner.run()
                tasks.cancel_scope.cancel()
            if self._error is not None:
                raise self._error
            return self._notify(await self._report(final=True))
        except BaseExceptionGroup as group:
            raise primary_error(group) from None
        finally:
            await self.journal.close()

    async def _call(self, item: PartItem) -> Any:
        return await self.fn(item.content)

    async def _items(self, parts: _Parts) -> AsyncGenerator[PartItem]:
        while True:
            try:
                part = await self.journal.claim()
                waiting = part is None and await self.journal.is_open()
            except UnavailableError as error:
                self._report_outage(error)
                part, waiting = None, True
            if part is not None:
                for item in part.items:
                    parts.register(item)
                    yield item
            elif waiting:
                # Parts of other processes, and of this one, are not finished yet.
                await anyio.sleep(_POLL_SECONDS)
            else:
                return

    async def _heartbeat(self, tasks: TaskGroup) -> None:
        while True:
            await anyio.sleep(min(1.0, self.journal.lease / 3))
            scope = anyio.move_on_after(self.journal.until - monotonic())
            try:
                with scope:
                    await self.journal.renew()
                if scope.cancelled_caught:
                    message = "The database has not responded for a lease."
                    raise UnavailableError(message)  # noqa: TRY301 - as `renew` raises it
            except UnavailableError as error:
                self._report_outage(error)
                if scope.cancelled_caught or monotonic() >= self.journal.until:
                    # Others take over: what is in flight here must not go on.
                    self._error = error
                    tasks.cancel_scope.cancel()
            except StorageError as error:
                self._error = error
                tasks.cancel_scope.cancel()
            else:
                if not self._available:
                    self._available = True
                    _logger.info("The job %r continues: the database is back.", self.job)

    def _report_outage(self, error: StorageError) -> None:
        if self._available:
            self._available = False
            _logger.warning("The job %r waits for the database: %s", self.job, error)

    async def _watch(self, runner: JobRunner[PartItem, Any]) -> None:
        while self.callback is not None or self.stop_after_failures is not None:
            await anyio.sleep(_PROGRESS_SECONDS)
            try:
                report = await self._report()
            except UnavailableError:
                continue
            failures = report.failed + report.uncertain
            if self.stop_after_failures and failures >= self.stop_after_failures:
                runner.stop()
            self._notify(report)

    def _notify(self, report: Report) -> Report:
        if self.callback is not None:
            self.callback = notify(self.callback, report)
        return report

    async def _report(self, *, final: bool = False) -> Report:
        """The counts of the whole job; what this process rejected while loading is added."""
        summary = await self.journal.summary()
        local, rejected = self._tracker.report(), self._rejected.report()
        problems: list[Outcome[object, object]] = list(rejected.problems)
        if final:
            for key, item, state, error, attempts in await self.journal.problems():
                problems.append(
                    Outcome(
                        key=key,
                        item=item,
                        status="failed" if state == "failed" else "uncertain",
                        error=SuncoError(error),
                        attempts=attempts,
                    )
                )
        return attrs.evolve(
            local,
            done=summary.done - self._done_before,
            failed=summary.failed + rejected.failed,
            uncertain=summary.uncertain,
            skipped=self._done_before,
            total=summary.total + rejected.failed if summary.loaded else None,
            problems=tuple(problems[:100]),
        )

    async def _load(self, items: Iterable[T] | AsyncIterable[T], key: Callable[[T], str]) -> None:
        source, keys = source_of(items), KeySet()
        chunk: dict[str, tuple[T, str]] = {}
        try:
            async with anyio.create_task_group() as tasks:
                source.start(tasks)
                while True:
                    try:
                        item = await source.read()
                    except EndOfItems:
                        break
                    try:
                        item_key = checked_key(key, item)
                        content = self.journal.encode(item)
                    except RowError as error:
                        self._reject("", item, error)
                        continue
                    if not keys.add(item_key):
                        self._reject(item_key, item, DuplicateKeyError(_DUPLICATE))
                        continue
                    chunk[item_key] = item, content
                    if len(chunk) >= _CHUNK:
                        await self._store(chunk)
                await self._store(chunk)
        finally:
            source.close()
        if source.error is not None:
            # Raised when what was read before is finished.
            self._error = source.error
        await self.journal.finish_loading()

    async def _store(self, chunk: dict[str, tuple[T, str]]) -> None:
        rows = [(key, content) for key, (_, content) in chunk.items()]
        while rows:
            try:
                for key in await self.journal.load(rows):
                    self._reject(key, chunk[key][0], ItemChangedError(_CHANGED))
            except UnavailableError as error:
                if monotonic() >= self.journal.until:
                    raise
                self._report_outage(error)
                await anyio.sleep(_POLL_SECONDS)
            else:
                break
        chunk.clear()

    def _reject(self, key: str, item: object, error: RowError) -> None:
        self._rejected.add(Outcome(key=key, item=item, status="failed", error=error))


class _Parts:
    """The journal of a `JobRunner` whose items come from parts that are recorded as started."""

    def __init__(self, journal: PostgresJournal) -> None:
        self._journal = journal
        self._started: dict[str, PartItem] = {}

    async def open(self, job: str) -> None:
        """The journal is open already."""

    def register(self, item: PartItem) -> None:
        """Note an item that is processed next."""
        self._started[item.key] = item

    async def claim(self, key: str, fingerprint: bytes | None, *, retry_uncertain: bool) -> Claim:
        del fingerprint
        before = self._started[key].before
        if before is None:
            return Claim("new")
        if before.state == "uncertain" and not retry_uncertain:
            completion = Completion(key, "uncertain", error=_NOT_RETRIED)
            # Not an attempt.
            await self._journal.record([(self._started.pop(key), before.attempts, completion)])
            return Claim("uncertain", before)
        return Claim("retry", before)

    async def record(self, completions: Iterable[Completion]) -> None:
        rows: list[tuple[PartItem, int, Completion]] = []
        for completion in completions:
            item = self._started.pop(completion.key)
            before = 0 if item.before is None else item.before.attempts
            rows.append((item, before + 1, completion))
        await self._journal.record(rows)

    async def entry(self, key: str) -> Entry | None:
        return await self._journal.entry(key)

    async def counts(self) -> Mapping[EntryState, int]:
        return await self._journal.counts()

    async def close(self) -> None:
        """The journal is closed when the report has been made."""


def _key(item: PartItem) -> str:
    return item.key


async def _discard(_: object) -> None:
    """Nobody reads the outcomes."""


_DUPLICATE: Final = "Another item of this run has the same key."
_CHANGED: Final = "The journal has this key with a different item: use a new key for a new item."
_NOT_RETRIED: Final = 'It may have been done before, and on_uncertain="skip" forbids another call.'
