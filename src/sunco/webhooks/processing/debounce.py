"""Debouncing without an inbox: events are collected into a batch while their requests wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from sunco._clock import Clock
from sunco.webhooks.delivery import ReceivedEvent
from sunco.webhooks.handlers import Handler

__all__ = ["MAX_BATCH", "MAX_WAIT_FACTOR", "Batch", "Debouncer", "due_at"]

MAX_BATCH: Final = 100
MAX_WAIT_FACTOR: Final = 10
"""The longest time that the first event of a batch waits, as a multiple of the debounce."""


def due_at(debounce: float, first: float, last: float, max_wait: float | None = None) -> float:
    """When a batch is due whose first and last events were received at these times."""
    return min(last + debounce, first + (max_wait or MAX_WAIT_FACTOR * debounce))


class Batch:
    """Events for one handler. One of the requests that wait for it calls the handler.

    Attributes:
        ordering_key: The ordering key of its events.
        handler: The handler.
        events: The events by key, in the order of arrival, each with its attempt.
    """

    def __init__(self, ordering_key: str, handler: Handler, now: float) -> None:
        self.ordering_key = ordering_key
        self.handler = handler
        self.events: dict[str, tuple[ReceivedEvent, int]] = {}
        self.first: float = now
        self.last: float = now
        self.succeeded: bool | None = None
        self.lock: anyio.Lock = anyio.Lock()


class Debouncer:
    """Collects events into batches.

    Args:
        clock: The clock.
        max_wait: Seconds that the first event of a batch waits at most.
        dispatch: Calls the handler of a batch; returns whether it succeeded.
    """

    def __init__(
        self, clock: Clock, *, max_wait: float, dispatch: Callable[[Batch], Awaitable[bool]]
    ) -> None:
        self._clock = clock
        self._max_wait = max_wait
        self._dispatch = dispatch
        self._open: dict[tuple[str, str], Batch] = {}

    def join(self, handler: Handler, received: ReceivedEvent, attempt: int) -> Batch:
        """Add an event to the open batch of its handler and ordering key, once."""
        key = (received.ordering_key, handler.name)
        now = self._clock.monotonic()
        batch = self._open.get(key)
        if batch is None or len(batch.events) >= MAX_BATCH:
            batch = self._open[key] = Batch(received.ordering_key, handler, now)
        if received.key not in batch.events:
            batch.events[received.key] = (received, attempt)
            batch.last = now
        return batch

    async def wait_for(self, batch: Batch) -> bool:
        """Wait until a batch has been processed.

        The first caller waits until the batch is due and dispatches it. If it is cancelled, the
        next one does.

        Returns:
            Whether the handler succeeded.
        """
        async with batch.lock:
            if batch.succeeded is None:
                try:
                    await self._collect(batch)
                    batch.succeeded = await self._dispatch(batch)
                finally:
                    if batch.succeeded is None and not batch.lock.statistics().tasks_waiting:
                        self._close(batch)
            return bool(batch.succeeded)

    async def _collect(self, batch: Batch) -> None:
        handler = batch.handler
        while (
            len(batch.events) < MAX_BATCH
            and (
                left := due_at(handler.debounce or 0.0, batch.first, batch.last, self._max_wait)
                - self._clock.monotonic()
            )
            > 0
        ):
            await self._clock.sleep(left)
        self._close(batch)

    def _close(self, batch: Batch) -> None:
        key = (batch.ordering_key, batch.handler.name)
        if self._open.get(key) is batch:
            del self._open[key]
