"""What has been handled already, by the id of the event."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from typing import Final

from sunco._clock import Clock

__all__ = ["Ledger"]

_MOST: Final = 100_000


class Ledger:
    """Remembers handled events, and of unfinished ones which handlers have succeeded.

    Args:
        clock: Where the time comes from.
        seconds: For how long an event is remembered.
        most: How many events are remembered; beyond it, the oldest are forgotten.
    """

    def __init__(self, clock: Clock, *, seconds: float, most: int = _MOST) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        # The names of the handlers that have succeeded, or None once all have.
        self._entries: OrderedDict[str, tuple[float, set[str] | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def is_handled(self, identity: str) -> bool:
        """Whether all of an event's handlers have succeeded."""
        return identity in self._entries and self.succeeded(identity) is None

    def succeeded(self, identity: str) -> Collection[str] | None:
        """The names of those of an event's handlers that have succeeded; None if all have."""
        entry = self._entries.get(identity)
        if entry is None or entry[0] + self._seconds < self._clock.now():
            return ()
        return entry[1]

    def note(self, identity: str, handler: str) -> None:
        """One of an event's handlers has succeeded."""
        handlers = self.succeeded(identity)
        if handlers is not None:
            self._keep(identity, {handler, *handlers})

    def finish(self, identity: str) -> None:
        """All of an event's handlers have succeeded."""
        self._keep(identity, None)

    def _keep(self, identity: str, handlers: set[str] | None) -> None:
        now = self._clock.now()
        self._entries[identity] = (now, handlers)
        self._entries.move_to_end(identity)
        since, _ = next(iter(self._entries.values()))
        while len(self._entries) > self._most or since + self._seconds < now:
            self._entries.popitem(last=False)
            since, _ = next(iter(self._entries.values()))
