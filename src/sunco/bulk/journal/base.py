"""What a journal stores about the items of a job, and the protocol of all journals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import attrs

from sunco.bulk.outcome import Status

__all__ = ["Claim", "Completion", "Decision", "Entry", "EntryState", "Journal", "decide"]

EntryState: TypeAlias = Literal["started", "done", "failed", "uncertain"]
"""`"started"`: in flight, or the process ended before it recorded an outcome."""

Decision: TypeAlias = Literal["new", "retry", "done", "uncertain", "duplicate", "changed"]
"""Whether to process an item: `"new"` and `"retry"` mean yes, the others say why not."""


@attrs.frozen(kw_only=True)
class Entry:
    """What a journal has stored about a key.

    Attributes:
        state: The state of the item.
        attempts: How many times it has been started.
        run: The run of the job that started it last, counted from 1.
        first_started: When it was first started, in seconds since 1970.
        changed: When the entry last changed, in seconds since 1970.
        fingerprint: A digest of the item, to detect that it has changed; None if it has none.
        error: The last error, in one line.
        result: What the function returned, as JSON.
    """

    state: EntryState
    attempts: int
    run: int
    first_started: float
    changed: float
    fingerprint: bytes | None = None
    error: str | None = None
    result: str | None = None


@attrs.frozen
class Claim:
    """The response of a journal to a claim.

    Attributes:
        decision: Whether to process the item. If so, the journal has recorded it as started.
        before: The entry before this claim; None for a new key.
    """

    decision: Decision
    before: Entry | None = None


@attrs.frozen
class Completion:
    """The outcome of an item, for a journal to record.

    Attributes:
        key: The item's key.
        status: The outcome.
        error: The error, in one line.
        result: What the function returned, as JSON.
    """

    key: str
    status: Status
    error: str | None = None
    result: str | None = None


class Journal(Protocol):
    """Where a job records the outcomes of its items.

    A journal is used by one run of one job at a time. Its methods are called concurrently. What a
    method has recorded is durable when it returns. A `StorageError` ends the job.
    """

    async def open(self, job: str) -> None:
        """Begin a run.

        Args:
            job: The job's name. A journal belongs to one job.

        Raises:
            StorageError: It belongs to another job, is in use, or cannot be opened.
        """
        ...

    async def claim(self, key: str, fingerprint: bytes | None, *, retry_uncertain: bool) -> Claim:
        """Record that an item is started, if `decide` allows it.

        Args:
            key: The item's key.
            fingerprint: A digest of the item.
            retry_uncertain: Whether to retry an item that may have been done.
        """
        ...

    async def record(self, completions: Sequence[Completion]) -> None:
        """Record the outcomes of items."""
        ...

    async def entry(self, key: str) -> Entry | None:
        """The entry of a key; None if the key is not known."""
        ...

    async def counts(self) -> Mapping[EntryState, int]:
        """The number of keys in each state."""
        ...

    async def close(self) -> None:
        """End the run. Closing twice has no effect."""
        ...


def decide(
    entry: Entry | None, fingerprint: bytes | None, *, run: int, retry_uncertain: bool
) -> Decision:
    """Decide whether to process an item; the rule that all journals share.

    Args:
        entry: The entry of its key, if there is one.
        fingerprint: A digest of the item.
        run: The number of this run.
        retry_uncertain: Whether to retry an item that may have been done.
    """
    if entry is None:
        return "new"
    if entry.run == run:
        return "duplicate"
    if None not in (fingerprint, entry.fingerprint) and fingerprint != entry.fingerprint:
        return "changed"
    if entry.state == "done":
        return "done"
    return "retry" if retry_uncertain or entry.state == "failed" else "uncertain"
