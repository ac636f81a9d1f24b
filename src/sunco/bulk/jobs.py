"""The two ways to have a job carried out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, TypeAlias, TypeVar

from sunco.bulk.journal.base import Journal
from sunco.bulk.journal.sqlite import SQLiteJournal
from sunco.bulk.outcome import Outcome, Report
from sunco.bulk.progress import Tally, Watcher
from sunco.bulk.runner import OnUncertain, Settings, Work
from sunco.bulk.source import total_of
from sunco.bulk.stream import Stream

__all__ = ["run", "stream"]

T = TypeVar("T")
R = TypeVar("R")

_Emit: TypeAlias = Callable[[Outcome[T, R]], Awaitable[None]]


async def run(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    key: Callable[[T], str],
    concurrency: int = 64,
    journal: Journal | str | os.PathLike[str] | None = None,
    progress: Watcher | bool | None = None,
    stop_after_failures: int | None = None,
    job: str | None = None,
    settle: float = 10.0,
    uncertain: OnUncertain = "again",
    total: int | None = None,
) -> Report:
    """Call a function for each of many items, and remember what became of each.

    Items are read as they are needed: those under way are kept in memory, and no others (without a
    journal, some 20 bytes of each key besides, to notice duplicates). A slow item holds nobody
    up. Nothing is called again in the same run: trying again is the client's business.

    With a journal, an item is called after it is noted as started, and counts as done after that is
    noted. Run again, the job skips what is done and calls the function for all else. Where the
    process was killed, and where a failure leaves open whether it took effect, the item may have
    been done: it is called again `settle` seconds after that failure at the earliest, or after a
    process that was killed, `settle` seconds into this run. So the function must be one that can
    bear it, such as `messages.post_once` with the item's key. For one that cannot there is
    `uncertain="leave"`.

    Cancelled (or by Ctrl-C), it abandons what is under way; the journal has that as started. An
    error of `items` ends it when what was read before is done.

    Args:
        fn: What to call with each item. Inside of it, `attempt()` tells what the journal knows.
        items: The items, sync or async. What a sync one does, it does in the event loop: if it
            blocks, so does everything.
        key: An item's key: a str that depends on nothing but the item, the same in each run and
            another for each item.
        concurrency: How many items may be under way.
        journal: A path for a `SQLiteJournal`, or a journal.
        progress: True for a progress bar on a terminal (`sunco[rich]`), or a callable that gets a
            `Report` whenever an item has ended.
        stop_after_failures: After so many failures no more items are begun.
        job: The job's name, of which the journal must be; by default the function's.
        settle: How many seconds after it was last under way an uncertain item is left alone.
        uncertain: `"leave"` to never call again for an item that may have been done.
        total: How many items there are, for `progress`, where `len(items)` does not say it.

    Returns:
        What became of them, in numbers, and the first hundred that were not done.

    Raises:
        ConfigurationError: An argument cannot work. Nothing was called.
        StorageError: The journal is of another job, in use, or cannot be used (any more).
    """
    settings = Settings(
        fn=fn,
        items=items,
        key=key,
        concurrency=concurrency,
        journal=_journal_at(journal),
        stop_after_failures=stop_after_failures,
        job=_name_of(fn) if job is None else job,
        settle=settle,
        uncertain=uncertain,
    )
    with _watching(settings.job, progress) as watcher:
        tally = Tally(total=total_of(items) if total is None else total, watcher=watcher)
        return await Work(settings, tally, _ignore).run()


async def _ignore(_: object) -> None:
    """Outcomes that nobody reads."""


def stream(
    fn: Callable[[T], Awaitable[R]],
    items: Iterable[T] | AsyncIterable[T],
    *,
    key: Callable[[T], str],
    concurrency: int = 64,
    journal: Journal | str | os.PathLike[str] | None = None,
    progress: Watcher | bool | None = None,
    stop_after_failures: int | None = None,
    job: str | None = None,
    settle: float = 10.0,
    uncertain: OnUncertain = "again",
    total: int | None = None,
) -> Stream[T, R]:
    """As `run`, and yields each `Outcome` when its item has ended; skipped items have none.

    ```python
    async with stream(send, rows, key=row_id, journal="campaign.sqlite") as outcomes:
        async for outcome in outcomes:
            print(outcome.key, outcome.fate)
    print(outcomes.report)
    ```

    Args:
        fn: As in `run`.
        items: As in `run`.
        key: As in `run`.
        concurrency: As in `run`.
        journal: As in `run`.
        progress: As in `run`.
        stop_after_failures: As in `run`.
        job: As in `run`.
        settle: As in `run`.
        uncertain: As in `run`.
        total: As in `run`.

    Raises:
        ConfigurationError: An argument cannot work. Nothing was called.
    """
    settings = Settings(
        fn=fn,
        items=items,
        key=key,
        concurrency=concurrency,
        journal=_journal_at(journal),
        stop_after_failures=stop_after_failures,
        job=_name_of(fn) if job is None else job,
        settle=settle,
        uncertain=uncertain,
    )
    watching = _watching(settings.job, progress)
    known = total_of(items) if total is None else total

    async def work(tally: Tally, emit: _Emit[T, R]) -> None:
        with watching as watcher:
            tally.watcher = watcher
            await Work(settings, tally, emit).run()

    return Stream(work, lambda: Tally(total=known, watcher=None), concurrency)


def _journal_at(journal: Journal | str | os.PathLike[str] | None) -> Journal | None:
    return SQLiteJournal(journal) if isinstance(journal, (str, os.PathLike)) else journal


def _name_of(fn: Any) -> str:
    while isinstance(fn, partial):
        fn = fn.func
    name = getattr(fn, "__qualname__", None) or type(fn).__qualname__
    return f"{fn.__module__}.{name}"


def _watching(
    job: str,
    progress: Watcher | bool | None,  # noqa: FBT001 - as in `run`
) -> AbstractContextManager[Watcher | None]:
    if callable(progress):
        return nullcontext(progress)
    if not progress:
        return nullcontext()
    from sunco.bulk.progress_bar import bar  # noqa: PLC0415 - an extra

    return bar(job)
