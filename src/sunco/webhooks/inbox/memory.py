"""An inbox in memory."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from sunco._clock import Clock, SystemClock
from sunco._sync import AutoResetEvent
from sunco.webhooks.inbox.base import (
    Claim,
    ClaimLostError,
    EventResult,
    FailedEvent,
    InboxStats,
    NewEvent,
    StoredEvent,
)

__all__ = ["MemoryInbox"]

_OWNER: Final = 1


@attrs.define
class _Row:
    ordering_key: str
    received: float
    event: StoredEvent
    status: str = "pending"
    error: str = ""
    changed: float = 0.0


@attrs.define
class _Queue:
    """The pending events of an ordering key."""

    ready: float = math.inf
    delay: float = 0.0
    blocked: bool = False
    stored: int = 0
    fence: int = 0
    claimed: bool = False
    rows: dict[int, _Row] = attrs.field(factory=dict[int, _Row])

    def wake(self, now: float) -> None:
        if not self.blocked:
            self.ready, self.delay = min(self.ready, now), 0.0

    def due_in(self, now: float) -> float:
        """Seconds until it is ready. A clock that was set back does not prolong the delay."""
        left = self.ready - now
        return 0.0 if left > self.delay and self.ready < math.inf else max(left, 0.0)


class MemoryInbox:
    """Keeps events in memory. Responds at once and processes later; lost when the process ends.

    For tests, and for bots that can lose pending events when they are stopped.

    Args:
        dedup_ttl: Seconds for which the key of a handled event is remembered. The platform
            delivers again for 15 minutes.
        clock: The clock.
    """

    def __init__(self, *, dedup_ttl: float = 3600.0, clock: Clock | None = None) -> None:
        self._dedup_ttl = dedup_ttl
        self._clock = clock or SystemClock()
        self._rows: dict[str, _Row] = {}
        self._queues: dict[str, _Queue] = {}
        self._states: dict[str, tuple[float, dict[str, Any]]] = {}
        self._handled: dict[str, float] = {}
        self._sequence = 0
        self._fence = 0
        self._changed = AutoResetEvent()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    async def open(self, *, handles: bool = True) -> None:
        """Open the inbox; see `Inbox`."""

    async def close(self) -> None:
        """Release all claims; see `Inbox`."""
        now = self._clock.now()
        for queue in self._queues.values():
            if queue.claimed:
                queue.claimed, queue.blocked = False, False
                queue.wake(now)

    async def heartbeat(self) -> None:
        """Return at once: claims never expire."""

    async def add(self, events: Sequence[NewEvent]) -> None:
        """Store the events whose keys are not known; see `Inbox`."""
        now = self._clock.now()
        self._forget(now)
        for new in events:
            if new.key in self._rows or new.key in self._handled:
                continue
            self._sequence += 1
            event = StoredEvent(key=new.key, sequence=self._sequence, content=new.content)
            row = self._rows[new.key] = _Row(new.ordering_key, now, event, changed=now)
            self._enqueue(row, now)
        self._changed.set()

    def _enqueue(self, row: _Row, now: float) -> None:
        queue = self._queues.setdefault(row.ordering_key, _Queue())
        queue.rows[row.event.sequence] = row
        queue.stored += 1
        queue.wake(now)

    async def claim(self, limit: int, *, events: int = 100) -> Sequence[Claim]:
        """Claim ordering keys that are ready; see `Inbox`."""
        now = self._clock.now()
        ready = (
            (queue.ready, ordering_key, queue)
            for ordering_key, queue in self._queues.items()
            if queue.rows and not queue.claimed and not queue.due_in(now)
        )
        claims: list[Claim] = []
        for _, ordering_key, queue in heapq.nsmallest(limit, ready, key=lambda each: each[:2]):
            self._fence += 1
            queue.fence, queue.claimed, queue.blocked = self._fence, True, False
            rows = [queue.rows[sequence] for sequence in sorted(queue.rows)[:events]]
            self._start(rows[0])
            claims.append(
                Claim(
                    ordering_key=ordering_key,
                    fence=queue.fence,
                    stored=queue.stored,
                    owner=_OWNER,
                    events=[
                        attrs.evolve(row.event, age=max(now - row.received, 0.0)) for row in rows
                    ],
                    until=math.inf,
                    state=dict(self._states.get(ordering_key, (now, {}))[1]),
                )
            )
        return claims

    def _start(self, row: _Row) -> None:
        row.event = attrs.evolve(row.event, attempts=row.event.attempts + 1)

    def _held(self, claim: Claim) -> _Queue | None:
        queue = self._queues.get(claim.ordering_key)
        held = queue is not None and queue.claimed and queue.fence == claim.fence
        return queue if held else None

    async def record(
        self,
        claim: Claim,
        results: Sequence[EventResult],
        *,
        starting: Sequence[str] = (),
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Store results; see `Inbox`."""
        queue = self._held(claim)
        if queue is None:
            raise ClaimLostError(f"The claim of {claim.ordering_key} is lost.")
        now = self._clock.now()
        for result in results:
            row = self._rows.get(result.key)
            if row is not None:
                self._record(queue, row, result, now)
        for key in starting:
            if key in self._rows:
                self._start(self._rows[key])
        if state is not None:
            self._states[claim.ordering_key] = now, dict(state)

    def _record(self, queue: _Queue, row: _Row, result: EventResult, now: float) -> None:
        row.status, row.error, row.changed = result.status, result.error or "", now
        row.event = attrs.evolve(
            row.event,
            attempts=result.attempts,
            repeated=result.repeated,
            succeeded=tuple(result.succeeded),
        )
        if result.status != "pending":
            queue.rows.pop(row.event.sequence, None)
        if result.status == "handled":
            del self._rows[result.key]
            self._handled[result.key] = now

    async def release(
        self, claim: Claim, *, delay: float = 0.0, blocked: bool = False, drained: bool
    ) -> None:
        """Give a claim back; see `Inbox`."""
        queue = self._held(claim)
        if queue is None:
            return
        now = self._clock.now()
        queue.claimed = False
        changed = queue.stored != claim.stored
        if drained and not changed:
            del self._queues[claim.ordering_key]
        else:
            waits = not drained and (blocked or not changed)
            queue.delay = delay if waits else 0.0
            queue.ready, queue.blocked = now + queue.delay, blocked and waits
        self._changed.set()

    async def holds(self, claim: Claim) -> float:
        """Infinity, or an error if the claim is lost; see `Inbox`."""
        if self._held(claim) is None:
            raise ClaimLostError(f"The claim of {claim.ordering_key} is lost.")
        return math.inf

    async def next_due(self) -> float | None:
        """Seconds until an ordering key is ready; see `Inbox`."""
        now = self._clock.now()
        due = [
            queue.due_in(now) for queue in self._queues.values() if queue.rows and not queue.claimed
        ]
        return min(due, default=None)

    async def wait(self) -> None:
        """Return when events may have become ready; see `Inbox`."""
        await self._changed.wait()

    async def stats(self) -> InboxStats:
        """Count the events; see `Inbox`."""
        now = self._clock.now()
        self._forget(now)
        statuses = [row.status for row in self._rows.values()]
        pending = [row.received for row in self._rows.values() if row.status == "pending"]
        return InboxStats(
            pending=len(pending),
            failed=statuses.count("failed"),
            handled=len(self._handled),
            oldest=max(now - min(pending), 0.0) if pending else None,
        )

    async def failed(self, limit: int = 100) -> Sequence[FailedEvent]:
        """The dead-letter list, oldest first; see `Inbox`."""
        rows = [row for row in self._rows.values() if row.status == "failed"]
        return [
            FailedEvent(
                key=row.event.key,
                event=row.event.read(),
                attempts=row.event.attempts,
                error=row.error,
                received=row.received,
                failed=row.changed,
            )
            for row in rows[:limit]
        ]

    async def retry(self, key: str) -> bool:
        """Process a dead-lettered event again; see `Inbox`."""
        row = self._failed(key)
        if row is None:
            return False
        now = self._clock.now()
        row.status, row.error, row.changed = "pending", "", now
        row.event = attrs.evolve(row.event, attempts=0, repeated=True)
        self._enqueue(row, now)
        self._changed.set()
        return True

    async def discard(self, key: str) -> bool:
        """Delete a dead-lettered event; see `Inbox`."""
        if self._failed(key) is None:
            return False
        del self._rows[key]
        self._handled[key] = self._clock.now()
        return True

    async def purge(self, *, older_than: float) -> int:
        """Delete what has not changed for a while, but no pending events; see `Inbox`."""
        before = self._clock.now() - older_than
        failed = [
            key
            for key, row in self._rows.items()
            if row.status == "failed" and row.changed <= before
        ]
        handled = [key for key, changed in self._handled.items() if changed <= before]
        for key in failed:
            del self._rows[key]
        for key in handled:
            del self._handled[key]
        for ordering_key, (changed, _) in list(self._states.items()):
            if changed <= before and ordering_key not in self._queues:
                del self._states[ordering_key]
        return len(failed) + len(handled)

    def _failed(self, key: str) -> _Row | None:
        row = self._rows.get(key)
        return row if row is not None and row.status == "failed" else None

    def _forget(self, now: float) -> None:
        while self._handled:
            oldest = next(iter(self._handled))
            if self._handled[oldest] + self._dedup_ttl >= now:
                break
            del self._handled[oldest]
