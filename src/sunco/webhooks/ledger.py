"""What has been handled already, by the id of the event."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import Final

from sunco.webhooks.clock import Clock

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
        return self._handlers(identity) is None

    def succeeded(self, identity: str, handler: str) -> bool:
        """Whether one of an event's handlers has."""
        handlers = self._handlers(identity)
        return handlers is None or handler in handlers

    def note(self, identity: str, handler: str) -> None:
        """One of an event's handlers has succeeded."""
        handlers = self._handlers(identity)
        if handlers is not None:
            self._keep(identity, handlers | {handler})

    def finish(self, identity: str) -> None:
        """All of an event's handlers have succeeded."""
        self._keep(identity, None)

    def _handlers(self, identity: str) -> set[str] | None:
        since, handlers = self._entries.get(identity, (-math.inf, None))
        return set() if self._is_old(since) else handlers

    def _keep(self, identity: str, handlers: set[str] | None) -> None:
        self._entries[identity] = (self._clock.now(), handlers)
        self._entries.move_to_end(identity)
        while len(self._entries) > self._most or self._is_old(
            next(iter(self._entries.values()))[0]
        ):
            self._entries.popitem(last=False)

    def _is_old(self, since: float) -> bool:
        return since + self._seconds < self._clock.now()
