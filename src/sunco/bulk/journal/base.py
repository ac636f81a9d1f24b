"""What a job remembers of its items, so that it can be stopped and gone on with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time
from typing import Final, Literal, Protocol, TypeAlias

import attrs

from sunco.bulk.errors import JournalError
from sunco.bulk.outcome import Status

__all__ = [
    "Claim",
    "Entry",
    "Journal",
    "MemoryJournal",
    "Settlement",
    "State",
    "Verdict",
    "verdict_on",
]

State: TypeAlias = Literal["started", "done", "failed", "uncertain"]
"""`"started"`: under way, or the process ended before it could say."""

Verdict: TypeAlias = Literal["new", "again", "done", "uncertain", "duplicate", "changed"]
"""Whether to carry an item out: `"new"` and `"again"` say yes, all others why not."""


@attrs.frozen(kw_only=True)
class Entry:
    """What a journal knows of a key.

    Attributes:
        state: What became of it.
        attempts: How often it was started.
        run: In which run of the job it was started last.
        first: When it was started first, in seconds since 1970.
        changed: When it last changed.
        fingerprint: Tells items apart; None for those that have none.
        error: What went wrong, in one line.
        result: What was returned, as JSON.
    """

    state: State
    attempts: int
    run: int
    first: float
    changed: float
    fingerprint: bytes | None = None
    error: str | None = None
    result: str | None = None


@attrs.frozen
class Claim:
    """What a journal says to an item that asks to be carried out.

    Attributes:
        verdict: Whether it may; then it is noted as started.
        before: What was known of it before.
    """

    verdict: Verdict
    before: Entry | None = None


@attrs.frozen
class Settlement:
    """What became of an item that was started.

    Attributes:
        key: The item's key.
        status: What became of it.
        error: What went wrong, in one line.
        result: What was returned, as JSON.
    """

    key: str
    status: Status
    error: str | None = None
    result: str | None = None


class Journal(Protocol):
    """Where a job keeps what became of its items.

    One job at a time uses a journal. When a method returns, what it has noted is as safe as the
    journal promises; methods are called concurrently. A `JournalError` ends the job.
    """

    async def open(self, job: str) -> None:
        """Begin a run.

        Args:
            job: The job's name. A journal is of one job for as long as it lives.

        Raises:
            JournalError: It is of another job, in use, or cannot be used.
        """
        ...

    async def claim(self, key: str, fingerprint: bytes | None, *, again: bool) -> Claim:
        """Note that an item is started, if `verdict_on` says so, and return the verdict.

        Args:
            key: The item's key.
            fingerprint: Tells items apart.
            again: Whether what is uncertain may be tried again.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Note what became of items, all that have ended meanwhile."""
        ...

    async def entry(self, key: str) -> Entry | None:
        """What is known of a key."""
        ...

    async def counts(self) -> Mapping[State, int]:
        """How many keys are in each state."""
        ...

    async def close(self) -> None:
        """End the run. Closing twice is harmless."""
        ...


def verdict_on(entry: Entry | None, fingerprint: bytes | None, *, run: int, again: bool) -> Verdict:
    """Whether an item may be carried out; what all journals have in common.

    Args:
        entry: What is known of its key.
        fingerprint: Tells items apart.
        run: The number of this run.
        again: Whether what is uncertain may be tried again.
    """
    if entry is None:
        return "new"
    if entry.run == run:
        return "duplicate"
    if None not in (fingerprint, entry.fingerprint) and fingerprint != entry.fingerprint:
        return "changed"
    if entry.state == "done":
        return "done"
    return "again" if again or entry.state == "failed" else "uncertain"


_NEW: Final = Claim("new")


class MemoryJournal:
    """A journal that lives as long as the process, for tests and for trying things out."""

    def __init__(self) -> None:
        self._job: str | None = None
        self._open = False
        self._run = 0
        self._entries: dict[str, Entry] = {}

    async def open(self, job: str) -> None:
        """Begin a run; see `Journal`."""
        if self._open:
            raise JournalError("The journal is in use by another job.")
        if self._job not in (None, job):
            raise JournalError(f"The journal is of another job, {self._job!r}, not {job!r}.")
        self._job, self._open = job, True
        self._run += 1

    async def claim(self, key: str, fingerprint: bytes | None, *, again: bool) -> Claim:
        """Note that an item is started; see `Journal`."""
        before = self._entries.get(key)
        verdict = verdict_on(before, fingerprint, run=self._run, again=again)
        now = time()
        if verdict == "new":
            self._entries[key] = Entry(
                state="started",
                attempts=1,
                run=self._run,
                first=now,
                changed=now,
                fingerprint=fingerprint,
            )
            return _NEW
        if before is not None and verdict == "again":
            self._entries[key] = attrs.evolve(
                before,
                state="started",
                attempts=before.attempts + 1,
                run=self._run,
                changed=now,
                fingerprint=fingerprint,
            )
        return Claim(verdict, before)

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Note what became of items; see `Journal`."""
        for settled in settlements:
            self._entries[settled.key] = attrs.evolve(
                self._entries[settled.key],
                state=settled.status,
                error=settled.error,
                result=settled.result,
                changed=time(),
            )

    async def entry(self, key: str) -> Entry | None:
        """What is known of a key."""
        return self._entries.get(key)

    async def counts(self) -> Mapping[State, int]:
        """How many keys are in each state."""
        counts: dict[State, int] = {"started": 0, "done": 0, "failed": 0, "uncertain": 0}
        for entry in self._entries.values():
            counts[entry.state] += 1
        return counts

    async def close(self) -> None:
        """End the run; see `Journal`."""
        self._open = False
