"""How fast requests may go: a limiter that many tasks share."""

from __future__ import annotations

import math
from time import monotonic
from typing import Final

import anyio
import attrs

from sunco.errors import ConfigurationError

__all__ = ["Pace", "RateLimiter"]

_RECOVERY: Final = 30.0
"""Seconds in which a pace grows from nothing to its full rate."""

_SLOWEST: Final = 1 / 64
_SETTLING: Final = 1.0
# Less of a token than can be waited for: sums of floats are not exact.
_NEARLY: Final = 1e-9


@attrs.define
class Pace:
    """The arithmetic of a limiter, without a clock of its own: a bucket that fills with tokens.

    Attributes:
        rate: Tokens per second at full pace.
        burst: The most tokens that are saved up, and what there is at the start.
        current: Tokens per second now.
    """

    rate: float
    burst: float
    current: float = attrs.field(
        init=False, default=attrs.Factory(lambda self: self.rate, takes_self=True)
    )
    _tokens: float = attrs.field(
        init=False, default=attrs.Factory(lambda self: self.burst, takes_self=True)
    )
    _at: float = attrs.field(init=False, default=-math.inf)
    _settled_at: float = attrs.field(init=False, default=-math.inf)

    def wait(self, now: float) -> float:
        """Seconds until there is a token."""
        self._advance(now)
        paused = max(0.0, self._at - now)
        missing = 1 - self._tokens
        if missing < _NEARLY:
            return paused
        return paused + missing / self.current

    def take(self) -> None:
        """Take a token."""
        self._tokens -= 1

    def slow_down(self, now: float, pause: float) -> None:
        """Go half as fast from now on, after a pause.

        What comes soon after is about requests that were under way already: it does not count
        again.
        """
        self._advance(now)
        self._at = max(self._at, now + pause)
        self._tokens = min(self._tokens, 0.0)
        if now >= self._settled_at:
            self.current = max(self.rate * _SLOWEST, self.current / 2)
        self._settled_at = max(self._settled_at, now + pause + _SETTLING)

    def _advance(self, now: float) -> None:
        elapsed = now - self._at
        if elapsed > 0:
            self._at = now
            self._tokens = min(self.burst, self._tokens + elapsed * self.current)
            self.current = min(self.rate, self.current + elapsed * self.rate / _RECOVERY)


class RateLimiter:
    """Lets requests through at a rate, those that wait in the order in which they came.

    It can be shared by any number of tasks and clients of one event loop. Where the API refuses a
    request for coming too fast, all wait as long as it asks for and go on at half the pace, which
    recovers within half a minute.

    Args:
        rate: Requests per second.
        burst: How many may go at once after a quiet time; by default what a second allows.

    Raises:
        ConfigurationError: The rate is not a number greater than 0, or the burst less than 1.
    """

    def __init__(self, rate: float, burst: float | None = None) -> None:
        if not 0 < rate < math.inf:
            raise ConfigurationError(f"rate must be greater than 0 per second, not {rate!r}.")
        if burst is None:
            burst = max(1.0, rate)
        if not 1 <= burst < math.inf:
            raise ConfigurationError(f"burst must be at least 1, not {burst!r}.")
        self._pace = Pace(rate, burst)
        self._turn = anyio.Lock(fast_acquire=True)

    @property
    def rate(self) -> float:
        """Requests per second at full pace."""
        return self._pace.rate

    @property
    def burst(self) -> float:
        """How many may go at once after a quiet time."""
        return self._pace.burst

    async def acquire(self) -> float:
        """Wait for one's turn; who is cancelled meanwhile has taken nothing.

        Returns:
            How many seconds that took.
        """
        began = monotonic()
        if not self._turn.locked() and not self._pace.wait(began):
            self._pace.take()
            return 0.0
        async with self._turn:
            # Asked again after each wait: a refusal may have slowed the pace meanwhile.
            while wait := self._pace.wait(monotonic()):  # noqa: ASYNC110 - time, no event
                await anyio.sleep(wait)
            self._pace.take()
        return monotonic() - began

    def slow_down(self, pause: float = 0.0) -> None:
        """Note that the API has refused a request for coming too fast.

        Args:
            pause: How many seconds it asks to wait.
        """
        self._pace.slow_down(monotonic(), pause)

    def __repr__(self) -> str:
        return f"RateLimiter(rate={self.rate!r}, burst={self.burst!r})"
