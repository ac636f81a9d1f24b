"""The source of time, replaceable in tests."""

from __future__ import annotations

import time
from typing import Protocol

import anyio

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """A source of time that can sleep."""

    def now(self) -> float:
        """Seconds since 1970: comparable across processes and restarts, but can jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment: never goes back, and means nothing elsewhere."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        ...


class SystemClock:
    """The clock of the operating system."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        await anyio.sleep(seconds)
