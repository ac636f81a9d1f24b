"""A bell that one task rings and another waits for."""

from __future__ import annotations

import anyio

__all__ = ["AutoResetEvent"]


class AutoResetEvent:
    """Rung while nobody waits, it is heard by whoever waits next."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: anyio.Event | None = None

    def set(self) -> None:
        """Ring."""
        self._is_set = True
        if self._waiting is not None:
            self._waiting.set()

    async def wait(self) -> None:
        """Return when it has been rung since the last time."""
        if not self._is_set:
            self._waiting = anyio.Event()
            try:
                await self._waiting.wait()
            finally:
                self._waiting = None
        self._is_set = False
