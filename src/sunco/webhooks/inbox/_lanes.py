"""What an inbox is: events are stored in it before they are acknowledged, and handled later."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, Protocol

import attrs

from sunco.models.events import Event
from sunco.webhooks.delivery import read_event

__all__ = ["FailedEvent", "Inbox", "InboxStats", "Lane", "NewEvent", "Outcome", "StoredEvent"]


@attrs.frozen(kw_only=True)
class NewEvent:
    """An event to store.

    Attributes:
        identity: By what it is known again when it comes again.
        lane: What it must not overtake: events of a lane are handled in the order of storing.
        content: Its JSON, in ASCII.
    """

    identity: str
    lane: str
    content: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class StoredEvent:
    """An event that waits to be handled.

    Attributes:
        identity: By what it is known again.
        sequence: Its place in the order of storing.
        content: Its JSON, in ASCII.
        received: When it was stored, in seconds since 1970.
        attempts: How often handling it has failed.
        succeeded: The names of the handlers that have succeeded already.
    """

    identity: str
    sequence: int
    content: bytes = attrs.field(repr=False)
    received: float
    attempts: int = 0
    succeeded: Sequence[str] = ()

    def read(self) -> Event:
        """The event."""
        return read_event(json.loads(self.content))


@attrs.frozen(kw_only=True)
class Lane:
    """A row of events that are handled in order.

    Attributes:
        name: Its name.
        ready: When its next event can be handled, in seconds since 1970.
    """

    name: str
    ready: float


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of an event.

    Attributes:
        identity: The event's.
        state: `"handled"`, `"failed"` (set aside until retried) or `"pending"` still.
        attempts: How often handling it has failed.
        succeeded: The names of the handlers that have succeeded; of no interest once it is handled.
        error: Why it failed last.
    """

    identity: str
    state: Literal["pending", "handled", "failed"]
    attempts: int = 0
    succeeded: Sequence[str] = ()
    error: str | None = None


@attrs.frozen(kw_only=True)
class FailedEvent:
    """An event that was set aside.

    Attributes:
        id: The event's id, as `Inbox.retry` takes it; for one that came without, a digest.
        event: The event.
        attempts: How often it was tried.
        error: Why it failed the last time.
        received: When it came, in seconds since 1970.
        failed: When it failed the last time, in seconds since 1970.
    """

    id: str
    event: Event
    attempts: int
    error: str
    received: float
    failed: float


@attrs.frozen(kw_only=True)
class InboxStats:
    """What is in an inbox.

    Attributes:
        pending: Events that wait to be handled, or are being handled.
        failed: Events that were set aside.
        handled: Handled events whose ids are still remembered.
        oldest: When the oldest pending event was stored, in seconds since 1970; None if there is
            none.
    """

    pending: int
    failed: int
    handled: int
    oldest: float | None


class Inbox(Protocol):
    """Where a `WebhookRouter` keeps events until they are handled.

    What `store` and `settle` do is done as a whole or not at all, and outlives the process once
    they return, where the inbox is one that outlives it at all.
    Times are seconds since 1970. `stats`, `failed` and `retry` are for users; the rest is for the
    router, which opens the inbox before all else, and closes it at the end.

    An implementation has to forget handled events some time, but must know their identities for
    longer than the 15 minutes in which the platform delivers again.
    """

    async def open(self) -> None:
        """Make ready."""
        ...

    async def close(self) -> None:
        """Let go of everything; what is stored stays."""
        ...

    async def lead(self) -> bool:
        """Whether this process is the one that handles events, or has become it now.

        Of the processes that share an inbox one handles and all store, so that the order is kept.
        It is asked again and again, and a True may be followed by False.
        """
        ...

    async def store(self, events: Sequence[NewEvent], now: float) -> None:
        """Store those events that are not known, in this order.

        Their lanes become ready now, but for those that are held back.
        """
        ...

    async def lanes(self, limit: int) -> Sequence[Lane]:
        """Lanes with pending events, those that are ready first at the head."""
        ...

    async def pending(self, lane: str, limit: int) -> Sequence[StoredEvent]:
        """A lane's oldest pending events, in order."""
        ...

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
        """Keep what became of a lane's events.

        Args:
            lane: The lane.
            outcomes: What became of which event.
            now: The time.
            ready: When the lane can go on, if any pending events are left in it.
            held: Whether it has to wait until then even if events are stored in it.
            seen: The sequence of the last event that was considered: if there is a later one, the
                lane stays as ready as it was. None if it does not matter.
        """
        ...

    async def wait(self) -> None:
        """Return when events may have become ready through `store` or `retry`, in this process.

        It may return too often. It may also not return at all: the router looks every second.
        """
        ...

    async def stats(self) -> InboxStats:
        """Count what is in the inbox."""
        ...

    async def failed(self, limit: int = 100) -> Sequence[FailedEvent]:
        """The events that were set aside, the oldest first.

        Args:
            limit: How many at most.
        """
        ...

    async def retry(self, id: str) -> bool:  # noqa: A002 - the API's word
        """Handle an event that was set aside anew, before all that is pending in its lane.

        Args:
            id: The event's.

        Returns:
            Whether there was such an event.
        """
        ...
