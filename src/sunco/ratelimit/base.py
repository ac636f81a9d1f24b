"""What a client asks of a rate limiter."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

from sunco._numbers import is_number
from sunco.errors import ConfigurationError

__all__ = ["COOLDOWN", "MIN_SHARE", "RECOVERY", "Limiter", "check_rate"]

RECOVERY = 30.0
"""Seconds in which the rate recovers from zero to its full value."""

COOLDOWN = 1.0
"""Seconds after a pause in which further 429 responses do not halve the rate again."""

MIN_SHARE = 1 / 64
"""The rate never falls below this share of its full value."""


@runtime_checkable
class Limiter(Protocol):
    """A rate limiter. `RateLimiter` is the implementation for one event loop."""

    @property
    def rate(self) -> float:
        """Requests per second at full rate."""
        ...

    async def acquire(self) -> float:
        """Wait until the next request may be sent.

        Returns:
            The seconds waited.
        """
        ...

    def slow_down(self, pause: float = 0.0) -> None:
        """Report a 429 response: pause, then continue at half the rate, which recovers.

        Args:
            pause: Seconds that the API asks to wait.
        """
        ...


def check_rate(rate: float, burst: float) -> None:
    """Check a limiter's arguments.

    Raises:
        ConfigurationError: The rate is not a number greater than 0, or the burst less than 1.
    """
    if not is_number(rate) or not 0 < rate < math.inf:
        raise ConfigurationError(f"rate must be greater than 0 per second, not {rate!r}.")
    if not is_number(burst) or not 1 <= burst < math.inf:
        raise ConfigurationError(f"burst must be at least 1, not {burst!r}.")
