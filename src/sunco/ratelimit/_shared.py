"""The half of a shared rate limiter that runs in each process: it uses up reservations."""

from __future__ import annotations

import logging
import math
import threading
from abc import ABC, abstractmethod
from collections import deque
from time import monotonic
from types import TracebackType
from typing import Final, Literal, Self

import anyio
import attrs

from sunco._sync import in_thread
from sunco.errors import ConfigurationError, StorageError
from sunco.ratelimit._local import RateLimiter
from sunco.ratelimit.base import check_rate

__all__ = ["OnOutage", "Reservation", "SharedRateLimiter"]

OnOutage = Literal["wait", "local"]
"""What happens while the engine cannot be reached."""

BATCH_SECONDS: Final = 0.05
"""The longest time for which turns are reserved at once, and so what a crash can waste."""

CATCH_UP: Final = 0.01
"""Seconds by which a reservation may begin in the past: the round trip to the engine."""

LATE_SECONDS: Final = 0.01
LATE_TURNS: Final = 2
"""A turn expires this many seconds, and the time of this many turns, after it began. With
`CATCH_UP`, no second has more turns than the rate, 2 % and 2."""

_MAX_BACKOFF: Final = 1.0

_logger = logging.getLogger("sunco.ratelimit")


@attrs.frozen
class Reservation:
    """Turns that the engine has reserved for this process.

    Attributes:
        delay: Seconds from the engine's now to the first turn; negative for turns that have begun.
        current: Turns per second.
        now: The engine's clock, in seconds.
    """

    delay: float
    current: float
    now: float


class SharedRateLimiter(ABC):
    """Base of the limiters whose state is kept by an engine."""

    _outage: type[StorageError] = StorageError
    """What the engine raises while it is unavailable; other errors are not worth waiting for."""

    def __init__(self, *, rate: float, burst: float, name: str, on_outage: OnOutage) -> None:
        check_rate(rate, burst)
        if on_outage not in {"wait", "local"}:
            raise ConfigurationError(f'on_outage is "wait" or "local", not {on_outage!r}.')
        if not name:
            raise ConfigurationError("The rate limit needs a name, which its processes share.")
        self._rate = rate
        self._burst = burst
        self._name = name
        self._current = rate
        self._fallback = RateLimiter(rate, burst) if on_outage == "local" else None
        self._turn = anyio.Lock(fast_acquire=True)
        self._waiting = 0
        self._slots: deque[float] = deque()
        # Counted up by slow_down(): turns that were reserved before are not used.
        self._epoch = 0
        self._lock = threading.Lock()
        self._paused_until = -math.inf
        self._reports: list[threading.Thread] = []
        self._down = False
        self._calls = 0
        # From the engine's clock to this process's.
        self._offset = math.inf

    @property
    def rate(self) -> float:
        """Requests per second of all processes at full rate."""
        return self._rate

    @property
    def burst(self) -> float:
        """Requests that may be sent at once after an idle period."""
        return self._burst

    async def acquire(self) -> float:
        """Wait until the next request may be sent.

        Returns:
            The seconds waited.

        Raises:
            ConfigurationError: The engine cannot be used with these settings.
        """
        began = monotonic()
        self._waiting += 1
        try:
            async with self._turn:
                while not await self._turn_begins():
                    pass
        finally:
            self._waiting -= 1
        return monotonic() - began

    async def _turn_begins(self) -> bool:
        """Wait for a turn; False if it has been cancelled by slow_down() meanwhile."""
        # Those of a process that was held up would exceed the rate if it caught up at once.
        late = LATE_SECONDS + LATE_TURNS / self._current
        while self._slots and self._slots[0] < monotonic() - late:
            self._slots.popleft()
        if not self._slots and not await self._reserve():
            return True
        epoch, slot = self._epoch, self._slots[0]
        if (wait := slot - monotonic()) > 0:
            await anyio.sleep(wait)
        if epoch != self._epoch:
            return False
        self._slots.popleft()
        return True

    async def _reserve(self) -> bool:
        """Reserve turns; False if the local limiter was used instead."""
        backoff = 0.05
        while True:
            epoch = self._epoch
            count = max(1, min(self._waiting, math.floor(self._current * BATCH_SECONDS)))
            try:
                reserved = await in_thread(self._call, count, abandon_on_cancel=True)
            except StorageError as error:
                if not isinstance(error, self._outage):
                    raise
                self._report_outage(error)
                if self._fallback is not None:
                    await self._fallback.acquire()
                    return False
                await anyio.sleep(backoff)
                backoff = min(backoff * 2, _MAX_BACKOFF)
                continue
            if self._down:
                self._down = False
                _logger.info("The rate limit %r is shared again.", self._name)
            if epoch == self._epoch:
                break
        self._current = reserved.current
        now = monotonic()
        first = self._offset + reserved.now + reserved.delay
        self._slots.extend(max(now, first + index / reserved.current) for index in range(count))
        return True

    def _report_outage(self, error: StorageError) -> None:
        if not self._down:
            self._down = True
            doing = "requests wait" if self._fallback is None else "each process has its own limit"
            _logger.warning("The rate limit %r is not shared, %s: %s", self._name, doing, error)

    def slow_down(self, pause: float = 0.0) -> None:
        """Report a 429 response: all processes pause, then continue at half the rate.

        Args:
            pause: Seconds that the API asks to wait.
        """
        with self._lock:
            self._paused_until = max(self._paused_until, monotonic() + max(pause, 0.0))
        self._epoch += 1
        self._slots.clear()
        if self._fallback is not None:
            self._fallback.slow_down(pause)
        # In a thread, since no task may wait for its turn for a long time.
        report = threading.Thread(target=self._report, daemon=True)
        self._reports = [thread for thread in self._reports if thread.is_alive()]
        self._reports.append(report)
        report.start()

    def _report(self) -> None:
        try:
            self._call(0)
        except (ConfigurationError, StorageError):
            # Kept, and reported with the next reservation.
            return

    def _call(self, count: int) -> Reservation:
        with self._lock:
            until, self._paused_until = self._paused_until, -math.inf
        pause = None if until == -math.inf else max(0.0, until - monotonic())
        self._calls += 1
        began = monotonic()
        try:
            reserved = self._call_engine(count, pause)
        except BaseException:
            with self._lock:
                self._paused_until = max(self._paused_until, until)
            raise
        with self._lock:
            # The engine read its clock between these two: a slow response does not move the turns.
            latest, earliest = monotonic() - reserved.now, began - reserved.now
            self._offset = max(earliest, min(self._offset, latest))
        return reserved

    @abstractmethod
    def _call_engine(self, count: int, pause: float | None) -> Reservation:
        """Reserve turns, in a worker thread.

        Args:
            count: How many turns.
            pause: The pause to report first, in seconds, if there is one to report.

        Raises:
            StorageError: The engine cannot be reached.
            ConfigurationError: It cannot be used with these settings.
        """

    async def aclose(self) -> None:
        """Close the connections. The limiter can be used again afterwards."""
        with anyio.CancelScope(shield=True):
            await in_thread(self._close)

    def _close(self) -> None:
        for report in self._reports:
            report.join()
        self._disconnect()

    @abstractmethod
    def _disconnect(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        kind = type(self).__name__
        if not hasattr(self, "_calls"):
            return f"<{kind}, not initialized>"
        return f"{kind}(rate={self._rate!r}, burst={self._burst!r}, name={self._name!r})"
