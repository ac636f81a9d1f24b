"""When to try an event again."""

from __future__ import annotations

import attrs

__all__ = ["Retries"]


@attrs.frozen(kw_only=True)
class Retries:
    """When to try again an event whose handling has failed, and when to set it aside.

    Attributes:
        attempts: How often it is tried in all.
        delay: Seconds before the second try; each further time it is twice as long.
        longest_delay: Seconds that it is at most.
    """

    attempts: int
    delay: float
    longest_delay: float

    def delay_after(self, attempts: int) -> float | None:
        """Seconds to wait after so many tries, or None to set the event aside."""
        if attempts >= self.attempts:
            return None
        # Far fewer doublings than a float can hold.
        return min(self.delay * 2.0 ** min(attempts - 1, 100), self.longest_delay)
