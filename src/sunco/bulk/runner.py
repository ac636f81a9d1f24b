"""Carrying out a job: so many items at once, each noted before and after."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from time import perf_counter, time
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

import anyio
import anyio.lowlevel
import attrs
from anyio.abc import TaskGroup

from sunco import ConfigurationError
from sunco.bulk._key_set import Seen
from sunco.bulk.attempt import CURRENT, Attempt
from sunco.bulk.errors import (
    DuplicateKeyError,
    InvalidKeyError,
    ItemChangedError,
    RowError,
    UncertainError,
)
from sunco.bulk.journal.base import Completion, Decision, Entry, Journal
from sunco.bulk.journal.serialize import describe_error, encode_result, fingerprint
from sunco.bulk.outcome import Outcome, Report, fate_of
from sunco.bulk.progress import Tally
from sunco.bulk.source import EndOfItems, source_of

__all__ = ["OnUncertain", "Settings", "Work"]

T = TypeVar("T")
R = TypeVar("R")

OnUncertain: TypeAlias = Literal["again", "leave"]
"""What happens to an item that an earlier run may have done."""

_LONGEST_KEY: Final = 1024
_BREATH: Final = 32


@attrs.frozen(kw_only=True)
class Settings(Generic[T, R]):
    """What a job is; see `run`."""

    fn: Callable[[T], Awaitable[R]]
    items: Iterable[T] | AsyncIterable[T]
    key: Callable[[T], str]
    concurrency: int
    journal: Journal | None
    stop_after_failures: int | None
    job: str
    settle: float
    uncertain: OnUncertain

    def __attrs_post_init__(self) -> None:
        if self.concurrency < 1:
            raise ConfigurationError(f"concurrency must be at least 1, not {self.concurrency!r}.")
        if self.stop_after_failures is not None and self.stop_after_failures < 1:
            raise ConfigurationError(
                f"stop_after_failures must be at least 1, not {self.stop_after_failures!r}."
            )
        if not 0 <= self.settle < math.inf:
            raise ConfigurationError(f"settle must be 0 seconds or more, not {self.settle!r}.")
        if self.uncertain not in {"again", "leave"}:
            raise ConfigurationError('uncertain is "again" or "leave".')


@attrs.frozen(order=True)
class _Started(Generic[T]):
    """An item that may be carried out, from a certain moment on."""

    due: float
    number: int
    item: T = attrs.field(order=False)
    attempt: Attempt = attrs.field(order=False)


class Work(Generic[T, R]):
    """One run of a job.

    Args:
        settings: What the job is.
        tally: Counts.
        emit: Takes each outcome; what it raises ends the job.
    """

    def __init__(
        self,
        settings: Settings[T, R],
        tally: Tally,
        emit: Callable[[Outcome[T, R]], Awaitable[None]],
    ) -> None:
        self._settings = settings
        self._tally = tally
        self._emit = emit
        self._source = source_of(settings.items)
        self._seen = Seen()
        self._numbers = itertools.count()
        self._read = 0
        # Started by an earlier run a moment ago: what became of that has yet to show.
        self._aside: list[_Started[T]] = []
        self._error: Exception | None = None
        self._began = -math.inf
        self._workers = settings.concurrency
        self._ended: list[Outcome[T, R]] = []
        self._changed = anyio.Event()

    async def run(self) -> Report:
        """Carry it out.

        Raises:
            StorageError: The journal cannot be used, or not any more.
        """
        journal = self._settings.journal
        if journal is not None:
            await journal.open(self._settings.job)
        self._began = anyio.current_time()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._source.feed)
                if journal is not None:
                    tasks.start_soon(self._guarded, tasks, partial(self._settle_all, journal))
                for _ in range(self._settings.concurrency):
                    tasks.start_soon(self._guarded, tasks, self._work)
        except BaseExceptionGroup as group:
            raise _only(group) from None
        finally:
            if journal is not None:
                with anyio.CancelScope(shield=True):
                    await journal.close()
        error = self._error or self._source.error
        if error is not None:
            raise error
        return self._tally.report()

    async def _guarded(self, tasks: TaskGroup, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - it ends the job, and is raised there
            self._error = self._error or error
            tasks.cancel_scope.cancel()

    async def _work(self) -> None:
        try:
            while (started := await self._next()) is not None:
                self._tally.under_way += 1
                try:
                    outcome = await self._carry_out(started)
                finally:
                    self._tally.under_way -= 1
                if self._settings.journal is None:
                    await self._conclude(outcome)
                else:
                    self._ended.append(outcome)
                    self._tell()
                    while len(self._ended) >= self._settings.concurrency:
                        await self._changed.wait()
        finally:
            self._workers -= 1
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def _settle_all(self, journal: Journal) -> None:
        """Note what has ended, all that has at a time, and report it then."""
        try:
            while self._ended or self._workers:
                if self._ended:
                    for outcome in await self._settle(journal):
                        await self._conclude(outcome)
                else:
                    await self._changed.wait()
        except anyio.get_cancelled_exc_class():
            if self._ended:
                await self._settle(journal)
            raise

    async def _settle(self, journal: Journal) -> Sequence[Outcome[T, R]]:
        ended, self._ended = self._ended, []
        self._tell()
        # Cancelled now, it would be done and not noted.
        with anyio.CancelScope(shield=True):
            await journal.record([_completion(outcome) for outcome in ended])
        return ended

    async def _next(self) -> _Started[T] | None:
        while not self._tally.stopped:
            due = self._aside[0].due if self._aside else math.inf
            if self._aside and due <= anyio.current_time():
                return heapq.heappop(self._aside)
            if len(self._aside) >= self._settings.concurrency:
                await anyio.sleep_until(due)
                continue
            try:
                item = await self._source.read(due)
            except TimeoutError:
                continue
            except EndOfItems:
                if not self._aside:
                    break
                await anyio.sleep_until(due)
                continue
            self._read += 1
            if not self._read % _BREATH:
                # Items that never keep one waiting would keep everybody else waiting.
                await anyio.lowlevel.checkpoint()
            started = await self._start(item)
            if started is not None and started.due == -math.inf:
                return started
            if started is not None:
                heapq.heappush(self._aside, started)
        return None

    async def _start(self, item: T) -> _Started[T] | None:
        try:
            key = self._key(item)
        except RowError as error:
            await self._conclude(Outcome(key="", item=item, fate="failed", error=error))
            return None
        journal, settings = self._settings.journal, self._settings
        if journal is None:
            if not self._seen.add(key):
                await self._refuse(key, item, "duplicate", None)
                return None
            return self._started(item, Attempt(key=key, number=1, maybe_done=True, since=None), 0)
        claim = await journal.claim(
            key, fingerprint(item), retry_uncertain=settings.uncertain == "again"
        )
        before = claim.before
        if claim.decision == "new":
            now = datetime.now(UTC)
            return self._started(item, Attempt(key=key, number=1, maybe_done=False, since=now), 0)
        if claim.decision == "retry" and before is not None:
            since = datetime.fromtimestamp(before.first_started, UTC)
            number = before.attempts + 1
            return self._started(
                item,
                Attempt(key=key, number=number, maybe_done=True, since=since),
                self._wait_for(before),
            )
        if claim.decision == "done":
            self._tally.skip()
        else:
            await self._refuse(key, item, claim.decision, before)
        return None

    def _key(self, item: T) -> str:
        try:
            key, again = self._settings.key(item), self._settings.key(item)
        except Exception as error:
            raise InvalidKeyError(f"key() failed with {describe_error(error)}.") from error
        return _checked_key(key, again)

    def _started(self, item: T, attempt: Attempt, wait: float) -> _Started[T]:
        due = anyio.current_time() + wait if wait else -math.inf
        return _Started(due, next(self._numbers), item, attempt)

    def _wait_for(self, before: Entry) -> float:
        if before.state == "failed":
            return 0.0
        if before.state == "started":
            # The run that started it ended before this one began: nobody knows how long before.
            gone = anyio.current_time() - self._began
        else:
            gone = time() - before.changed
        # However the clock was set meanwhile, it is never waited for longer.
        return max(0.0, self._settings.settle - max(0.0, gone))

    async def _refuse(self, key: str, item: T, decision: Decision, before: Entry | None) -> None:
        kind, reason = _REFUSALS[decision]
        uncertain = decision == "uncertain"
        outcome = Outcome[T, R](
            key=key,
            item=item,
            fate="uncertain" if uncertain else "failed",
            error=kind(reason),
            attempts=before.attempts if before is not None and uncertain else 0,
        )
        await self._conclude(outcome)

    async def _carry_out(self, started: _Started[T]) -> Outcome[T, R]:
        attempt = started.attempt
        CURRENT.set(attempt)
        began = perf_counter()
        result: R | None = None
        failure: Exception | None = None
        try:
            result = await self._settings.fn(started.item)
        except Exception as error:  # noqa: BLE001 - that is what outcomes are for
            failure = error
        except anyio.get_cancelled_exc_class() as error:
            if anyio.current_effective_deadline() == -math.inf:
                raise
            failure = UncertainError("Something that it waited for was cancelled.")
            failure.__cause__ = error
        return Outcome(
            key=attempt.key,
            item=started.item,
            fate="done" if failure is None else _fate_of(failure),
            result=result,
            error=failure,
            attempts=attempt.number,
            seconds=perf_counter() - began,
        )

    async def _conclude(self, outcome: Outcome[T, R]) -> None:
        self._tally.note(outcome)
        limit = self._settings.stop_after_failures
        if limit is not None and self._tally.failures >= limit:
            self._tally.stopped = True
            self._source.stop()
        await self._emit(outcome)


def _checked_key(key: object, again: object) -> str:
    if key != again:
        raise InvalidKeyError(
            f"key() gave two keys for one item, {key!r} and {again!r}: it must depend on nothing "
            "but the item, or every run would do everything again."
        )
    if not isinstance(key, str) or not key.strip() or len(key) > _LONGEST_KEY:
        raise InvalidKeyError(
            f"key() must give a str of 1 to {_LONGEST_KEY} characters that is not blank."
        )
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise InvalidKeyError("key() gave characters that are not Unicode.") from error
    if "\0" in key:
        raise InvalidKeyError("key() gave a NUL character.")
    return key


_REFUSALS: Final[dict[Decision, tuple[type[RowError], str]]] = {
    "duplicate": (DuplicateKeyError, "Another item of this run has the same key."),
    "changed": (
        ItemChangedError,
        "The journal knows this key with another item: give what is new a new key.",
    ),
    "uncertain": (
        UncertainError,
        'It may have been done before, and uncertain="leave" forbids to try it again.',
    ),
}


def _completion(outcome: Outcome[Any, Any]) -> Completion:
    if outcome.error is None:
        return Completion(outcome.key, outcome.fate, result=encode_result(outcome.result))
    return Completion(outcome.key, outcome.fate, error=describe_error(outcome.error))


def _fate_of(failure: Exception) -> Literal["failed", "uncertain"]:
    if isinstance(failure, UncertainError):
        return "uncertain"
    return "failed" if fate_of(failure) == "failed" else "uncertain"


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one exception in a group; the group where there are several."""
    found = list(group.exceptions)
    return found[0] if len(found) == 1 else group
