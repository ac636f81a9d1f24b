"""How often an event is attempted, and the delay before the next attempt."""

from __future__ import annotations

import attrs

__all__ = ["Backoff"]


@attrs.frozen(kw_only=True)
class Backoff:
    """Exponential backoff without jitter: ordering keys fail independently of each other.

    Attributes:
        max_attempts: The maximum number of attempts of an event.
        delay: Seconds before the second attempt; the delay doubles with each further one.
        max_delay: The maximum delay in seconds.
    """

    max_attempts: int
    delay: float
    max_delay: float

    def delay_after(self, attempts: int) -> float:
        """Seconds to wait after this many attempts."""
        # Few enough doublings for a float.
        return min(self.delay * 2.0 ** min(attempts - 1, 100), self.max_delay)
