"""The result of each item, and the counts of a whole job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Literal, TypeAlias, TypeVar

import attrs

from sunco import SuncoError

__all__ = ["Outcome", "Report", "Status", "status_of"]

T = TypeVar("T")
R = TypeVar("R")

Status: TypeAlias = Literal["done", "failed", "uncertain"]
"""`"uncertain"`: the call failed, and may have taken effect all the same."""


@attrs.frozen(kw_only=True)
class Outcome(Generic[T, R]):
    """The result of one item.

    Attributes:
        key: The item's key; empty if it has none.
        item: The item.
        status: `"done"`, `"failed"` or `"uncertain"`.
        result: What the function returned.
        error: What the function raised, or why it was not called.
        attempts: How often the function was called for the item, earlier runs included; 0 if never.
        seconds: The duration of the last call.
    """

    key: str
    item: T
    status: Status
    result: R | None = None
    error: Exception | None = None
    attempts: int = 0
    seconds: float = 0.0


@attrs.frozen(kw_only=True)
class Report:
    """The counts of a job, final or so far.

    Attributes:
        done: Items that were done in this run.
        failed: Items that failed, or were rejected without a call.
        uncertain: Items that failed and may have taken effect all the same.
        skipped: Items that an earlier run has done, according to the journal.
        in_flight: Items whose function is running.
        waiting: Items whose call, in this run or an earlier one, may have taken effect, and that
            wait for their grace period.
        total: The number of items, if it is known.
        seconds: The duration of the run.
        stopped: Whether the run ended early because of `stop_after_failures`.
        problems: The outcomes of the first hundred items that were not done.
    """

    done: int = 0
    failed: int = 0
    uncertain: int = 0
    skipped: int = 0
    in_flight: int = 0
    waiting: int = 0
    total: int | None = None
    seconds: float = 0.0
    stopped: bool = False
    problems: Sequence[Outcome[object, object]] = attrs.field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """Whether every item is done."""
        return not (self.failed or self.uncertain or self.stopped)

    @property
    def finished(self) -> int:
        """The number of items with a result: done, failed, uncertain or skipped."""
        return self.done + self.failed + self.uncertain + self.skipped

    @property
    def rate(self) -> float:
        """Items processed per second, skipped ones excluded."""
        processed = self.done + self.failed + self.uncertain
        return processed / self.seconds if self.seconds else 0.0


def status_of(error: BaseException) -> Literal["failed", "uncertain"]:
    """Whether a failed call certainly had no effect (`"failed"`) or may have had one."""
    if isinstance(error, SuncoError):
        uncertain = error.outcome_unknown
    else:
        # Not an Exception: a cancellation inside the function that the job did not ask for.
        uncertain = isinstance(error, TimeoutError) or not isinstance(error, Exception)
    return "uncertain" if uncertain else "failed"
