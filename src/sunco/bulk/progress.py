"""Counting what becomes of a job's items, and telling it to whoever watches."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import anyio
import attrs

from sunco.bulk.outcome import Outcome, Report

__all__ = ["Tally", "Watcher"]

_logger: Final = logging.getLogger("sunco.bulk")
_MOST_PROBLEMS: Final = 100

Watcher: TypeAlias = Callable[[Report], object]
"""Is told how far a job is, whenever an item has ended."""


@attrs.define(kw_only=True)
class Tally:
    """How far a job is.

    Attributes:
        total: How many items there are, if that is known.
        watcher: Who is told.
    """

    total: int | None
    watcher: Watcher | None
    done: int = 0
    failed: int = 0
    uncertain: int = 0
    skipped: int = 0
    under_way: int = 0
    stopped: bool = False
    _began: float = attrs.field(factory=anyio.current_time)
    _problems: list[Outcome[Any, Any]] = attrs.field(factory=list[Outcome[Any, Any]])

    @property
    def failures(self) -> int:
        """How many items were not done."""
        return self.failed + self.uncertain

    def skip(self) -> None:
        """Note an item that was done before."""
        self.skipped += 1
        self.tell()

    def note(self, outcome: Outcome[Any, Any]) -> None:
        """Note what became of an item."""
        if outcome.fate == "done":
            self.done += 1
        elif outcome.fate == "failed":
            self.failed += 1
        else:
            self.uncertain += 1
        if outcome.fate != "done" and len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(outcome)
        self.tell()

    def tell(self) -> None:
        """Tell the watcher. One that raises is logged, not asked again, and disturbs no job."""
        if self.watcher is None:
            return
        try:
            self.watcher(self.report())
        except Exception:
            self.watcher = None
            _logger.exception("The progress of a job cannot be told")

    def report(self) -> Report:
        """How far it is now."""
        return Report(
            done=self.done,
            failed=self.failed,
            uncertain=self.uncertain,
            skipped=self.skipped,
            under_way=self.under_way,
            total=self.total,
            seconds=anyio.current_time() - self._began,
            stopped=self.stopped,
            problems=tuple(self._problems),
        )
