"""Handling what is in an inbox: lane by lane, many lanes at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import anyio
import anyio.abc

from sunco._clock import Clock
from sunco._sync import AutoResetEvent
from sunco.models.events import Event
from sunco.webhooks.handlers import Handler
from sunco.webhooks.inbox._lanes import Inbox
from sunco.webhooks.processing.backoff import Retries
from sunco.webhooks.processing.invoke import logger
from sunco.webhooks.processing.ordered import LaneWork

__all__ = ["Worker"]

_LOOK_EVERY: Final = 1.0
"""Seconds after which to look, rung or not: other processes may have stored or stopped."""


class Worker:
    """Handles the events of an inbox for as long as it runs.

    Args:
        inbox: The inbox, open.
        select: Finds the handlers of an event.
        clock: Where the time comes from.
        retries: When to try again.
        time_limit: Seconds that a handler may take.
        concurrency: How many lanes are handled at once.
    """

    def __init__(
        self,
        inbox: Inbox,
        select: Callable[[Event], Mapping[str, Handler]],
        *,
        clock: Clock,
        retries: Retries,
        time_limit: float,
        concurrency: int,
    ) -> None:
        self._inbox = inbox
        self._select = select
        self._clock = clock
        self._retries = retries
        self._time_limit = time_limit
        self._concurrency = concurrency
        self._busy: set[str] = set()
        self._changed = AutoResetEvent()
        self._stopping = False

    def stop(self) -> None:
        """Begin nothing new; `run` returns when the events under way have been handled."""
        self._stopping = True
        self._changed.set()

    async def run(self) -> None:
        """Handle events until `stop`. Cancelled, the events under way stay in the inbox."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen)
            while not self._stopping:
                await self._pause(await self._begin(tasks))
            while self._busy:
                await self._changed.wait()
            tasks.cancel_scope.cancel()

    async def _listen(self) -> None:
        while True:
            try:
                await self._inbox.wait()
            except Exception:  # noqa: BLE001 - a lost connection may come back
                logger.exception("The inbox cannot be listened to; it is looked into every second.")
                await self._clock.sleep(_LOOK_EVERY)
            self._changed.set()

    async def _begin(self, tasks: anyio.abc.TaskGroup) -> float | None:
        """Begin what can be begun; says in how many seconds to look again."""
        try:
            if not await self._inbox.lead():
                return _LOOK_EVERY
            # Those that are busy can take the first places.
            lanes = await self._inbox.lanes(2 * self._concurrency)
        except Exception:  # noqa: BLE001 - as above
            logger.exception("The inbox cannot be read; it is tried again.")
            return _LOOK_EVERY
        now = self._clock.now()
        for lane in lanes:
            if lane.name in self._busy:
                continue
            if lane.ready > now:
                return min(lane.ready - now, _LOOK_EVERY)
            if len(self._busy) >= self._concurrency:
                return None
            self._busy.add(lane.name)
            tasks.start_soon(self._handle, lane.name)
        return _LOOK_EVERY

    async def _pause(self, seconds: float | None) -> None:
        """Wait until something has changed, or so many seconds."""
        if seconds is None:
            await self._changed.wait()
            return
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._ring_after, seconds)
            await self._changed.wait()
            tasks.cancel_scope.cancel()

    async def _ring_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._changed.set()

    async def _handle(self, lane: str) -> None:
        work = LaneWork(
            self._inbox,
            lane,
            self._select,
            self._clock,
            self._retries,
            self._time_limit,
            lambda: self._stopping,
        )
        try:
            await work.run()
        except Exception:  # noqa: BLE001 - as above
            logger.exception("What became of an event cannot be kept; it is handled again.")
            if not self._stopping:
                await self._clock.sleep(_LOOK_EVERY)
        finally:
            self._busy.discard(lane)
            self._changed.set()
