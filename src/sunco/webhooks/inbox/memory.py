"""An inbox that lasts as long as the process."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import attrs

from sunco._clock import Clock, SystemClock
from sunco._sync import AutoResetEvent
from sunco.webhooks.inbox._lanes import (
    FailedEvent,
    InboxStats,
    Lane,
    NewEvent,
    Outcome,
    StoredEvent,
)

__all__ = ["MemoryInbox"]


@attrs.define
class _Row:
    lane: str
    event: StoredEvent
    state: str = "pending"
    error: str | None = None
    changed: float = 0.0


@attrs.define
class _Lane:
    ready: float
    held: bool = False
    rows: dict[int, _Row] = attrs.field(factory=dict[int, _Row])


class MemoryInbox:
    """Keeps events in memory: answers at once and handles later, but loses all with the process.

    For tests, and for bots that can do without what was pending when they are stopped.

    Args:
        remember: For how many seconds a handled event's id is remembered. The platform delivers
            again for 15 minutes.
        clock: Where the time comes from.
    """

    def __init__(self, *, remember: float = 3600.0, clock: Clock | None = None) -> None:
        self._remember = remember
        self._clock = clock or SystemClock()
        self._rows: dict[str, _Row] = {}
        self._lanes: dict[str, _Lane] = {}
        self._handled: dict[str, float] = {}
        self._stored = 0
        self._changed = AutoResetEvent()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def open(self) -> None:
        """Make ready."""

    async def close(self) -> None:
        """Let go of everything; what is stored stays, for as long as the inbox does."""

    async def lead(self) -> bool:
        """True: nobody shares it."""
        return True

    async def store(self, events: Sequence[NewEvent], now: float) -> None:
        """Store those events that are not known; see `Inbox`."""
        for event in events:
            if event.identity in self._rows or event.identity in self._handled:
                continue
            self._stored += 1
            stored = StoredEvent(
                identity=event.identity,
                sequence=self._stored,
                content=event.content,
                received=now,
            )
            row = self._rows[event.identity] = _Row(event.lane, stored)
            self._enter(row, now)
        self._changed.set()

    def _enter(self, row: _Row, now: float) -> None:
        lane = self._lanes.setdefault(row.lane, _Lane(now))
        lane.rows[row.event.sequence] = row
        if not lane.held:
            lane.ready = min(lane.ready, now)

    async def lanes(self, limit: int) -> Sequence[Lane]:
        """Lanes with pending events; see `Inbox`."""
        soonest = heapq.nsmallest(limit, self._lanes.items(), key=lambda lane: lane[1].ready)
        return [Lane(name=name, ready=lane.ready) for name, lane in soonest]

    async def pending(self, lane: str, limit: int) -> Sequence[StoredEvent]:
        """A lane's oldest pending events; see `Inbox`."""
        rows = self._lanes[lane].rows if lane in self._lanes else {}
        return [rows[sequence].event for sequence in sorted(rows)[:limit]]

    async def settle(
        self,
        lane: str,
        outcomes: Sequence[Outcome],
        *,
        now: float,
        ready: float,
        held: bool = False,
        seen: int | None = None,
    ) -> None:
        """Keep what became of a lane's events; see `Inbox`."""
        queue = self._lanes[lane]
        for outcome in outcomes:
            row = self._rows[outcome.identity]
            row.state, row.error, row.changed = outcome.state, outcome.error, now
            row.event = attrs.evolve(
                row.event, attempts=outcome.attempts, succeeded=tuple(outcome.succeeded)
            )
            if outcome.state != "pending":
                del queue.rows[row.event.sequence]
            if outcome.state == "handled":
                del self._rows[outcome.identity]
                self._handled[outcome.identity] = now
        queue.held = held
        later = seen is not None and any(number > seen for number in queue.rows)
        queue.ready = min(ready, queue.ready) if later and not held else ready
        if not queue.rows:
            del self._lanes[lane]
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._handled:
            oldest = next(iter(self._handled))
            if self._handled[oldest] + self._remember >= now:
                break
            del self._handled[oldest]

    async def wait(self) -> None:
        """Return when events may have become ready; see `Inbox`."""
        await self._changed.wait()

    async def stats(self) -> InboxStats:
        """Count what is in the inbox."""
        states = [row.state for row in self._rows.values()]
        return InboxStats(
            pending=states.count("pending"),
            failed=states.count("failed"),
            handled=len(self._handled),
            oldest=min(
                (row.event.received for row in self._rows.values() if row.state == "pending"),
                default=None,
            ),
        )

    async def failed(self, limit: int = 100) -> Sequence[FailedEvent]:
        """The events that were set aside, the oldest first; see `Inbox`."""
        rows = [row for row in self._rows.values() if row.state == "failed"]
        return [
            FailedEvent(
                id=row.event.identity,
                event=row.event.read(),
                attempts=row.event.attempts,
                error=row.error or "",
                received=row.event.received,
                failed=row.changed,
            )
            for row in rows[:limit]
        ]

    async def retry(self, id: str) -> bool:  # noqa: A002 - the API's word
        """Handle an event that was set aside anew; see `Inbox`."""
        row = self._rows.get(id)
        if row is None or row.state != "failed":
            return False
        row.state, row.error = "pending", None
        row.event = attrs.evolve(row.event, attempts=0)
        self._enter(row, self._clock.now())
        self._changed.set()
        return True
