"""Handling events before the delivery is answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import anyio

from sunco.models.events import Event
from sunco.webhooks.batches import Batch, Batches
from sunco.webhooks.calling import call, logger
from sunco.webhooks.clock import Clock
from sunco.webhooks.handlers import Handler
from sunco.webhooks.ledger import Ledger
from sunco.webhooks.turns import Turns

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

    async def handle(self, events: Iterable[tuple[str, str, Event]]) -> bool:
        """Handle a delivery's events, each given with its identity and its lane.

        Returns:
            Whether all of them have been handled, now or before, within the time limit.
        """
        lanes: dict[str, dict[str, Event]] = {}
        for identity, lane, event in events:
            if not self._ledger.is_handled(identity):
                lanes.setdefault(lane, {}).setdefault(identity, event)
        if not lanes:
            return True
        complete = False
        with anyio.move_on_after(self._time_limit) as scope:
            complete = await self._handle_lanes(lanes)
        if scope.cancelled_caught:
            logger.error("A delivery was not handled within %g s.", self._time_limit)
        return complete

    async def _handle_lanes(self, lanes: Mapping[str, Mapping[str, Event]]) -> bool:
        if len(lanes) == 1:
            (lane,) = lanes.items()
            return await self._handle_lane(lane)
        remaining = iter(lanes.items())
        outcomes: list[bool] = []
        async with anyio.create_task_group() as tasks:
            for _ in range(min(len(lanes), self._concurrency)):
                tasks.start_soon(self._work_off, remaining, outcomes)
        return all(outcomes)

    async def _work_off(self, remaining: Iterator[_Lane], outcomes: list[bool]) -> None:
        for lane in remaining:
            outcomes.append(await self._handle_lane(lane))  # noqa: PERF401 - the iterator is shared

    async def _handle_lane(self, lane: _Lane) -> bool:
        name, events = lane
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
        # Outside of the turn: others have to get in, to join the batches.
        return all([await self._end(*each) for each in begun])

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
        for handler in handlers.values():
            if self._ledger.succeeded(identity, handler.name):
                continue
            if handler.debounce is not None:
                batches.append(self._batches.join(lane, handler, identity, event))
            elif await call(handler, event, identity) is not None:
                complete = False
            elif len(handlers) > 1:
                self._ledger.note(identity, handler.name)
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
        if complete and batches:
            self._ledger.finish(identity)
        return complete

    async def _hand_over(self, batch: Batch) -> bool:
        await self._turns.take(batch.lane)
        try:
            events = {
                identity: event
                for identity, event in batch.events.items()
                # It may have come again and joined anew while its batch was handled.
                if not self._ledger.succeeded(identity, batch.handler.name)
            }
            if events and await call(batch.handler, list(events.values()), ", ".join(events)):
                return False
            for identity in events:
                self._ledger.note(identity, batch.handler.name)
        finally:
            self._turns.give(batch.lane)
        return True
