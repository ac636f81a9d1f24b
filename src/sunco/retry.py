"""When to try again, and how long to wait: decisions only, without I/O and without a clock."""

from __future__ import annotations

from typing import Any, Final

import attrs

from sunco.errors import ConfigurationError

__all__ = ["RetryBudget", "RetryPolicy"]

_RATE_LIMITED: Final = 429
_TRANSIENT: Final = frozenset({408, 500, 502, 503, 504})


def _positive(instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:  # noqa: ARG001 - attrs calls it so
    if value is not None and not value > 0:
        raise ConfigurationError(f"{attribute.name} must be greater than 0, not {value!r}.")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When a request is tried again. `RetryPolicy(max_attempts=1)` never does.

    A refusal for coming too fast (429) and a connection that was never made are always worth
    another try. An outcome that is unknown, or a failure on the server's side (408, 500, 502, 503,
    504), is only where doing the thing twice is the same as doing it once.

    Attributes:
        max_attempts: Tries in all, the first among them.
        backoff: Seconds; the first wait is random between 0 and this, and the bound doubles with
            every try.
        max_backoff: Seconds; the highest that the bound gets.
        max_wait: Seconds; an answer that asks to wait longer is raised at once.
        deadline: Seconds that all tries and waits may take together; None for no limit.
    """

    max_attempts: int = attrs.field(default=5, validator=_positive)
    backoff: float = attrs.field(default=0.5, validator=_positive)
    max_backoff: float = attrs.field(default=8.0, validator=_positive)
    max_wait: float = attrs.field(default=60.0, validator=_positive)
    deadline: float | None = attrs.field(default=120.0, validator=_positive)

    def retryable(self, *, status: int | None, maybe_delivered: bool, repeatable: bool) -> bool:
        """Whether what happened is of a kind that is tried again.

        Args:
            status: The answer's status; None where there was no answer.
            maybe_delivered: Without an answer: whether the request may have taken effect.
            repeatable: Whether doing it twice is the same as doing it once.
        """
        if status is None:
            return repeatable or not maybe_delivered
        return status == _RATE_LIMITED or (repeatable and status in _TRANSIENT)

    def delay(
        self, *, attempt: int, elapsed: float, retry_after: float | None, jitter: float
    ) -> float | None:
        """How many seconds to wait before the next try; None if there must be none.

        Args:
            attempt: How many tries there were.
            elapsed: Seconds since the first began.
            retry_after: Seconds that the answer asks to wait.
            jitter: A random number from 0 to 1.
        """
        if attempt >= self.max_attempts:
            return None
        # The exponent is bounded because 2.0 ** 1024 overflows.
        wait = jitter * min(self.max_backoff, self.backoff * 2.0 ** min(attempt - 1, 64))
        if retry_after is not None:
            if retry_after > self.max_wait:
                return None
            # On top, not instead: all that were refused together must not come back together.
            wait += retry_after
        if self.deadline is not None and elapsed + wait >= self.deadline:
            return None
        return wait


@attrs.define
class RetryBudget:
    """What a client may spend on retries, so that an outage is not multiplied.

    Every success earns a tenth of a retry; during an outage nothing is earned, and once the reserve
    is spent every failure is raised at once.

    Attributes:
        capacity: The most that can be saved up, and what there is at the start.
        earning: What a success adds.
        saved: How many retries there are now.
    """

    capacity: float = 100.0
    earning: float = 0.1
    saved: float = attrs.field(
        init=False, default=attrs.Factory(lambda self: self.capacity, takes_self=True)
    )

    def earn(self) -> None:
        """Note a success."""
        self.saved = min(self.capacity, self.saved + self.earning)

    def spend(self) -> bool:
        """Take one retry, if there is one."""
        if self.saved < 1:
            return False
        self.saved -= 1
        return True
