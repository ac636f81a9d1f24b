"""The two ways to run a job: to its end, or as a stream of outcomes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sized
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, TypeAlias, TypeVar

from sunco import ConfigurationError
from sunco._storage.postgres import is_postgres
from sunco.bulk.journal.base import Journal
from sunco.bulk.journal.postgres import PostgresJournal
from sunco.bulk.journal.sqlite import SQLiteJournal
from sunco.bulk.options import JobOptions, OnUncertain
from sunco.bulk.outcome import Outcome, Report
from sunco.bulk.progress import ProgressCallback, ProgressTracker
from sunco.bulk.runner import JobRunner
from sunco.bulk.shared import SharedJob
from sunco.bulk.stream import Stream

__all__ = ["run", "stream", "work"]

T = TypeVar("T")
R = TypeVar("R")

_Emit: TypeAlias = Callable[[Outcome[T, R]], Awaitable[None]]


async def run(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    key: Callable[[T], str],
    concurrency: int = 64,
    journal: Journal | PostgresJournal | str | os.PathLike[str] | None = None,
    job: str | None = None,
    progress: ProgressCallback | bool | None = None,
    stop_after_failures: int | None = None,
    grace_period: float = 10.0,
    on_uncertain: OnUncertain = "retry",
    total: int | None = None,
    cluster: Any = None,
) -> Report:
    """Call a function for each item, and record the results.

    Items are read when they are needed. Only those in flight are held in memory, and without a
    journal about 20 bytes of each key, to detect duplicates. A run calls the function once per
    item; retries within a call are up to the client.

    With a journal, an item is recorded as started before its call and as done after it. Running the
    job again resumes it: what is done is skipped, everything else is called again. An item that was
    in flight when the process was killed, or whose failure leaves its outcome unknown, may have
    taken effect: it is called again no earlier than `grace_period` seconds after that failure
    (after a kill: after the start of this run), while other items proceed. So the function must be
    idempotent, such as `messages.post_once` with the item's key. For one that is not, use
    `on_uncertain="skip"`. While `messages.post_once` waits to learn whether a message
    was accepted, its slot is free for other items.

    When cancelled (also by Ctrl-C), the items in flight are cancelled and stay started in the
    journal. An exception of `items` is raised when everything read before it is finished.

    Args:
        fn: The function. Inside it, `attempt()` returns what the journal knows about the item.
        items: The items, sync or async. A sync iterable runs in the event loop and must not block.
        key: Returns an item's key: a str that depends on the item alone, the same in every run and
            different for every item.
        concurrency: The maximum number of items in flight.
        journal: A path for a `SQLiteJournal`, or a journal. With a `PostgresJournal` (or a
            `postgresql://` address), other machines can join with `work`; the report is then that
            of the whole job.
        job: The name of the job, which is stored in the journal and checked when it is opened
            again. By default the function's qualified name.
        progress: True for a progress bar on a terminal and a line every few seconds elsewhere
            (`sunco[rich]`), or a callable that gets a `Report` whenever an item has finished.
        stop_after_failures: Start no more items after this many failures.
        grace_period: Seconds after which a request that was sent can no longer take effect.
        on_uncertain: `"skip"` to never call the function again for an item that may be done.
        total: The number of items, for `progress`, where `len(items)` is not available.
        cluster: A `distributed.Client`, or the address of a Dask scheduler (`sunco[dask]`): starts
            `work` on each of its workers, too. Needs a `PostgresJournal`.

    Returns:
        The counts, and the first hundred items that were not done.

    Raises:
        ConfigurationError: An argument is invalid. Nothing was called.
        StorageError: The journal belongs to another job, is in use, or cannot be used.
    """
    if (shared := _shared(journal)) is not None:
        with _watching(name := _job_name(fn, job), progress) as callback:
            mine = SharedJob(
                fn=fn,
                function=_function_name(fn),
                job=name,
                journal=shared,
                concurrency=concurrency,
                stop_after_failures=stop_after_failures,
                grace_period=grace_period,
                on_uncertain=on_uncertain,
                callback=callback,
            )
            if cluster is None:
                return await mine.run(items, key)
            from sunco.bulk.cluster import run_on_cluster  # noqa: PLC0415 - an extra

            return await run_on_cluster(mine, items, key, cluster)
    if cluster is not None:
        raise ConfigurationError("cluster= needs a PostgresJournal, which the workers share.")
    options = JobOptions(
        fn=fn,
        items=items,
        key=key,
        concurrency=concurrency,
        journal=_journal_at(journal),
        stop_after_failures=stop_after_failures,
        job=_job_name(fn, job),
        grace_period=grace_period,
        on_uncertain=on_uncertain,
    )
    with _watching(options.job, progress) as callback:
        tracker = ProgressTracker(total=_total(items, total), callback=callback)
        return await JobRunner(options, tracker, _discard).run()


async def _discard(_: object) -> None:
    """Nobody reads the outcomes."""


def stream(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    key: Callable[[T], str],
    concurrency: int = 64,
    journal: Journal | str | os.PathLike[str] | None = None,
    job: str | None = None,
    progress: ProgressCallback | bool | None = None,
    stop_after_failures: int | None = None,
    grace_period: float = 10.0,
    on_uncertain: OnUncertain = "retry",
    total: int | None = None,
) -> Stream[T, R]:
    """Like `run`, and yields an `Outcome` for each item that finishes; skipped items have none.

    ```python
    async with bulk.stream(send, rows, key=row_id, journal="campaign.sqlite") as outcomes:
        async for outcome in outcomes:
            print(outcome.key, outcome.status)
    print(outcomes.report)
    ```

    Args:
        fn: As in `run`.
        items: As in `run`.
        key: As in `run`.
        concurrency: As in `run`.
        journal: As in `run`.
        job: As in `run`.
        progress: As in `run`.
        stop_after_failures: As in `run`.
        grace_period: As in `run`.
        on_uncertain: As in `run`.
        total: As in `run`.

    Raises:
        ConfigurationError: An argument is invalid. Nothing was called.
    """
    options = JobOptions(
        fn=fn,
        items=items,
        key=key,
        concurrency=concurrency,
        journal=_journal_at(journal),
        stop_after_failures=stop_after_failures,
        job=_job_name(fn, job),
        grace_period=grace_period,
        on_uncertain=on_uncertain,
    )
    watching = _watching(options.job, progress)

    async def work(tracker: ProgressTracker, emit: _Emit[T, R]) -> None:
        with watching as callback:
            tracker.callback = callback
            await JobRunner(options, tracker, emit).run()

    return Stream(
        work,
        lambda: ProgressTracker(total=_total(items, total), callback=None),
        concurrency,
    )


async def work(
    fn: Callable[[T], Awaitable[Any]],
    *,
    job: str,
    journal: PostgresJournal | str,
    concurrency: int = 64,
    progress: ProgressCallback | bool | None = None,
    stop_after_failures: int | None = None,
    grace_period: float = 10.0,
    on_uncertain: OnUncertain = "retry",
) -> Report:
    """Join a job that `run` has started with a `PostgresJournal`, from any machine.

    Returns when all items of the job are finished, by this process or others.

    Args:
        fn: The function, the same as in `run`.
        job: The name of the job.
        journal: The journal, or its `postgresql://` address.
        concurrency: The maximum number of items in flight in this process.
        progress: As in `run`; shows the progress of the whole job.
        stop_after_failures: As in `run`; counts the failures of the whole job.
        grace_period: As in `run`.
        on_uncertain: As in `run`.

    Returns:
        The counts of the whole job.

    Raises:
        ConfigurationError: An argument is invalid. Nothing was called.
        StorageError: There is no such job, it has another function, or the database cannot be used.
    """
    shared = _shared(journal)
    if shared is None:
        raise ConfigurationError("work() needs a PostgresJournal or a postgresql:// address.")
    with _watching(job, progress) as callback:
        return await SharedJob(
            fn=fn,
            function=_function_name(fn),
            job=job,
            journal=shared,
            concurrency=concurrency,
            stop_after_failures=stop_after_failures,
            grace_period=grace_period,
            on_uncertain=on_uncertain,
            callback=callback,
        ).run()


def _shared(journal: object) -> PostgresJournal | None:
    if isinstance(journal, str) and is_postgres(journal):
        return PostgresJournal(journal)
    return journal if isinstance(journal, PostgresJournal) else None


def _journal_at(
    journal: Journal | PostgresJournal | str | os.PathLike[str] | None,
) -> Journal | None:
    if isinstance(journal, PostgresJournal) or is_postgres(journal):
        raise ConfigurationError(
            "stream() has no outcomes of other machines: use run() and work()."
        )
    return SQLiteJournal(journal) if isinstance(journal, (str, os.PathLike)) else journal


def _job_name(fn: Any, job: str | None) -> str:
    if job is not None:
        return job
    while isinstance(fn, partial):
        fn = fn.func
    name = getattr(fn, "__qualname__", None) or type(fn).__qualname__
    return f"{fn.__module__}.{name}"


def _function_name(fn: Any) -> str:
    """A function's name without its module, which is __main__ in the process that was started."""
    while isinstance(fn, partial):
        fn = fn.func
    return getattr(fn, "__qualname__", None) or type(fn).__qualname__


def _total(items: object, total: int | None) -> int | None:
    return len(items) if total is None and isinstance(items, Sized) else total


def _watching(
    job: str,
    progress: ProgressCallback | bool | None,  # noqa: FBT001 - as in `run`
) -> AbstractContextManager[ProgressCallback | None]:
    if callable(progress):
        return nullcontext(progress)
    if not progress:
        return nullcontext()
    from sunco.bulk.progress_bar import progress_bar  # noqa: PLC0415 - an extra

    return progress_bar(job)
