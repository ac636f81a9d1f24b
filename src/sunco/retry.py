"""When to retry and how long to wait: decisions only, without I/O and without a clock."""

from __future__ import annotations

from typing import Any, Final

import attrs

from sunco._numbers import is_number
from sunco.errors import ConfigurationError

__all__ = ["RetryBudget", "RetryPolicy"]

_RATE_LIMITED: Final = 429
_TRANSIENT: Final = frozenset({408, 500, 502, 503, 504})


def _positive(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:  # noqa: ARG001 - the signature of attrs
    if value is None and attribute.name == "deadline":
        return
    if not is_number(value) or not value > 0:
        raise ConfigurationError(f"{attribute.name} must be greater than 0, not {value!r}.")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When a request is retried. `RetryPolicy(max_attempts=1)` never retries.

    A 429 and a connection that was never made are always retried. After a server error (408, 500,
    502, 503, 504), a timeout or a lost connection, only operations that can be repeated without
    harm are.

    Attributes:
        max_attempts: The number of attempts, with the first.
        backoff: Seconds; the first wait is random between 0 and this, and the bound doubles with
            every attempt.
        max_backoff: Seconds; the highest bound.
        max_wait: Seconds; a `Retry-After` that is longer is not waited for, and the error raised.
        deadline: Seconds that all attempts and waits may take; None for no limit.
    """

    max_attempts: int = attrs.field(default=5, validator=_positive)
    backoff: float = attrs.field(default=0.5, validator=_positive)
    max_backoff: float = attrs.field(default=8.0, validator=_positive)
    max_wait: float = attrs.field(default=60.0, validator=_positive)
    deadline: float | None = attrs.field(default=120.0, validator=_positive)

    def retryable(self, *, status: int | None, maybe_delivered: bool, repeatable: bool) -> bool:
        """Whether a failure is of a kind that is retried.

        Args:
            status: The status of the response; None without a response.
            maybe_delivered: Without a response: whether the request may have taken effect.
            repeatable: Whether the operation can be repeated without harm.
        """
        if status is None:
            return repeatable or not maybe_delivered
        return status == _RATE_LIMITED or (repeatable and status in _TRANSIENT)

    def delay(
        self, *, attempt: int, elapsed: float, retry_after: float | None, jitter: float
    ) -> float | None:
        """Seconds to wait before the next attempt; None if there is to be none.

        Args:
            attempt: The number of attempts so far.
            elapsed: Seconds since the first attempt started.
            retry_after: Seconds of the response's `Retry-After`.
            jitter: A random number from 0 to 1.
        """
        if attempt >= self.max_attempts:
            return None
        # The exponent is bounded because 2.0 ** 1024 overflows.
        wait = jitter * min(self.max_backoff, self.backoff * 2.0 ** min(attempt - 1, 64))
        if retry_after is not None:
            if retry_after > self.max_wait:
                return None
            # Added, so that clients that were throttled together do not return together.
            wait += retry_after
        if self.deadline is not None and elapsed + wait >= self.deadline:
            return None
        return wait


@attrs.define
class RetryBudget:
    """The retries that a client may spend, so that an outage is not multiplied.

    Every success earns a tenth of a retry. During an outage nothing is earned, and once the budget
    is spent every failure is raised at once.

    Attributes:
        capacity: The largest budget, and the one at the start.
        earning: The retries that a success adds.
        saved: The retries that are left.
    """

    capacity: float = 100.0
    earning: float = 0.1
    saved: float = attrs.field(
        init=False, default=attrs.Factory(lambda self: self.capacity, takes_self=True)
    )

    def earn(self) -> None:
        """Record a success."""
        self.saved = min(self.capacity, self.saved + self.earning)

    def spend(self) -> bool:
        """Spend a retry; False if none is left."""
        if self.saved < 1:
            return False
        self.saved -= 1
        return True
