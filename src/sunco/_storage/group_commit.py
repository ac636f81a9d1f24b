"""Group commit: operations that wait at the same time share one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import anyio
import anyio.lowlevel

from sunco.errors import SuncoError

__all__ = ["GroupCommit"]

O = TypeVar("O")  # noqa: E741 - an operation
R = TypeVar("R")


class _Entry(Generic[O, R]):
    def __init__(self, operation: O) -> None:
        self.operation = operation
        self.woken = anyio.Event()
        self.done = False
        self.results: list[R] = []
        self.error: SuncoError | None = None


class GroupCommit(Generic[O, R]):
    """Writes operations one batch after another; each batch holds all that wait at the time.

    One of the callers writes for all. When it is cancelled, another one writes the operations of
    the others again, so these have to be idempotent.

    Args:
        write: Writes operations, and returns a result for each.
    """

    def __init__(self, write: Callable[[Sequence[O]], Awaitable[Sequence[R]]]) -> None:
        self._write = write
        self._waiting: list[_Entry[O, R]] = []
        self._writing = False

    async def submit(self, operation: O) -> R:
        """Write an operation, and return its result.

        Raises:
            SuncoError: Writing it failed.
        """
        entry = _Entry[O, R](operation)
        self._waiting.append(entry)
        try:
            while not entry.done:
                if self._writing:
                    await entry.woken.wait()
                    entry.woken = anyio.Event()
                else:
                    await self._write_batch()
        finally:
            if not entry.done and entry in self._waiting:
                self._waiting.remove(entry)
            self._wake_next()
        if entry.error is not None:
            raise entry.error
        return entry.results[0]

    def _wake_next(self) -> None:
        if not self._writing and self._waiting:
            self._waiting[0].woken.set()

    async def _write_batch(self) -> None:
        self._writing = True
        batch: list[_Entry[O, R]] = []
        try:
            # Tasks that are ready to run join.
            await anyio.lowlevel.checkpoint()
            batch, self._waiting = self._waiting, []
            await self._write_entries(batch)
        finally:
            self._writing = False
            self._waiting[:0] = [entry for entry in batch if not entry.done]
            for entry in batch:
                if entry.done:
                    entry.woken.set()

    async def _write_entries(self, entries: list[_Entry[O, R]]) -> None:
        try:
            results = await self._write([entry.operation for entry in entries])
        except SuncoError as error:
            if len(entries) > 1 and not getattr(error, "transient", False):
                # One of them cannot be written: it alone fails.
                for entry in entries:
                    await self._write_entries([entry])
                return
            for entry in entries:
                entry.error, entry.done = error, True
        else:
            for entry, result in zip(entries, results, strict=True):
                entry.results, entry.done = [result], True
