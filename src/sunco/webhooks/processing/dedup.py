"""Deduplication without an inbox: a bounded memory of the events of this process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

import attrs

from sunco._clock import Clock

__all__ = ["DedupCache"]

_MAX_EVENTS: Final = 100_000


@attrs.define
class _Entry:
    time: float
    attempts: int = 0
    # The names of the handlers that have succeeded, or None once the event is handled.
    succeeded: set[str] | None = attrs.field(factory=set[str])


class DedupCache:
    """Remembers handled events, and the attempts and succeeded handlers of the others.

    Args:
        clock: The clock.
        ttl: Seconds for which an event is remembered.
        max_events: The maximum number of events; beyond it, the oldest are forgotten.
    """

    def __init__(self, clock: Clock, *, ttl: float, max_events: int = _MAX_EVENTS) -> None:
        self._clock = clock
        self._ttl = ttl
        self._max_events = max_events
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def is_handled(self, key: str) -> bool:
        """Whether an event has been handled."""
        return key in self._entries and self.succeeded(key) is None

    def succeeded(self, key: str) -> Collection[str] | None:
        """The names of the handlers that have succeeded for an event; None if it is handled."""
        entry = self._current(key)
        return () if entry is None else entry.succeeded

    def start(self, key: str) -> int:
        """Count an attempt of an event that is not handled; returns its number, from 1."""
        entry = self._current(key) or _Entry(0.0)
        entry.attempts += 1
        self._keep(key, entry)
        return entry.attempts

    def add_success(self, key: str, handler: str) -> None:
        """Remember that a handler has succeeded; does nothing if the event is handled."""
        entry = self._current(key) or _Entry(0.0)
        if entry.succeeded is not None:
            entry.succeeded.add(handler)
            self._keep(key, entry)

    def finish(self, key: str) -> None:
        """Remember that an event is handled."""
        self._keep(key, _Entry(0.0, succeeded=None))

    def _current(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None or entry.time + self._ttl < self._clock.monotonic():
            return None
        return entry

    def _keep(self, key: str, entry: _Entry) -> None:
        now = entry.time = self._clock.monotonic()
        self._entries[key] = entry
        self._entries.move_to_end(key)
        oldest = next(iter(self._entries.values()))
        while len(self._entries) > self._max_events or oldest.time + self._ttl < now:
            self._entries.popitem(last=False)
            oldest = next(iter(self._entries.values()))
