"""The inbox protocol: events are stored before they are acknowledged, and processed later."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import attrs

from sunco.errors import SuncoError
from sunco.models.events import Event
from sunco.webhooks.delivery import read_event

__all__ = [
    "Claim",
    "ClaimLostError",
    "EventResult",
    "FailedEvent",
    "Inbox",
    "InboxStats",
    "NewEvent",
    "StoredEvent",
]


class ClaimLostError(SuncoError):
    """The claim is no longer held: its lease expired, or another worker has the ordering key."""


@attrs.frozen(kw_only=True)
class NewEvent:
    """An event to store.

    Attributes:
        key: The dedupe key: app, webhook and event id.
        ordering_key: Events with the same ordering key are processed in the order of storing.
        content: The event's JSON, in ASCII.
    """

    key: str
    ordering_key: str
    content: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class StoredEvent:
    """A pending event of a claim.

    Attributes:
        key: The dedupe key.
        sequence: Its position in the order of storing.
        content: The event's JSON, in ASCII.
        age: Seconds since it was stored, by the store's clock; never negative.
        attempts: Attempts recorded so far. For the first event of a claim this includes the
            attempt that `Inbox.claim` recorded.
        repeated: Whether a handler may have been called for it before, whatever `attempts` says:
            as `EventResult.repeated` recorded it, and true after `Inbox.retry`.
        succeeded: The names of the handlers that have succeeded.
    """

    key: str
    sequence: int
    content: bytes = attrs.field(repr=False)
    age: float = 0.0
    attempts: int = 0
    repeated: bool = False
    succeeded: Sequence[str] = ()

    def read(self) -> Event:
        """Read the event; one that cannot be read is an `UnknownEvent`."""
        return read_event(json.loads(self.content))


@attrs.frozen(kw_only=True)
class Claim:
    """The exclusive right to process the events of one ordering key.

    Attributes:
        ordering_key: The ordering key.
        fence: Grows with each claim of the ordering key; an older fence is rejected.
        stored: How often events had been added to the ordering key when it was claimed.
        owner: The worker that holds the claim.
        events: The oldest pending events, in order; at least one.
        until: When the claim expires unless it is renewed, as `time.monotonic()`; `math.inf` if it
            never does. It is earlier than the end of the lease in the store, by the time that
            cancelling handlers may take.
        state: The JSON object stored with the ordering key; empty by default.
    """

    ordering_key: str
    fence: int
    stored: int
    owner: int
    events: Sequence[StoredEvent]
    until: float
    state: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False)


@attrs.frozen(kw_only=True)
class EventResult:
    """The result of an event so far.

    Attributes:
        key: The event's dedupe key.
        status: `"handled"`, `"failed"` (dead-lettered), or still `"pending"`.
        attempts: The number of attempts to store.
        repeated: Whether a handler may have been called although `attempts` does not count it.
        succeeded: The names of the handlers that have succeeded; not needed once it is handled.
        error: Why the last attempt failed. Any text: the store escapes what it cannot hold.
    """

    key: str
    status: Literal["pending", "handled", "failed"]
    attempts: int = 0
    repeated: bool = False
    succeeded: Sequence[str] = ()
    error: str | None = None


@attrs.frozen(kw_only=True)
class FailedEvent:
    """A dead-lettered event.

    Attributes:
        key: The dedupe key, as `Inbox.retry` and `Inbox.discard` take it.
        event: The event.
        attempts: How often it was attempted.
        error: Why the last attempt failed.
        received: When it was stored, in seconds since 1970, by the store's clock.
        failed: When it was dead-lettered, in seconds since 1970, by the store's clock.
    """

    key: str
    event: Event = attrs.field(repr=False)
    attempts: int
    error: str
    received: float
    failed: float


@attrs.frozen(kw_only=True)
class InboxStats:
    """Counts of an inbox.

    Attributes:
        pending: Events waiting to be processed or being processed.
        failed: Events in the dead-letter list.
        handled: Handled events whose keys are still remembered.
        oldest: Age of the oldest pending event in seconds; None if there is none.
    """

    pending: int
    failed: int
    handled: int
    oldest: float | None


class Inbox(Protocol):
    """Where a `WebhookRouter` keeps events until they are processed.

    Each method is one transaction: it takes effect completely or not at all, and durably (where
    the inbox is durable) before it returns. All times are durations in seconds, measured by the
    store's clock; a clock that is set back never delays an ordering key by more than the delay
    asked for. `stats`, `failed`, `retry`, `discard` and `purge` are for users, and work on an
    inbox opened with `handles=False`; the rest is for the router.

    Handled events are forgotten after a while, at the earliest after the 15 minutes during which
    the platform delivers again.
    """

    async def open(self, *, handles: bool = True) -> None:
        """Open the inbox.

        Args:
            handles: Whether this process will claim events, or only store them.

        Raises:
            SuncoError: It cannot be opened.
        """
        ...

    async def close(self) -> None:
        """Release all claims of this process and close. Stored events stay."""
        ...

    async def heartbeat(self) -> None:
        """Renew the claims of this process, and free those of dead processes, until cancelled.

        The router runs it in a task while it processes events. An inbox whose claims never expire
        returns at once.
        """
        ...

    async def add(self, events: Sequence[NewEvent]) -> None:
        """Store the events whose keys are not known, in this order.

        Their ordering keys become ready, except those released with `blocked`.
        """
        ...

    async def claim(self, limit: int, *, events: int = 100) -> Sequence[Claim]:
        """Claim ordering keys that are ready and not claimed, the longest ready first.

        For the first pending event of each, an attempt is recorded (`attempts` + 1) before this
        returns. Ordering keys without pending events are parked, not returned.

        Args:
            limit: The maximum number of claims.
            events: The maximum number of events of each claim.
        """
        ...

    async def record(
        self,
        claim: Claim,
        results: Sequence[EventResult],
        *,
        starting: Sequence[str] = (),
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """Store results of a claim. Recording the same results again changes nothing.

        Args:
            claim: The claim.
            results: Results of events of the claim.
            starting: Keys of events whose handlers are called next: an attempt is recorded
                (`attempts` + 1, after `results`) for each, so that every call of a handler is
                preceded by a durable attempt.
            state: The new state of the ordering key; None keeps the current one.

        Raises:
            ClaimLostError: The claim is no longer held. Nothing was changed.
        """
        ...

    async def release(
        self, claim: Claim, *, delay: float = 0.0, blocked: bool = False, drained: bool
    ) -> None:
        """Give a claim back. Does nothing if the claim is no longer held.

        Args:
            claim: The claim.
            delay: Seconds until the ordering key is ready again.
            blocked: With `delay`: new events do not make it ready earlier. Otherwise events added
                since the claim, or later, make it ready at once.
            drained: Whether no pending event was left. The ordering key is then parked if no
                event was added since the claim, and ready at once otherwise.
        """
        ...

    async def holds(self, claim: Claim) -> float:
        """The claim's current `until`. Needs no I/O; called right before a reply is sent.

        Raises:
            ClaimLostError: The claim is no longer held.
        """
        ...

    async def next_due(self) -> float | None:
        """Seconds until an unclaimed ordering key is ready (0 if one is); None if there is none."""
        ...

    async def wait(self) -> None:
        """Return when an ordering key may have become ready through `add` or `retry`.

        It may return too often, or miss changes by other processes: the router polls each second.
        """
        ...

    async def stats(self) -> InboxStats:
        """Count the events."""
        ...

    async def failed(self, limit: int = 100) -> Sequence[FailedEvent]:
        """The dead-letter list, oldest first.

        Args:
            limit: The maximum number of events.
        """
        ...

    async def retry(self, key: str) -> bool:
        """Process a dead-lettered event again, before all later events of its ordering key.

        Its attempts start from 0; handlers that had succeeded are not called again.

        Args:
            key: The event's dedupe key.

        Returns:
            Whether there was such an event.
        """
        ...

    async def discard(self, key: str) -> bool:
        """Delete a dead-lettered event. Its key stays known as that of a handled event.

        Args:
            key: The event's dedupe key.

        Returns:
            Whether there was such an event.
        """
        ...

    async def purge(self, *, older_than: float) -> int:
        """Delete dead-lettered events, keys of handled events, and state of idle ordering keys.

        Args:
            older_than: Only what has not changed for this many seconds.

        Returns:
            How many events were deleted.
        """
        ...
