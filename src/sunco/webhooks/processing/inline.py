"""Handling events before the delivery is answered."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import anyio

from sunco._clock import Clock
from sunco.models.events import Event
from sunco.webhooks.handlers import Handler
from sunco.webhooks.processing.debounce import Batch, Batches
from sunco.webhooks.processing.dedup import Ledger
from sunco.webhooks.processing.invoke import call, logger
from sunco.webhooks.processing.keyed_lock import Turns

__all__ = ["InlineHandling"]

_Lane: TypeAlias = tuple[str, Mapping[str, Event]]


class InlineHandling:
    """Handles the events of a delivery, those not handled yet, while the platform waits.

    In a lane (a conversation, or a user where there is none) one event is handled at a time, over
    all deliveries. An event that fails keeps back none of those behind it: with the delivery
    answered 500 it comes again, and is handled then.

    Args:
        select: Finds the handlers of an event.
        ledger: What has been handled already.
        clock: Where the time comes from.
        time_limit: Seconds that a delivery may take.
        concurrency: How many lanes of a delivery are handled at once.
    """

    def __init__(
        self,
        select: Callable[[Event], Mapping[str, Handler]],
        *,
        ledger: Ledger,
        clock: Clock,
        time_limit: float,
        concurrency: int,
    ) -> None:
        self._select = select
        self._ledger = ledger
        self._time_limit = time_limit
        self._concurrency = concurrency
        self._turns = Turns()
        self._batches = Batches(clock, longest=time_limit / 2, hand_over=self._hand_over)

    async def handle(self, events: Iterable[tuple[str, str, Event, Any]]) -> bool:
        """Handle a delivery's events, each given with its identity and its lane before it.

        Returns:
            Whether all of them have been handled, now or before, within the time limit.
        """
        lanes: dict[str, dict[str, Event]] = {}
        for identity, lane, event, _ in events:
            if not self._ledger.is_handled(identity):
                lanes.setdefault(lane, {}).setdefault(identity, event)
        if not lanes:
            return True
        complete = False
        with anyio.move_on_after(self._time_limit) as scope:
            if len(lanes) == 1:
                complete = await self._handle_lane(*lanes.popitem())
            else:
                complete = await self._handle_lanes(deque(lanes.items()))
        if scope.cancelled_caught:
            logger.error("A delivery was not handled within %g s.", self._time_limit)
        return complete

    async def _handle_lanes(self, lanes: deque[_Lane]) -> bool:
        outcomes: list[bool] = []
        async with anyio.create_task_group() as tasks:

            async def work_off(places: int) -> None:
                # Another task begins as soon as this one has to wait. Where handlers have nothing
                # to wait for, one does it all, and is spared what many cost.
                if lanes and places > 1:
                    tasks.start_soon(work_off, places - 1)
                while lanes:
                    outcomes.append(await self._handle_lane(*lanes.popleft()))

            await work_off(self._concurrency)
        return all(outcomes)

    async def _handle_lane(self, name: str, events: Mapping[str, Event]) -> bool:
        if not self._turns.try_take(name):
            await self._turns.take(name)
        try:
            begun = [
                await self._begin(name, identity, event)
                for identity, event in events.items()
                # It may have been handled while this delivery waited for its turn.
                if not self._ledger.is_handled(identity)
            ]
        finally:
            self._turns.give(name)
        complete = True
        for identity, began_well, batches in begun:
            # Outside of the turn: others have to get in, to join the batches.
            ended_well = not batches or await self._end(identity, began_well, batches)
            complete = complete and began_well and ended_well
        return complete

    async def _begin(
        self, lane: str, identity: str, event: Event
    ) -> tuple[str, bool, Sequence[Batch]]:
        """Call an event's handlers but for those that take batches: it joins their batches."""
        try:
            handlers = self._select(event)
        except Exception:  # noqa: BLE001 - a filter can raise anything
            logger.exception("A filter failed for event %s.", identity)
            return identity, False, ()
        complete = True
        batches: list[Batch] = []
        succeeded = self._ledger.succeeded(identity) or ()
        for name, handler in handlers.items():
            if name in succeeded:
                continue
            if handler.debounce is not None:
                batches.append(self._batches.join(lane, handler, identity, event))
            elif await call(handler, event, identity) is not None:
                complete = False
            elif len(handlers) > 1:
                self._ledger.note(identity, name)
        if handlers and complete and not batches:
            self._ledger.finish(identity)
        return identity, complete, batches

    async def _end(
        self,
        identity: str,
        complete: bool,  # noqa: FBT001 - as it was begun
        batches: Sequence[Batch],
    ) -> bool:
        for batch in batches:
            complete = await self._batches.wait_for(batch) and complete
        if complete:
            self._ledger.finish(identity)
        return complete

    async def _hand_over(self, batch: Batch) -> bool:
        await self._turns.take(batch.lane)
        try:
            events = {
                identity: event
                for identity, event in batch.events.items()
                # It may have come again and joined anew while its batch was handled.
                if not self._has_succeeded(identity, batch.handler)
            }
            if events and await call(batch.handler, list(events.values()), ", ".join(events)):
                return False
            for identity in events:
                self._ledger.note(identity, batch.handler.name)
        finally:
            self._turns.give(batch.lane)
        return True

    def _has_succeeded(self, identity: str, handler: Handler) -> bool:
        succeeded = self._ledger.succeeded(identity)
        return succeeded is None or handler.name in succeeded
