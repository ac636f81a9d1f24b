"""Copying an inbox to another engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import attrs

__all__ = ["CopiedRow", "CopyReport", "CopyableInbox", "copy_inbox"]

_CHUNK: Final = 500


@attrs.frozen(kw_only=True)
class CopiedRow:
    """An event as it is stored, in any state.

    Attributes:
        sequence: Its position in the order of storing, in the inbox that it was read from.
        key: The dedupe key.
        ordering_key: The ordering key.
        status: `"pending"`, `"handled"` or `"failed"`.
        content: The event's JSON; empty if it is handled.
        received: When it was stored, in seconds since 1970.
        changed: When it last changed, in seconds since 1970.
        attempts: Attempts recorded so far.
        repeated: Whether a handler may have been called for it.
        succeeded: The names of the handlers that have succeeded, as a JSON array.
        error: Why the last attempt failed.
    """

    sequence: int
    key: str
    ordering_key: str
    status: str
    content: bytes = attrs.field(repr=False)
    received: float
    changed: float
    attempts: int
    repeated: bool
    succeeded: str
    error: str | None


@attrs.frozen(kw_only=True)
class CopyReport:
    """The counts of a copy so far.

    Attributes:
        copied: Events that were copied.
        known: Events whose keys the target had already.
        states: Ordering keys whose state was read.
        total: The number of events of the source.
    """

    copied: int = 0
    known: int = 0
    states: int = 0
    total: int = 0


class CopyableInbox(Protocol):
    """An inbox that can be read and written row by row: `SQLiteInbox` and `PostgresInbox`."""

    async def rows(self, after: int, limit: int) -> Sequence[CopiedRow]:
        """Read events in any state, in the order of storing.

        Args:
            after: The sequence after which to begin.
            limit: The maximum number of events.
        """
        ...

    async def states(self, after: str, limit: int) -> Sequence[tuple[str, str]]:
        """Read ordering keys that have a state, and their states as JSON, by ordering key.

        Args:
            after: The ordering key after which to begin.
            limit: The maximum number of ordering keys.
        """
        ...

    async def insert(self, rows: Sequence[CopiedRow]) -> int:
        """Store events as they are, in this order; known ones are ignored.

        Args:
            rows: The events.

        Returns:
            How many were stored.
        """
        ...

    async def insert_states(self, states: Sequence[tuple[str, str]]) -> None:
        """Store the states of ordering keys that have none.

        Args:
            states: Ordering keys and their states as JSON.
        """
        ...


async def copy_inbox(
    source: CopyableInbox,
    target: CopyableInbox,
    *,
    total: int,
    progress: Callable[[CopyReport], object],
) -> CopyReport:
    """Copy events in all states, in their order, and the state of ordering keys.

    No process must process events of the source meanwhile. Events whose keys the target knows are
    ignored, so a copy that was interrupted can be repeated. Delays before the next attempt are not
    copied.

    Args:
        source: The inbox to read; it stays as it is.
        target: The inbox to write.
        total: The number of events of the source, for the report.
        progress: Called with the counts after each transaction.

    Raises:
        StorageError: An inbox cannot be used.
    """
    report = CopyReport(total=total)
    # Before the events, which can be processed as soon as they are stored.
    last = ""
    while states := await source.states(last, _CHUNK):
        await target.insert_states(states)
        last = states[-1][0]
        report = attrs.evolve(report, states=report.states + len(states))
    sequence = -1
    while rows := await source.rows(sequence, _CHUNK):
        copied = await target.insert(rows)
        sequence = rows[-1].sequence
        report = attrs.evolve(
            report, copied=report.copied + copied, known=report.known + len(rows) - copied
        )
        progress(report)
    return report
