"""A journal in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time

import attrs

from sunco import StorageError
from sunco.bulk.journal.base import Claim, Completion, Entry, EntryState, decide

__all__ = ["MemoryJournal"]


class MemoryJournal:
    """A journal that is lost with the process: for tests and experiments."""

    def __init__(self) -> None:
        self._job: str | None = None
        self._is_open = False
        self._run = 0
        self._entries: dict[str, Entry] = {}

    async def open(self, job: str) -> None:
        """Begin a run; see `Journal`."""
        if self._is_open:
            raise StorageError("The journal is in use by another run.")
        if self._job not in (None, job):
            raise StorageError(f"The journal belongs to another job, {self._job!r}, not {job!r}.")
        self._job, self._is_open = job, True
        self._run += 1

    async def claim(self, key: str, fingerprint: bytes | None, *, retry_uncertain: bool) -> Claim:
        """Record that an item is started; see `Journal`."""
        before = self._entries.get(key)
        decision = decide(before, fingerprint, run=self._run, retry_uncertain=retry_uncertain)
        if decision in {"new", "retry"}:
            now = time()
            self._entries[key] = Entry(
                state="started",
                attempts=1 if before is None else before.attempts + 1,
                run=self._run,
                first_started=now if before is None else before.first_started,
                changed=now,
                fingerprint=fingerprint if before is None else before.fingerprint,
            )
        return Claim(decision, before)

    async def record(self, completions: Sequence[Completion]) -> None:
        """Record the outcomes of items; see `Journal`."""
        for completion in completions:
            self._entries[completion.key] = attrs.evolve(
                self._entries[completion.key],
                state=completion.status,
                error=completion.error,
                result=completion.result,
                changed=time(),
            )

    async def entry(self, key: str) -> Entry | None:
        """The entry of a key; see `Journal`."""
        return self._entries.get(key)

    async def counts(self) -> Mapping[EntryState, int]:
        """The number of keys in each state."""
        counts: dict[EntryState, int] = {"started": 0, "done": 0, "failed": 0, "uncertain": 0}
        for entry in self._entries.values():
            counts[entry.state] += 1
        return counts

    async def close(self) -> None:
        """End the run; see `Journal`."""
        self._is_open = False
