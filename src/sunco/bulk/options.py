"""The options of a job, checked once."""

from __future__ import annotations

import math
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from typing import Generic, Literal, TypeAlias, TypeVar

import attrs

from sunco import ConfigurationError
from sunco.bulk.journal.base import Journal

__all__ = ["JobOptions", "OnUncertain"]

T = TypeVar("T")
R = TypeVar("R")

OnUncertain: TypeAlias = Literal["retry", "skip"]
"""What to do with an item that an earlier run may have completed."""


@attrs.frozen(kw_only=True)
class JobOptions(Generic[T, R]):
    """What to run and how; the attributes are the arguments of `run`.

    Raises:
        ConfigurationError: An option is out of range.
    """

    fn: Callable[[T], Awaitable[R]]
    items: Iterable[T] | AsyncIterable[T]
    key: Callable[[T], str]
    concurrency: int
    journal: Journal | None
    stop_after_failures: int | None
    job: str
    grace_period: float
    on_uncertain: OnUncertain

    def __attrs_post_init__(self) -> None:
        if self.concurrency < 1:
            raise ConfigurationError(f"concurrency must be at least 1, not {self.concurrency!r}.")
        if self.stop_after_failures is not None and self.stop_after_failures < 1:
            raise ConfigurationError(
                f"stop_after_failures must be at least 1, not {self.stop_after_failures!r}."
            )
        if not 0 <= self.grace_period < math.inf:
            raise ConfigurationError(
                f"grace_period must be 0 seconds or more, not {self.grace_period!r}."
            )
        if self.on_uncertain not in {"retry", "skip"}:
            raise ConfigurationError(
                f'on_uncertain must be "retry" or "skip", not {self.on_uncertain!r}.'
            )
