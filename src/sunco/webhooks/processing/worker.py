"""Processing the events of an inbox: many ordering keys at once, each in order."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Final

import anyio
import anyio.abc

from sunco._storage import UnavailableError
from sunco._sync import AutoResetEvent
from sunco.errors import StorageError
from sunco.webhooks.inbox.base import Claim, ClaimLostError, Inbox
from sunco.webhooks.processing.debounce import MAX_BATCH
from sunco.webhooks.processing.invoke import logger
from sunco.webhooks.processing.ordered import HandlerRegistry, OrderedProcessor, ProcessingOptions

__all__ = ["Worker"]

_POLL_INTERVAL: Final = 1.0
"""Seconds after which the inbox is read in any case: other processes may have added events."""

_UNREADABLE: Final = "The inbox cannot be read"

_SAME_OUTAGE: Final = 10.0
"""Seconds within which a failure belongs to the outage that was reported before."""


class Worker:
    """Claims ordering keys and processes their events for as long as it runs.

    Args:
        inbox: The inbox, open.
        handlers: Finds the handlers of an event.
        options: How events are processed.
        concurrency: How many ordering keys are processed at once.
    """

    def __init__(
        self,
        inbox: Inbox,
        handlers: HandlerRegistry,
        *,
        options: ProcessingOptions,
        concurrency: int,
    ) -> None:
        self._inbox = inbox
        self._handlers = handlers
        self._options = options
        self._concurrency = concurrency
        self._busy = 0
        self._suspect: Claim | None = None
        self._changed = AutoResetEvent()
        self._stopping = anyio.Event()
        self._is_cancelled = False
        # When each last happened.
        self._failures: dict[str, float] = {}
        self.progress: anyio.Event = anyio.Event()

    def stop(self) -> None:
        """Start nothing new; `run` returns when the events in flight have been processed."""
        self._stopping.set()
        self._changed.set()

    async def run(self) -> None:
        """Process events until `stop`. Cancelled, events in flight stay in the inbox."""
        async with anyio.create_task_group() as tasks:
            try:
                tasks.start_soon(self._heartbeat)
                tasks.start_soon(self._listen)
                while not self._stopping.is_set():
                    await self._pause(await self._start(tasks))
                while self._busy:
                    await self._changed.wait()
            finally:
                self._is_cancelled = True
                self._stopping.set()
            tasks.cancel_scope.cancel()

    async def _heartbeat(self) -> None:
        while True:
            try:
                await self._inbox.heartbeat()
            except Exception as error:  # noqa: BLE001 - as in `OrderedProcessor`
                self._report("Claims cannot be renewed", error)
                await self._options.clock.sleep(_POLL_INTERVAL)
            else:
                return

    async def _listen(self) -> None:
        while True:
            try:
                await self._inbox.wait()
            except Exception as error:  # noqa: BLE001 - as in `OrderedProcessor`
                self._report("The inbox cannot be watched", error)
                await self._options.clock.sleep(_POLL_INTERVAL)
            self._changed.set()

    async def _start(self, tasks: anyio.abc.TaskGroup) -> float | None:
        """Claim what is ready; returns the seconds until the next claim, None for a change."""
        free = self._concurrency - self._busy
        if not free:
            return None
        try:
            claims = await self._inbox.claim(free, events=MAX_BATCH)
            if self._failures.pop(_UNREADABLE, None) is not None:
                logger.info("The inbox can be read again.")
            self._busy += len(claims)
            for claim in await self._without_suspects(claims):
                tasks.start_soon(self._process, claim)
            if len(claims) == free:
                return None
            due = await self._inbox.next_due()
        except Exception as error:  # noqa: BLE001 - as in `OrderedProcessor`
            self._report(_UNREADABLE, error)
            return _POLL_INTERVAL
        return _POLL_INTERVAL if due is None else min(due, _POLL_INTERVAL)

    def _report(self, failure: str, error: Exception) -> None:
        """Log a failure of the inbox when an outage begins, not with every attempt."""
        if isinstance(error, UnavailableError):
            # The inbox reports these itself: it notices them while no claim is wanted, too.
            return
        now = self._options.clock.monotonic()
        last = self._failures.get(failure, -math.inf)
        self._failures[failure] = now
        if now > last + _SAME_OUTAGE:
            unexpected = None if isinstance(error, StorageError) else error
            message = "%s; it is tried every second: %s"
            logger.warning(message, failure, error, exc_info=unexpected)

    async def _without_suspects(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Postpone events that may have ended a process, but for one at a time.

        Events in flight when a process ends are attempted again, and not all of them are the
        cause. One after another, only the cause uses up its attempts.
        """
        started: list[Claim] = []
        for claim in claims:
            if not _is_suspect(claim):
                started.append(claim)
            elif self._suspect is None:
                self._suspect = claim
                started.append(claim)
            else:
                await self._process(claim, postpone=True)
        return started

    async def _pause(self, seconds: float | None) -> None:
        """Wait for a change, or this many seconds."""
        if seconds is None:
            await self._changed.wait()
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._set_after, seconds)
            await self._changed.wait()
            tasks.cancel_scope.cancel()

    async def _sleep(self, seconds: float) -> None:
        """Sleep until this many seconds have passed, or the worker is stopped."""
        async with anyio.create_task_group() as tasks:

            async def wake() -> None:
                await self._options.clock.sleep(seconds)
                tasks.cancel_scope.cancel()

            tasks.start_soon(wake)
            await self._stopping.wait()
            tasks.cancel_scope.cancel()

    async def _set_after(self, seconds: float) -> None:
        await self._options.clock.sleep(seconds)
        self._changed.set()

    async def _process(self, claim: Claim, *, postpone: bool = False) -> None:
        processor = OrderedProcessor(
            inbox=self._inbox,
            claim=claim,
            handlers=self._handlers,
            options=self._options,
            stopping=self._stopping.is_set,
            pause=self._sleep,
            is_cancelled=lambda: self._is_cancelled or processor.is_lost,
            on_first_attempt=lambda: self._clear(claim),
        )
        try:
            if postpone:
                await processor.postpone(_POLL_INTERVAL)
            elif claim.until == math.inf:
                await processor.run()
            else:
                await self._run_watched(processor)
        except ClaimLostError as error:
            logger.warning("Events are processed by another worker: %s", error)
        except Exception:  # noqa: BLE001 - as in `OrderedProcessor`
            logger.exception("Results cannot be stored; their events are processed again.")
        finally:
            self._clear(claim)
            self._busy -= 1
            self._changed.set()
            progress, self.progress = self.progress, anyio.Event()
            progress.set()

    def _clear(self, claim: Claim) -> None:
        if self._suspect is claim:
            self._suspect = None

    async def _run_watched(self, processor: OrderedProcessor) -> None:
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, processor, tasks.cancel_scope)
            try:
                await processor.run()
            except Exception as error:  # noqa: BLE001 - raised below, without the group
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _watch(self, processor: OrderedProcessor, scope: anyio.CancelScope) -> None:
        """Cancel the handlers of a claim before it expires, or when it is lost."""
        claim = processor.claim
        try:
            while True:
                left = await self._inbox.holds(claim) - time.monotonic()
                if left <= 0:
                    break
                await anyio.sleep(min(left, _POLL_INTERVAL))
        except ClaimLostError:
            pass
        processor.is_lost = True
        logger.error(
            "The claim of %s could not be renewed; its handlers are cancelled.", claim.ordering_key
        )
        scope.cancel()


def _is_suspect(claim: Claim) -> bool:
    """Whether no attempt of the first event has ever ended."""
    first = claim.events[0]
    return first.attempts > 1 and not first.repeated
