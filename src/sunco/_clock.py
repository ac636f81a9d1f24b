"""Where the time comes from, so that tests need not wait."""

from __future__ import annotations

import time
from typing import Protocol

import anyio

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """The time, and a way to let it pass."""

    def now(self) -> float:
        """The time in seconds since 1970, as other processes and later runs know it too."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have gone by."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        """The time in seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have gone by."""
        await anyio.sleep(seconds)
