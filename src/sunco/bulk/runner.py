"""Running a job: a bounded number of items in flight, each recorded before and after its call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from time import perf_counter, time
from typing import Any, Final, Generic, TypeVar, cast

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from sunco._sync import PAUSE, AutoResetEvent
from sunco.bulk._key_set import KeySet
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
from sunco.bulk.options import JobOptions
from sunco.bulk.outcome import Outcome, Report, Status, status_of
from sunco.bulk.progress import ProgressTracker
from sunco.bulk.source import EndOfItems, source_of

__all__ = ["JobRunner", "checked_key", "primary_error"]

T = TypeVar("T")
R = TypeVar("R")

_MAX_KEY_LENGTH: Final = 1024
_MAX_WAITING: Final = 4096
_READS_PER_CHECKPOINT: Final = 32


class JobRunner(Generic[T, R]):
    """One run of a job.

    Args:
        options: What to run.
        tracker: Counts the results.
        emit: Called with each outcome; an error that it raises ends the job.
    """

    def __init__(
        self,
        options: JobOptions[T, R],
        tracker: ProgressTracker,
        emit: Callable[[Outcome[T, R]], Awaitable[None]],
    ) -> None:
        self._options = options
        self._tracker = tracker
        self._emit = emit
        self._source = source_of(options.items)
        self._keys = KeySet()
        self._reads = 0
        self._slots = anyio.Semaphore(options.concurrency, fast_acquire=True)
        # Items that wait for their grace period wait here and hold no slot.
        self._waiting_room = anyio.Semaphore(_MAX_WAITING)
        self._stopped = anyio.Event()
        self._all_finished = False
        self._finished: list[Outcome[T, R]] = []
        self._unrecorded = AutoResetEvent()
        self._recorded = anyio.Event()

    async def run(self) -> Report:
        """Run the job.

        Raises:
            StorageError: The journal cannot be used.
        """
        journal = self._options.journal
        if journal is not None:
            await journal.open(self._options.job)
        self._began = anyio.current_time()
        try:
            async with anyio.create_task_group() as tasks:
                self._source.start(tasks)
                if journal is not None:
                    tasks.start_soon(self._record_all, journal)
                async with anyio.create_task_group() as workers:
                    for _ in range(self._options.concurrency):
                        workers.start_soon(self._work, workers)
                self._all_finished = True
                self._unrecorded.set()
        except BaseExceptionGroup as group:
            raise primary_error(group) from None
        finally:
            self._source.close()
            if journal is not None:
                with anyio.CancelScope(shield=True):
                    await journal.close()
        if self._source.error is not None:
            raise self._source.error
        return self._tracker.report()

    def stop(self) -> None:
        """Start no more items."""
        self._tracker.stopped = True
        self._stopped.set()
        self._source.stop()

    async def _work(self, workers: TaskGroup) -> None:
        while not self._tracker.stopped:
            try:
                item = await self._source.read()
            except EndOfItems:
                return
            self._reads += 1
            if not self._reads % _READS_PER_CHECKPOINT:
                # An iterable that never waits would starve the other tasks.
                await anyio.lowlevel.checkpoint()
            if (admitted := await self._admit(item)) is None:
                continue
            attempt, delay = admitted
            if delay:
                await self._waiting_room.acquire()
                workers.start_soon(self._execute_later, item, attempt, delay)
                continue
            slot = self._new_slot(lambda: workers.start_soon(self._work, workers))
            await self._execute(item, attempt, slot)
            if slot.lent:
                # The worker that was started for it goes on.
                return

    def _new_slot(self, lend: Callable[[], object]) -> _Slot:
        return _Slot(self._slots, self._waiting_room, self._tracker, lend)

    async def _execute_later(self, item: T, attempt: Attempt, delay: float) -> None:
        self._tracker.waiting += 1
        self._tracker.notify()
        try:
            with anyio.move_on_after(delay):
                await self._stopped.wait()
        finally:
            self._tracker.waiting -= 1
            self._waiting_room.release()
        await self._execute(item, attempt, self._new_slot(_no_worker))

    async def _execute(self, item: T, attempt: Attempt, slot: _Slot) -> None:
        await slot.take()
        try:
            if self._tracker.stopped:
                return
            PAUSE.set(slot.pause_until)
            outcome = await self._call(item, attempt)
        finally:
            slot.give_back()
        if self._options.journal is None:
            await self._report(outcome)
            return
        self._finished.append(outcome)
        self._unrecorded.set()
        while len(self._finished) >= self._options.concurrency:
            await self._recorded.wait()

    async def _record_all(self, journal: Journal) -> None:
        """Record outcomes, all that are there at a time, and report them when they are durable."""
        try:
            while self._finished or not self._all_finished:
                if self._finished:
                    for outcome in await self._record(journal):
                        await self._report(outcome)
                else:
                    await self._unrecorded.wait()
        except anyio.get_cancelled_exc_class():
            if self._finished:
                await self._record(journal)
            raise

    async def _record(self, journal: Journal) -> Sequence[Outcome[T, R]]:
        finished, self._finished = self._finished, []
        self._recorded.set()
        self._recorded = anyio.Event()
        # Cancelled here, items would be done and recorded as started.
        with anyio.CancelScope(shield=True):
            await journal.record([_completion(outcome) for outcome in finished])
        return finished

    async def _admit(self, item: T) -> tuple[Attempt, float] | None:
        """The attempt to make and the seconds to wait before it; None if there is none to make."""
        try:
            key = checked_key(self._options.key, item)
        except RowError as error:
            await self._report(Outcome(key="", item=item, status="failed", error=error))
            return None
        journal, options = self._options.journal, self._options
        if journal is None:
            if not self._keys.add(key):
                await self._reject(key, item, "duplicate", None)
                return None
            return Attempt(key=key, number=1, maybe_done=True, since=None), 0.0
        claim = await journal.claim(
            key, fingerprint(item), retry_uncertain=options.on_uncertain == "retry"
        )
        before = claim.before
        if claim.decision == "new":
            now = datetime.now(UTC)
            return Attempt(key=key, number=1, maybe_done=False, since=now), 0.0
        if claim.decision == "retry" and before is not None:
            since = datetime.fromtimestamp(before.first_started, UTC)
            number = before.attempts + 1
            attempt = Attempt(key=key, number=number, maybe_done=True, since=since)
            return attempt, self._delay_after(before)
        if claim.decision == "done":
            self._tracker.skip()
        else:
            await self._reject(key, item, claim.decision, before)
        return None

    def _delay_after(self, before: Entry) -> float:
        """Seconds until an earlier attempt can no longer take effect."""
        if before.state == "failed":
            return 0.0
        if before.state == "started":
            # The run that started it has ended before this one began; when exactly is unknown.
            elapsed = anyio.current_time() - self._began
        else:
            elapsed = time() - before.changed
        # A clock that was set back must not make the delay longer.
        return max(0.0, self._options.grace_period - max(0.0, elapsed))

    async def _reject(self, key: str, item: T, decision: Decision, before: Entry | None) -> None:
        kind, reason = _REJECTIONS[decision]
        uncertain = decision == "uncertain"
        outcome = Outcome[T, R](
            key=key,
            item=item,
            status="uncertain" if uncertain else "failed",
            error=kind(reason),
            attempts=before.attempts if before is not None and uncertain else 0,
        )
        await self._report(outcome)

    async def _call(self, item: T, attempt: Attempt) -> Outcome[T, R]:
        CURRENT.set(attempt)
        began = perf_counter()
        result: R | None = None
        failure: Exception | None = None
        try:
            result = await self._options.fn(item)
        except Exception as error:  # noqa: BLE001 - it becomes the outcome
            failure = error
        except anyio.get_cancelled_exc_class() as error:
            if anyio.current_effective_deadline() == float("-inf"):
                raise
            failure = UncertainError("A task that the function waited for was cancelled.")
            failure.__cause__ = error
        return Outcome(
            key=attempt.key,
            item=item,
            status="done" if failure is None else _status_of(failure),
            result=result,
            error=failure,
            attempts=attempt.number,
            seconds=perf_counter() - began,
        )

    async def _report(self, outcome: Outcome[T, R]) -> None:
        self._tracker.add(outcome)
        limit = self._options.stop_after_failures
        if limit is not None and self._tracker.failures >= limit:
            self.stop()
        await self._emit(outcome)


class _Slot:
    """The slot of one item. While the function pauses, other items can have it.

    Attributes:
        lent: Whether the function has paused.
    """

    def __init__(
        self,
        slots: anyio.Semaphore,
        waiting_room: anyio.Semaphore,
        tracker: ProgressTracker,
        lend: Callable[[], object],
    ) -> None:
        self._slots = slots
        self._waiting_room = waiting_room
        self._tracker = tracker
        self._lend = lend
        self._held = False
        self._task = anyio.get_current_task().id
        self.lent = False

    async def take(self) -> None:
        """Wait for a free slot."""
        await self._slots.acquire()
        self._held = True
        self._tracker.in_flight += 1

    def give_back(self) -> None:
        """Let another item have it; without effect if it is not held."""
        if self._held:
            self._held = False
            self._tracker.in_flight -= 1
            self._slots.release()

    async def pause_until(self, moment: float) -> None:
        """Sleep without the slot, if the whole function sleeps and not just a task of it.

        A function that ends the sleep early goes on without a slot.
        """
        mine = anyio.get_current_task().id == self._task
        if not (mine and self._held and moment > anyio.current_time() and self._enter_room()):
            await anyio.sleep_until(moment)
            return
        self.give_back()
        if not self.lent:
            self.lent = True
            self._lend()
        self._tracker.waiting += 1
        self._tracker.notify()
        try:
            await anyio.sleep_until(moment)
        finally:
            self._tracker.waiting -= 1
            self._waiting_room.release()
        await self.take()

    def _enter_room(self) -> bool:
        try:
            self._waiting_room.acquire_nowait()
        except anyio.WouldBlock:
            return False
        return True


def _no_worker() -> None:
    """The task that runs the item is no worker, so that none has to replace it."""


def primary_error(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The exception to raise for a group: interruptions before errors, and of errors the first."""
    leaves = list(_leaves(group))
    interruptions = [leaf for leaf in leaves if not isinstance(leaf, Exception)]
    if len(interruptions) > 1:
        return BaseExceptionGroup("The job was interrupted", interruptions)
    return (interruptions or leaves)[0]


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error


def checked_key(key_of: Callable[[T], object], item: T) -> str:
    """The key of an item.

    Raises:
        InvalidKeyError: It has none that can be used.
    """
    try:
        key, again = key_of(item), key_of(item)
    except RowError:
        raise
    except Exception as error:
        raise InvalidKeyError(f"key() failed with {describe_error(error)}.") from error
    if key != again:
        raise InvalidKeyError(
            f"key() returned two keys for one item, {key!r} and {again!r}: it must depend on the "
            "item alone, or every run would process everything again."
        )
    if not isinstance(key, str) or not key.strip() or len(key) > _MAX_KEY_LENGTH:
        raise InvalidKeyError(
            f"key() must return a str of 1 to {_MAX_KEY_LENGTH} characters that is not blank."
        )
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise InvalidKeyError("key() returned characters that are not Unicode.") from error
    if "\0" in key:
        raise InvalidKeyError("key() returned a NUL character.")
    return key


_REJECTIONS: Final[dict[Decision, tuple[type[RowError], str]]] = {
    "duplicate": (DuplicateKeyError, "Another item of this run has the same key."),
    "changed": (
        ItemChangedError,
        "The journal has this key with a different item: use a new key for a new item.",
    ),
    "uncertain": (
        UncertainError,
        'It may have been done before, and on_uncertain="skip" forbids another call.',
    ),
}


def _completion(outcome: Outcome[Any, Any]) -> Completion:
    if outcome.error is None:
        return Completion(outcome.key, outcome.status, result=encode_result(outcome.result))
    return Completion(outcome.key, outcome.status, error=describe_error(outcome.error))


def _status_of(failure: Exception) -> Status:
    return "uncertain" if isinstance(failure, UncertainError) else status_of(failure)
