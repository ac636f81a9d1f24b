"""Processing events before the response."""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import anyio
import anyio.lowlevel

from sunco.webhooks.context import Call, CallEvent
from sunco.webhooks.delivery import ReceivedEvent
from sunco.webhooks.handlers import Handler
from sunco.webhooks.keys import is_shared
from sunco.webhooks.processing.debounce import Batch, Debouncer
from sunco.webhooks.processing.dedup import DedupCache
from sunco.webhooks.processing.invoke import CallResult, find_failure, invoke, logger
from sunco.webhooks.processing.keyed_lock import KeyedLock
from sunco.webhooks.processing.ordered import HandlerRegistry, ProcessingOptions
from sunco.webhooks.response import HTTPResponse
from sunco.webhooks.time_limit import TimeLimit

__all__ = ["InlineProcessor"]

_Queue: TypeAlias = tuple[str, Mapping[str, ReceivedEvent]]

_MAX_STATES: Final = 10_000


async def _no_claim() -> None:
    """Nothing to check: other processes do not share the events."""
    await anyio.lowlevel.checkpoint()


class InlineProcessor:
    """Processes the events of a delivery that are not handled yet, while the platform waits.

    Of an ordering key, one event is processed at a time, over all deliveries. A failed event does
    not delay the later ones: after a response of 500 it is delivered again.

    Args:
        handlers: Finds the handlers of an event.
        dedup: Remembers handled events.
        options: How events are processed; `handler_timeout` limits a whole delivery.
        concurrency: How many ordering keys of a delivery are processed at once.
    """

    def __init__(
        self,
        handlers: HandlerRegistry,
        *,
        dedup: DedupCache,
        options: ProcessingOptions,
        concurrency: int,
    ) -> None:
        self._handlers = handlers
        self._dedup = dedup
        self._options = options
        self._concurrency = concurrency
        self._too_slow = HTTPResponse(
            500, f"The delivery was not handled within {options.handler_timeout:g} s."
        )
        self._locks = KeyedLock()
        self._states: OrderedDict[str, dict[str, Any]] = OrderedDict()
        # Times of events are in milliseconds.
        self._created = datetime.fromtimestamp(math.floor(options.clock.now() * 1000) / 1000, UTC)
        self._debouncer = Debouncer(
            options.clock, max_wait=options.handler_timeout / 2, dispatch=self._dispatch
        )

    async def handle(self, events: Iterable[ReceivedEvent], limit: TimeLimit) -> bool:
        """Process the events of a delivery.

        Args:
            events: The events.
            limit: Limits how long that may take.

        Returns:
            Whether all of them are handled.
        """
        queues: dict[str, dict[str, ReceivedEvent]] = {}
        for each in events:
            if not self._dedup.is_handled(each.key):
                queues.setdefault(each.ordering_key, {}).setdefault(each.key, each)
        if not queues:
            return True
        limit.start(self._options.handler_timeout, self._too_slow)
        if len(queues) == 1:
            return await self._handle_queue(*queues.popitem(), limit)
        return await self._handle_queues(deque(queues.items()), limit)

    async def _handle_queues(self, queues: deque[_Queue], limit: TimeLimit) -> bool:
        results: list[bool] = []
        async with anyio.create_task_group() as tasks:

            async def work(places: int) -> None:
                # The next task starts when this one waits. If handlers never wait, one task does
                # all the work, without the cost of many.
                if queues and places > 1:
                    tasks.start_soon(work, places - 1)
                while queues:
                    results.append(await self._handle_queue(*queues.popleft(), limit))

            await work(self._concurrency)
        return all(results)

    async def _handle_queue(
        self, ordering_key: str, events: Mapping[str, ReceivedEvent], limit: TimeLimit
    ) -> bool:
        if not self._locks.try_acquire(ordering_key):
            await self._locks.acquire(ordering_key)
        try:
            started = [
                await self._start(each, limit)
                for each in events.values()
                # It may have been handled while this delivery waited for the lock.
                if not self._dedup.is_handled(each.key)
            ]
        finally:
            self._locks.release(ordering_key)
        complete = True
        for key, succeeded, batches in started:
            # Without the lock, so that other deliveries can join the batches.
            ended = not batches or await self._finish(key, batches, succeeded=succeeded)
            complete = complete and succeeded and ended
        return complete

    async def _start(
        self, received: ReceivedEvent, limit: TimeLimit
    ) -> tuple[str, bool, Sequence[Batch]]:
        """Call the handlers of a single event, and join the batches of the others."""
        event, key = received.event, received.key
        handlers: dict[str, Handler] = {}
        failure = find_failure(lambda: handlers.update(self._handlers.select(event)))
        if failure is not None:
            logger.error("A filter failed for event %s.", key, exc_info=failure)
            return key, False, ()
        if not handlers or self._is_too_old(received):
            return key, True, ()
        succeeded = self._dedup.succeeded(key) or ()
        attempt = self._dedup.start(key)
        complete = True
        batches: list[Batch] = []
        for name, handler in handlers.items():
            if name in succeeded:
                continue
            if handler.debounce is not None:
                batches.append(self._debouncer.join(handler, received, attempt))
            elif not await self._call(handler, {key: (received, attempt)}, limit):
                complete = False
            elif len(handlers) > 1:
                self._dedup.add_success(key, name)
        if complete and not batches:
            self._dedup.finish(key)
        return key, complete, batches

    async def _finish(self, key: str, batches: Sequence[Batch], *, succeeded: bool) -> bool:
        for batch in batches:
            succeeded = await self._debouncer.wait_for(batch) and succeeded
        if succeeded:
            self._dedup.finish(key)
        return succeeded

    async def _dispatch(self, batch: Batch) -> bool:
        await self._locks.acquire(batch.ordering_key)
        try:
            events = {
                key: each
                for key, each in batch.events.items()
                # It may have joined again while its batch was handled.
                if not self._has_succeeded(key, batch.handler)
            }
            if events and not await self._call(batch.handler, events, None):
                return False
            for key in events:
                self._dedup.add_success(key, batch.handler.name)
        finally:
            self._locks.release(batch.ordering_key)
        return True

    def _has_succeeded(self, key: str, handler: Handler) -> bool:
        succeeded = self._dedup.succeeded(key)
        return succeeded is None or handler.name in succeeded

    async def _call(
        self,
        handler: Handler,
        events: Mapping[str, tuple[ReceivedEvent, int]],
        limit: TimeLimit | None,
    ) -> bool:
        """Call a handler; returns False if the events have to be delivered again."""
        attempt = max(number for _, number in events.values())
        first = next(iter(events.values()))[0]
        call = Call(
            handler=handler.name,
            events=[
                CallEvent(
                    event=each.event, key=key, repeated=number > 1 or self._is_old(each.event)
                )
                for key, (each, number) in events.items()
            ],
            attempt=attempt,
            client=self._options.client,
            stored_state=self._states.get(first.ordering_key, {}),
            check_claim=_no_claim,
        )
        result = await invoke(
            handler,
            call,
            timeout=handler.timeout,
            is_cancelled=lambda: limit is not None and limit.is_reached,
        )
        if result.state is not None and is_shared(first.ordering_key):
            self._keep_state(first.ordering_key, result.state)
        return result.error is None or not self._is_retried(handler, first, events, result, attempt)

    def _is_retried(
        self,
        handler: Handler,
        first: ReceivedEvent,
        events: Iterable[str],
        result: CallResult,
        attempt: int,
    ) -> bool:
        postponed = result.retry_later is not None
        most = self._options.max_attempts(handler)
        retried = not result.is_dead_letter and (postponed or attempt < most)
        logger.error(
            "Attempt %d of %d failed: event %s, conversation %s, handler %s; %s.",
            attempt,
            most,
            ", ".join(events),
            first.event.conversation_id or "none",
            handler.name,
            "the platform delivers again" if retried else "no further attempt",
            exc_info=None if postponed else result.error,
        )
        return retried

    def _is_old(self, event: Any) -> bool:
        # Another process may have handled it before this one was started.
        return event.created_at is None or event.created_at < self._created

    def _is_too_old(self, received: ReceivedEvent) -> bool:
        limit, created_at = self._options.max_event_age, received.event.created_at
        if limit is None or created_at is None:
            return False
        age = self._options.clock.now() - created_at.timestamp()
        if age > limit:
            logger.error(
                "Event %s is not handled: it is %.0f s old; the limit is %g s.",
                received.key,
                age,
                limit,
            )
        return age > limit

    def _keep_state(self, ordering_key: str, state: dict[str, Any]) -> None:
        self._states[ordering_key] = state
        self._states.move_to_end(ordering_key)
        if len(self._states) > _MAX_STATES:
            self._states.popitem(last=False)
