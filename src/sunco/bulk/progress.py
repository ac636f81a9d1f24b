"""Counting results, and reporting them to a callback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import anyio
import attrs

from sunco.bulk.outcome import Outcome, Report

__all__ = ["ProgressCallback", "ProgressTracker", "notify"]

_logger: Final = logging.getLogger("sunco.bulk")
_MAX_PROBLEMS: Final = 100

ProgressCallback: TypeAlias = Callable[[Report], object]
"""Called with the counts so far whenever an item has finished."""


@attrs.define(kw_only=True)
class ProgressTracker:
    """The counts of a running job.

    Attributes:
        total: The number of items, if it is known.
        callback: Called with a `Report` after every change.
    """

    total: int | None
    callback: ProgressCallback | None
    done: int = 0
    failed: int = 0
    uncertain: int = 0
    skipped: int = 0
    in_flight: int = 0
    waiting: int = 0
    stopped: bool = False
    _began: float = attrs.field(factory=anyio.current_time)
    _problems: list[Outcome[Any, Any]] = attrs.field(factory=list[Outcome[Any, Any]])

    @property
    def failures(self) -> int:
        """The number of items that were not done."""
        return self.failed + self.uncertain

    def skip(self) -> None:
        """Count an item that an earlier run has done."""
        self.skipped += 1
        self.notify()

    def add(self, outcome: Outcome[Any, Any]) -> None:
        """Count an outcome."""
        if outcome.status == "done":
            self.done += 1
        elif outcome.status == "failed":
            self.failed += 1
        else:
            self.uncertain += 1
        if outcome.status != "done" and len(self._problems) < _MAX_PROBLEMS:
            self._problems.append(outcome)
        self.notify()

    def notify(self) -> None:
        """Call the callback with the counts so far."""
        if self.callback is not None:
            self.callback = notify(self.callback, self.report())

    def report(self) -> Report:
        """The counts so far."""
        return Report(
            done=self.done,
            failed=self.failed,
            uncertain=self.uncertain,
            skipped=self.skipped,
            in_flight=self.in_flight,
            waiting=self.waiting,
            total=self.total,
            seconds=anyio.current_time() - self._began,
            stopped=self.stopped,
            problems=tuple(self._problems),
        )


def notify(callback: ProgressCallback, report: Report) -> ProgressCallback | None:
    """Call a callback; returns it, or None if it failed, which is logged."""
    try:
        callback(report)
    except Exception:
        _logger.exception("The progress callback of a job failed; it is not called again")
        return None
    return callback
