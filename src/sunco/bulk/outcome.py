"""What became of items, one by one and in all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Literal, TypeAlias, TypeVar

import attrs

from sunco import SuncoError

__all__ = ["Outcome", "Report", "Status", "fate_of"]

T = TypeVar("T")
R = TypeVar("R")

Status: TypeAlias = Literal["done", "failed", "uncertain"]
"""`"uncertain"`: it failed in a way that leaves open whether it took effect."""


@attrs.frozen(kw_only=True)
class Outcome(Generic[T, R]):
    """What became of one item.

    Attributes:
        key: The item's key; empty if it has none.
        item: The item.
        fate: Whether it was done.
        result: What the function returned.
        error: What it raised, or why it was not called.
        attempts: How often the function was called for it, in earlier runs as well; 0 if never.
        seconds: How long the last call took.
    """

    key: str
    item: T
    fate: Status
    result: R | None = None
    error: Exception | None = None
    attempts: int = 0
    seconds: float = 0.0


@attrs.frozen(kw_only=True)
class Report:
    """What became of a job, at its end or so far.

    Attributes:
        done: How many items were done.
        failed: How many failed, or were not carried out because of what they are.
        uncertain: How many failed in a way that leaves open whether they took effect.
        skipped: How many were done by earlier runs, as the journal says.
        under_way: How many have begun and not ended.
        total: How many items there are, if that is known.
        seconds: How long it has taken.
        stopped: Whether there were so many failures that it ended before its time.
        problems: The first hundred items that were not done.
    """

    done: int = 0
    failed: int = 0
    uncertain: int = 0
    skipped: int = 0
    under_way: int = 0
    total: int | None = None
    seconds: float = 0.0
    stopped: bool = False
    problems: Sequence[Outcome[object, object]] = attrs.field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """Whether all items are done."""
        return not (self.failed or self.uncertain or self.stopped)

    @property
    def ended(self) -> int:
        """How many items have ended, one way or another."""
        return self.done + self.failed + self.uncertain + self.skipped

    @property
    def rate(self) -> float:
        """How many items a second were carried out."""
        carried_out = self.done + self.failed + self.uncertain
        return carried_out / self.seconds if self.seconds else 0.0


def fate_of(error: BaseException) -> Status:
    """What an error says of whether the item was done: certainly not, or perhaps.

    An answer that cannot be read answers a request that was carried out. Whoever gives up waiting
    does not know.
    """
    if isinstance(error, SuncoError):
        uncertain = error.outcome_unknown
    else:
        # Not an Exception: something inside the function was cancelled, and not by the job.
        uncertain = isinstance(error, TimeoutError) or not isinstance(error, Exception)
    return "uncertain" if uncertain else "failed"
