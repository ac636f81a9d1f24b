"""Processing the events of one claim, in order."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import anyio
import attrs

from sunco._clock import Clock
from sunco.models.events import Event, UnknownEvent
from sunco.webhooks.context import Call, CallEvent
from sunco.webhooks.handlers import Handler
from sunco.webhooks.inbox.base import Claim, ClaimLostError, EventResult, Inbox, StoredEvent
from sunco.webhooks.keys import is_shared
from sunco.webhooks.processing.backoff import Backoff
from sunco.webhooks.processing.debounce import MAX_BATCH, due_at
from sunco.webhooks.processing.invoke import CallResult, describe, find_failure, invoke, logger

__all__ = ["HandlerRegistry", "OrderedProcessor", "ProcessingOptions"]

_PERSIST_AGAIN_AFTER: Final = 1.0
_REPLY_GRACE: Final = 10.0
"""Seconds within which a reply whose outcome is unknown becomes visible, as in `post_once`."""


class HandlerRegistry(Protocol):
    """Finds the handlers of an event: `EventHandlers`."""

    @property
    def handlers(self) -> Sequence[Handler]:
        """All handlers."""
        ...

    def for_kind(self, event: Event) -> Sequence[Handler]:
        """The handlers of an event's kind."""
        ...

    def select(self, event: Event) -> Mapping[str, Handler]:
        """The handlers of an event by name."""
        ...


@attrs.frozen(kw_only=True)
class ProcessingOptions:
    """How events are processed.

    Attributes:
        clock: The clock.
        backoff: How often an event is attempted, and the delays.
        handler_timeout: Seconds that a call of a handler may take.
        max_event_age: Seconds after which an event is dead-lettered instead of attempted.
        client: The client for handlers.
    """

    clock: Clock
    backoff: Backoff
    handler_timeout: float
    max_event_age: float | None = None
    client: Any = None

    def max_attempts(self, handler: Handler) -> int:
        """How often a handler is called for an event."""
        return handler.max_attempts or self.backoff.max_attempts


@attrs.define(eq=False)
class _Pending:
    """An event of the claim.

    Attributes:
        stored: The stored event.
        attempts: Attempts that have ended: the recorded ones without the current one.
        repeated: Whether a handler may have been called before.
        started: Whether an attempt is recorded that no handler has used yet.
        event: The event.
        handlers: The handlers that have not succeeded.
        succeeded: The names of those that have.
        done: Whether it is handled or dead-lettered.
    """

    stored: StoredEvent
    attempts: int
    repeated: bool
    started: bool
    succeeded: list[str]
    event: Event = attrs.field(factory=UnknownEvent)
    handlers: dict[str, Handler] = attrs.field(factory=dict[str, Handler])
    done: bool = False


@attrs.define(eq=False, kw_only=True)
class OrderedProcessor:
    """Processes the events of a claim up to the first that fails, and releases the claim.

    Handlers of single events are called first, in order. Events for handlers of batches stay
    pending until their batch is due. An event that fails blocks its ordering key until it is
    handled or dead-lettered, so that no later event overtakes it.

    Attributes:
        inbox: The inbox.
        claim: The claim.
        handlers: Finds the handlers of an event.
        options: How events are processed.
        stopping: Whether to stop before the next event.
        pause: Sleeps, or returns earlier to stop.
        is_cancelled: Whether processing has been cancelled.
        is_lost: Whether the claim is known to be lost: nothing is recorded then.
        on_first_attempt: Called when the attempt of the first event has ended.
    """

    inbox: Inbox
    claim: Claim
    handlers: HandlerRegistry
    options: ProcessingOptions
    stopping: Callable[[], bool]
    pause: Callable[[float], Awaitable[None]]
    is_cancelled: Callable[[], bool]
    is_lost: bool = False
    on_first_attempt: Callable[[], None] = lambda: None
    _events: list[_Pending] = attrs.field(factory=list[_Pending], init=False)
    _results: dict[str, EventResult] = attrs.field(factory=dict[str, EventResult], init=False)
    _state: dict[str, Any] | None = attrs.field(default=None, init=False)
    _call: Call | None = attrs.field(default=None, init=False)

    async def run(self) -> None:
        """Process the claim and release it. Cancelled, it gives the claim back.

        Raises:
            ClaimLostError: The claim was lost.
            Exception: The inbox failed.
        """
        try:
            await self._process()
        except anyio.get_cancelled_exc_class():
            if not self.is_lost:
                with anyio.CancelScope(shield=True):
                    await self._give_back()
            raise

    async def postpone(self, delay: float) -> None:
        """Release the claim without processing it, and block its ordering key for a while."""
        await self._release(delay=delay, blocked=True)

    async def _process(self) -> None:
        claimed_at = self.options.clock.monotonic()
        for stored in self.claim.events:
            if self.stopping():
                await self._release()
                return
            is_first = not self._events
            pending = _Pending(
                stored,
                attempts=stored.attempts - is_first,
                repeated=stored.repeated or stored.attempts > is_first,
                started=is_first,
                succeeded=list(stored.succeeded),
            )
            self._events.append(pending)
            delay = await self._process_single(pending)
            if is_first and (pending.done or delay is not None):
                self.on_first_attempt()
            if delay is not None:
                await self._release(delay=delay, blocked=True)
                return
        await self._process_batches(claimed_at)

    async def _process_single(self, pending: _Pending) -> float | None:
        """Call the handlers of a single event; returns a delay if it blocks the ordering key."""
        if pending.attempts and pending.attempts >= self._most_attempts():
            error = f"{pending.attempts} attempts did not end: a handler may end the process."
            self._dead_letter([pending], error)
            return None
        pending.event = pending.stored.read()
        candidates = [
            each
            for each in self.handlers.for_kind(pending.event)
            if each.name not in pending.succeeded
        ]
        # A filter can end the process as well as a handler: it is called after the results of
        # earlier events are stored.
        if any(each.debounce is None for each in candidates):
            await self._start([pending])
        elif candidates:
            await self._record()
        selected: dict[str, Handler] = {}
        failure = find_failure(lambda: selected.update(self.handlers.select(pending.event)))
        if failure is not None:
            await self._start([pending])
            return self._fail([pending], [(None, CallResult(error=failure))])
        pending.handlers = {
            name: each for name, each in selected.items() if name not in pending.succeeded
        }
        if self._is_too_old(pending):
            return None
        single = [each for each in pending.handlers.values() if each.debounce is None]
        if single:
            return await self._call_single(pending, single)
        if not pending.handlers:
            self._succeed(pending)
        return None

    async def _call_single(self, pending: _Pending, handlers: Sequence[Handler]) -> float | None:
        attempt = pending.attempts + 1
        exhausted = [each for each in handlers if self.options.max_attempts(each) < attempt]
        failures: list[tuple[Handler | None, CallResult]] = []
        outcome_unknown = False
        for handler in handlers:
            if handler in exhausted:
                continue
            call, result = await self._invoke(handler, [pending], attempt)
            outcome_unknown |= call.outcome_unknown
            if result.error is None:
                del pending.handlers[handler.name]
                pending.succeeded.append(handler.name)
            else:
                failures.append((handler, result))
        if failures:
            return self._fail([pending], failures, outcome_unknown=outcome_unknown)
        if exhausted:
            self._dead_letter([pending], _exhausted(exhausted))
        else:
            # The attempts of handlers of batches are counted anew.
            pending.attempts = 0
            self._succeed(pending)
        return None

    async def _process_batches(self, claimed_at: float) -> None:
        """Call the handlers whose batches are due, and release the claim."""
        waiting = [each for each in self._events if not each.done]
        handlers = {each.name: each for item in waiting for each in item.handlers.values()}
        elapsed = self.options.clock.monotonic() - claimed_at
        delays: list[float] = []
        for handler in handlers.values():
            batch = [each for each in waiting if handler.name in each.handlers]
            # A batch that failed is attempted again as it was, so that its replies stay idempotent.
            attempted = [each for each in batch if each.attempts]
            first, last = batch[0].stored.age + elapsed, batch[-1].stored.age + elapsed
            left = due_at(handler.debounce or 0.0, -first, -last)
            if left > 0 and len(waiting) < MAX_BATCH and not attempted:
                delays.append(left)
                continue
            if self.stopping():
                delays.append(0.0)
                break
            delay = await self._call_batch(handler, attempted or batch)
            if delay is not None:
                await self._release(delay=delay, blocked=True)
                return
            if 0 < len(attempted) < len(batch):
                delays.append(0.0)
        await self._release(delay=min(delays, default=0.0))

    async def _call_batch(self, handler: Handler, batch: Sequence[_Pending]) -> float | None:
        attempt = max(each.attempts for each in batch) + 1
        if attempt > self.options.max_attempts(handler):
            self._dead_letter(batch, _exhausted([handler]))
            return None
        await self._start(batch)
        call, result = await self._invoke(handler, batch, attempt)
        if result.error is not None:
            failures = [(handler, result)]
            return self._fail(batch, failures, outcome_unknown=call.outcome_unknown)
        for each in batch:
            del each.handlers[handler.name]
            each.succeeded.append(handler.name)
            each.attempts = 0
            self._succeed(each)
        return None

    async def _invoke(
        self, handler: Handler, events: Sequence[_Pending], attempt: int
    ) -> tuple[Call, CallResult]:
        call = Call(
            handler=handler.name,
            events=[
                CallEvent(event=each.event, key=each.stored.key, repeated=each.repeated)
                for each in events
            ],
            attempt=attempt,
            client=self.options.client,
            stored_state=self.claim.state if self._state is None else self._state,
            check_claim=lambda: self.inbox.holds(self.claim),
        )
        # What the inbox was asked last may have been done long ago, and the lease be over since.
        await self.inbox.holds(self.claim)
        self._call = call
        result = await invoke(
            handler,
            call,
            timeout=handler.timeout or self.options.handler_timeout,
            is_cancelled=self.is_cancelled,
        )
        self._call = None
        if result.state is not None and is_shared(self.claim.ordering_key):
            self._state = result.state
        return call, result

    def _fail(
        self,
        events: Sequence[_Pending],
        failures: Sequence[tuple[Handler | None, CallResult]],
        *,
        outcome_unknown: bool = False,
    ) -> float | None:
        """Decide what happens after failures; returns a delay unless events are dead-lettered."""
        attempt = max(each.attempts for each in events) + 1
        counted = [(each, result) for each, result in failures if result.retry_later is None]
        can_retry = len(counted) < len(failures) or any(
            attempt < self._max_attempts(handler) for handler, _ in counted
        )
        is_dead = any(result.is_dead_letter for _, result in counted) or not can_retry
        delay = max(result.retry_later or 0.0 for _, result in failures)
        if counted:
            delay = max(delay, self.options.backoff.delay_after(attempt))
        if outcome_unknown:
            delay = max(delay, _REPLY_GRACE)
        for handler, result in failures:
            self._log(events, handler, result, attempt, None if is_dead else delay)
        error = describe((counted or failures)[0][1].error or RuntimeError())
        for each in events:
            each.attempts = attempt if counted else each.attempts
            each.repeated = True
            if not is_dead:
                self._add_result(each, "pending", error)
        if is_dead:
            self._dead_letter(events, error)
            return None
        return delay

    def _log(
        self,
        events: Sequence[_Pending],
        handler: Handler | None,
        result: CallResult,
        attempt: int,
        delay: float | None,
    ) -> None:
        is_postponed = result.retry_later is not None
        logger.log(
            logging.INFO if is_postponed else logging.ERROR,
            "Attempt %d of %d %s: event %s, conversation %s, handler %s; %s.",
            attempt,
            self._max_attempts(handler),
            "was postponed" if is_postponed else "failed",
            ", ".join(each.stored.key for each in events),
            events[0].event.conversation_id or "none",
            handler.name if handler else "none (a filter failed)",
            "no further attempt" if delay is None else f"next attempt in {delay:g} s",
            exc_info=None if is_postponed else result.error,
        )

    def _is_too_old(self, pending: _Pending) -> bool:
        limit = self.options.max_event_age
        if limit is None or pending.repeated or pending.succeeded or not pending.handlers:
            return False
        age = pending.stored.age
        if pending.event.created_at is not None:
            age = max(age, self.options.clock.now() - pending.event.created_at.timestamp())
        if age > limit:
            self._dead_letter([pending], f"The event is {age:.0f} s old; the limit is {limit:g} s.")
        return age > limit

    def _max_attempts(self, handler: Handler | None) -> int:
        return self._most_attempts() if handler is None else self.options.max_attempts(handler)

    def _most_attempts(self) -> int:
        limits = [self.options.max_attempts(each) for each in self.handlers.handlers]
        return max(limits, default=self.options.backoff.max_attempts)

    def _succeed(self, pending: _Pending) -> None:
        pending.repeated = pending.repeated or bool(pending.succeeded)
        self._add_result(pending, "pending" if pending.handlers else "handled")

    def _dead_letter(self, events: Sequence[_Pending], error: str) -> None:
        for each in events:
            logger.error("Event %s is dead-lettered: %s", each.stored.key, error)
            self._add_result(each, "failed", error)

    def _add_result(
        self,
        pending: _Pending,
        status: Literal["pending", "handled", "failed"],
        error: str | None = None,
    ) -> None:
        pending.started = False
        pending.done = status != "pending"
        self._results[pending.stored.key] = EventResult(
            key=pending.stored.key,
            status=status,
            attempts=pending.attempts,
            repeated=pending.repeated,
            succeeded=list(pending.succeeded),
            error=error,
        )

    async def _start(self, events: Sequence[_Pending]) -> None:
        """Record an attempt of events, and the results so far, before handlers are called."""
        await self._record([each.stored.key for each in events if not each.started])
        for each in events:
            each.started = True

    async def _record(self, starting: Sequence[str] = ()) -> None:
        """Record the results so far."""
        if not (starting or self._results):
            return
        results, state = list(self._results.values()), self._state
        await self._persist(
            lambda: self.inbox.record(self.claim, results, starting=starting, state=state)
        )
        self._results = {}
        if state is not None:
            self.claim, self._state = attrs.evolve(self.claim, state=state), None

    async def _persist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write to the inbox; repeated while it fails and the claim is held."""
        reported = False
        while True:
            try:
                # A handler may have succeeded: its result is recorded even if it is cancelled now.
                with anyio.CancelScope(shield=True):
                    await write()
            except ClaimLostError:
                raise
            except Exception:
                if self.stopping():
                    raise
                if not reported:
                    reported = True
                    logger.exception("Results cannot be stored; it is tried every second.")
            else:
                return
            await self.pause(_PERSIST_AGAIN_AFTER)
            await self.inbox.holds(self.claim)

    async def _release(self, *, delay: float = 0.0, blocked: bool = False) -> None:
        """Record the results, take back attempts that were not used, and release the claim."""
        for each in self._events:
            if each.started and not each.done:
                self._add_result(each, "pending")
        if not self._events:
            # Stopped before the first event, whose attempt the claim has recorded.
            self._take_back_first()
        await self._record()
        done = sum(each.done for each in self._events)
        is_complete = len(self.claim.events) < MAX_BATCH
        if not blocked and done and not is_complete:
            delay = 0.0
        drained = is_complete and done == len(self.claim.events)
        await self._persist(
            lambda: self.inbox.release(self.claim, delay=delay, blocked=blocked, drained=drained)
        )

    def _take_back_first(self) -> None:
        first = self.claim.events[0]
        self._results[first.key] = EventResult(
            key=first.key,
            status="pending",
            attempts=first.attempts - 1,
            repeated=first.repeated,
            succeeded=first.succeeded,
        )

    async def _give_back(self) -> None:
        """Release the claim after a cancellation, which is not counted as an attempt."""
        outcome_unknown = False
        if self._call is not None:
            outcome_unknown = self._call.outcome_unknown
            called = {each.key for each in self._call.events}
            for each in self._events:
                each.repeated = each.repeated or each.stored.key in called
        try:
            await self._release(
                delay=_REPLY_GRACE if outcome_unknown else 0.0, blocked=outcome_unknown
            )
        except ClaimLostError:
            pass
        except Exception:  # noqa: BLE001 - an inbox can raise anything
            logger.exception("A claim cannot be released; it expires or ends with the inbox.")


def _exhausted(handlers: Sequence[Handler]) -> str:
    return f"All attempts of {', '.join(each.name for each in handlers)} failed."
