"""Events that are handed over together: gathering them while requests wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from sunco._clock import Clock
from sunco.models.events import Event
from sunco.webhooks.handlers import Handler

__all__ = ["LARGEST_BATCH", "LONGEST_WAIT", "Batch", "Batches", "due_at"]

LARGEST_BATCH: Final = 100
LONGEST_WAIT: Final = 10
"""The longest that the first of a batch waits, in times of the debounce."""


def due_at(debounce: float, first: float, last: float, longest: float | None = None) -> float:
    """When a batch is handed over, whose first and last events arrived when they did."""
    return min(last + debounce, first + (longest or LONGEST_WAIT * debounce))


class Batch:
    """Events for one handler. Of those who wait for it, one hands it over.

    Attributes:
        lane: The lane of its events.
        handler: The handler.
        events: The events by identity, in the order of arrival.
    """

    def __init__(self, lane: str, handler: Handler, now: float) -> None:
        self.lane = lane
        self.handler = handler
        self.events: dict[str, Event] = {}
        self.first: float = now
        self.last: float = now
        self.succeeded: bool | None = None
        self.lock: anyio.Lock = anyio.Lock()


class Batches:
    """The batches that are being gathered.

    Args:
        clock: Where the time comes from.
        longest: The longest that the first event of a batch waits, in seconds.
        hand_over: Calls the handler, in the lane's turn; says whether it succeeded.
    """

    def __init__(
        self, clock: Clock, *, longest: float, hand_over: Callable[[Batch], Awaitable[bool]]
    ) -> None:
        self._clock = clock
        self._longest = longest
        self._hand_over = hand_over
        self._open: dict[tuple[str, str], Batch] = {}

    def join(self, lane: str, handler: Handler, identity: str, event: Event) -> Batch:
        """Add an event to its handler's batch in its lane; one that is in it already stays once."""
        key = (lane, handler.name)
        now = self._clock.now()
        batch = self._open.get(key)
        if batch is None or len(batch.events) >= LARGEST_BATCH:
            batch = self._open[key] = Batch(lane, handler, now)
        if identity not in batch.events:
            batch.events[identity] = event
            batch.last = now
        return batch

    async def wait_for(self, batch: Batch) -> bool:
        """Wait until a batch has been handled.

        Whoever comes first hands it over; if that one is cancelled, the next does.

        Returns:
            Whether it succeeded.
        """
        async with batch.lock:
            if batch.succeeded is None:
                try:
                    await self._gather(batch)
                    batch.succeeded = await self._hand_over(batch)
                finally:
                    if batch.succeeded is None and not batch.lock.statistics().tasks_waiting:
                        self._close(batch)
            return bool(batch.succeeded)

    async def _gather(self, batch: Batch) -> None:
        handler = batch.handler
        while (
            len(batch.events) < LARGEST_BATCH
            and (
                left := due_at(handler.debounce or 0.0, batch.first, batch.last, self._longest)
                - self._clock.now()
            )
            > 0
        ):
            await self._clock.sleep(left)
        self._close(batch)

    def _close(self, batch: Batch) -> None:
        key = (batch.lane, batch.handler.name)
        if self._open.get(key) is batch:
            del self._open[key]
