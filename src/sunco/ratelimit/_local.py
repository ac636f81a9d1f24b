"""A rate limiter for the tasks of one event loop."""

from __future__ import annotations

import math
from collections import deque
from time import monotonic

import anyio
import attrs

from sunco.ratelimit.base import COOLDOWN, MIN_SHARE, RECOVERY, check_rate

__all__ = ["Pace", "RateLimiter"]

# Sums of floats are not exact.
_EPSILON = 1e-9
_LARGEST_WINDOW = 100_000


@attrs.define
class Pace:
    """The arithmetic of a limiter, without a clock: the generic cell rate algorithm.

    Requests are scheduled `1 / current` seconds apart. In addition, no second contains more than
    `rate + burst - 1` requests, even where requests were sent later than scheduled.

    Attributes:
        rate: Requests per second at full rate.
        burst: Requests that may be sent at once after an idle period.
        current: Requests per second now.
    """

    rate: float
    burst: float = 1.0
    current: float = attrs.field(
        init=False, default=attrs.Factory(lambda self: self.rate, takes_self=True)
    )
    _next: float = attrs.field(init=False, default=-math.inf)
    _paused: float = attrs.field(init=False, default=-math.inf)
    _changed: float = attrs.field(init=False, default=math.inf)
    _cooled_down: float = attrs.field(init=False, default=-math.inf)
    _recent: deque[float] = attrs.field(
        init=False,
        default=attrs.Factory(lambda self: deque(maxlen=_window(self)), takes_self=True),
    )

    def wait(self, now: float) -> float:
        """The seconds until the next request may be sent."""
        self._recover(now)
        due = max(self._next - (self.burst - 1) / self.current, self._paused)
        if self._recent and len(self._recent) == self._recent.maxlen:
            due = max(due, self._recent[0] + 1)
        return due - now if due - now > _EPSILON else 0.0

    def take(self, now: float, *, queued: bool = False) -> None:
        """Schedule a request that is sent now.

        Args:
            now: The time.
            queued: Whether it waited. It is then counted at its scheduled time, so that waking up
                late does not lower the rate.
        """
        start = self._next if queued else max(self._next, now)
        self._next = max(start, self._paused) + 1 / self.current
        self._recent.append(now)

    def slow_down(self, now: float, pause: float) -> None:
        """Pause, then continue at half the rate.

        Responses to requests that were in flight at the time do not halve it again.
        """
        self._recover(now)
        self._paused = max(self._paused, now + pause)
        if now >= self._cooled_down:
            self.current = max(self.rate * MIN_SHARE, self.current / 2)
        self._cooled_down = max(self._cooled_down, now + pause + COOLDOWN)
        self._changed = max(now, self._paused)
        # Nothing is saved up for a burst.
        self._next = self._paused + max(1.0, self.burst) / self.current

    def _recover(self, now: float) -> None:
        elapsed = now - self._changed
        if elapsed > 0:
            self._changed = now
            self.current = min(self.rate, self.current + elapsed * self.rate / RECOVERY)


def _window(pace: Pace) -> int:
    size = math.ceil(pace.rate) + math.floor(pace.burst) - 1
    # Beyond this, the memory is worth more than the last request of a second.
    return size if size <= _LARGEST_WINDOW else 0


class RateLimiter:
    """Limits the requests of all clients of one event loop that share it.

    Waiting tasks are served in order. After a 429 response all wait as long as the API asks and
    then continue at half the rate, which recovers within half a minute.

    Args:
        rate: Requests per second. With `burst=1`, no second contains more than this.
        burst: Requests that may be sent at once after an idle period. One second then contains at
            most `rate + burst - 1`.

    Raises:
        ConfigurationError: The rate is not a number greater than 0, or the burst less than 1.
    """

    def __init__(self, rate: float, burst: float = 1) -> None:
        check_rate(rate, burst)
        self._pace = Pace(rate, burst)
        self._turn = anyio.Lock(fast_acquire=True)

    @property
    def rate(self) -> float:
        """Requests per second at full rate."""
        return self._pace.rate

    @property
    def burst(self) -> float:
        """Requests that may be sent at once after an idle period."""
        return self._pace.burst

    async def acquire(self) -> float:
        """Wait until the next request may be sent. A cancelled call takes nothing.

        Returns:
            The seconds waited.
        """
        began = monotonic()
        if not self._turn.locked() and not self._pace.wait(began):
            self._pace.take(began)
            return 0.0
        async with self._turn:
            # Computed again after each wait: slow_down() may have been called meanwhile.
            while wait := self._pace.wait(monotonic()):  # noqa: ASYNC110 - time, no event
                await anyio.sleep(wait)
            self._pace.take(monotonic(), queued=True)
        return monotonic() - began

    def slow_down(self, pause: float = 0.0) -> None:
        """Report a 429 response: pause, then continue at half the rate, which recovers.

        Args:
            pause: Seconds that the API asks to wait.
        """
        self._pace.slow_down(monotonic(), pause)

    def __repr__(self) -> str:
        if not hasattr(self, "_pace"):
            return "<RateLimiter, not initialized>"
        return f"RateLimiter(rate={self.rate!r}, burst={self.burst!r})"
