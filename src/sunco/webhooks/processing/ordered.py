"""Handling the pending events of one lane, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import anyio
import attrs

from sunco._clock import Clock
from sunco.models.events import Event, UnknownEvent
from sunco.webhooks.handlers import Handler
from sunco.webhooks.inbox._lanes import Inbox, Outcome, StoredEvent
from sunco.webhooks.processing.backoff import Retries
from sunco.webhooks.processing.debounce import LARGEST_BATCH, due_at
from sunco.webhooks.processing.invoke import call_within, describe, logger

__all__ = ["LaneWork"]


@attrs.define
class _Pending:
    """An event with the handlers that have yet to succeed."""

    stored: StoredEvent
    event: Event
    handlers: dict[str, Handler]
    succeeded: list[str]

    def note(self, name: str) -> None:
        del self.handlers[name]
        self.succeeded.append(name)

    def outcome(self) -> Outcome:
        return Outcome(
            identity=self.stored.identity,
            state="pending" if self.handlers else "handled",
            attempts=self.stored.attempts,
            succeeded=self.succeeded,
        )


@attrs.define
class LaneWork:
    """Handles a lane once: what can be handled now, up to the first event that fails.

    Events are handed to the handlers that take one at a time first, in order; those for handlers
    that take batches stay pending until their batch is due and handled.

    An event that fails holds its lane until it has succeeded or is set aside, so that none behind
    it overtakes it.

    Attributes:
        inbox: Where the events are.
        lane: The lane's name.
        select: Finds the handlers of an event.
        clock: Where the time comes from.
        retries: When to try again.
        time_limit: Seconds that a handler may take.
        stopping: Whether to stop after the event under way.
    """

    inbox: Inbox
    lane: str
    select: Callable[[Event], Mapping[str, Handler]]
    clock: Clock
    retries: Retries
    time_limit: float
    stopping: Callable[[], bool]

    async def run(self) -> None:
        """Handle the lane."""
        waiting: list[_Pending] = []
        seen = 0
        for stored in await self.inbox.pending(self.lane, LARGEST_BATCH):
            if self.stopping():
                return
            seen = stored.sequence
            pending = await self._handle_singly(stored)
            if pending is None:
                return
            if pending.handlers:
                waiting.append(pending)
        if waiting:
            await self._handle_batches(waiting, seen)
        elif not seen:
            await self._settle([], ready=self.clock.now())

    async def _handle_singly(self, stored: StoredEvent) -> _Pending | None:
        """Call an event's handlers but for those that take batches; None if one failed."""
        pending = _Pending(stored, UnknownEvent(), {}, list(stored.succeeded))
        try:
            pending.event = event = stored.read()
            handlers = self.select(event)
        except Exception as error:  # noqa: BLE001 - a filter's, most likely: it is kept
            logger.exception("No handlers can be found for event %s.", stored.identity)
            await self._fail([pending], error)
            return None
        pending.handlers = {n: h for n, h in handlers.items() if n not in stored.succeeded}
        failure: Exception | None = None
        single = [h for h in pending.handlers.values() if h.debounce is None]
        for handler in single:
            trouble = await call_within(self.time_limit, handler, event, stored.identity)
            if trouble is None:
                pending.note(handler.name)
            failure = failure or trouble
        if failure is not None:
            await self._fail([pending], failure)
            return None
        # Nothing to keep where all handlers take batches: it stays as it was stored.
        if single or not pending.handlers:
            await self._settle([pending.outcome()], ready=self.clock.now())
        return pending

    async def _handle_batches(self, waiting: Sequence[_Pending], seen: int) -> None:
        due: float | None = None
        for handler in {h.name: h for each in waiting for h in each.handlers.values()}.values():
            batch = [each for each in waiting if handler.name in each.handlers]
            first, last = batch[0].stored.received, batch[-1].stored.received
            handed_over = due_at(handler.debounce or 0.0, first, last)
            if handed_over > self.clock.now() and len(waiting) < LARGEST_BATCH:
                due = handed_over if due is None else min(due, handed_over)
            elif self.stopping() or not await self._hand_over(handler, batch):
                return
        if due is not None:
            await self._settle([], ready=due, seen=seen)

    async def _hand_over(self, handler: Handler, batch: Sequence[_Pending]) -> bool:
        what = ", ".join(each.stored.identity for each in batch)
        events = [each.event for each in batch]
        failure = await call_within(self.time_limit, handler, events, what)
        if failure is not None:
            await self._fail(batch, failure)
            return False
        for each in batch:
            each.note(handler.name)
        await self._settle([each.outcome() for each in batch], ready=self.clock.now())
        return True

    async def _fail(self, failed: Sequence[_Pending], failure: Exception) -> None:
        now = self.clock.now()
        ready = now
        outcomes: list[Outcome] = []
        for each in failed:
            attempts = each.stored.attempts + 1
            delay = self.retries.delay_after(attempts)
            if delay is None:
                logger.error("Event %s is set aside.", each.stored.identity)
            ready = max(ready, now + (delay or 0.0))
            outcomes.append(
                Outcome(
                    identity=each.stored.identity,
                    state="failed" if delay is None else "pending",
                    attempts=attempts,
                    succeeded=each.succeeded,
                    error=describe(failure),
                )
            )
        await self._settle(outcomes, ready=ready, held=ready > now)

    async def _settle(
        self,
        outcomes: Sequence[Outcome],
        *,
        ready: float,
        held: bool = False,
        seen: int | None = None,
    ) -> None:
        # A handler has done its work: that must be kept, even if the worker is being stopped.
        with anyio.CancelScope(shield=True):
            await self.inbox.settle(
                self.lane, outcomes, now=self.clock.now(), ready=ready, held=held, seen=seen
            )
