"""A lock per key."""

from __future__ import annotations

from collections import deque

import anyio

__all__ = ["KeyedLock"]


class KeyedLock:
    """A fair lock for each key; a key uses memory only while it is locked."""

    def __init__(self) -> None:
        self._waiters: dict[str, deque[anyio.Event]] = {}

    def __len__(self) -> int:
        return len(self._waiters)

    def try_acquire(self, key: str) -> bool:
        """Acquire a key if nobody holds it; returns whether that succeeded."""
        if key in self._waiters:
            return False
        self._waiters[key] = deque()
        return True

    async def acquire(self, key: str) -> None:
        """Wait until the key is free, in order of arrival, and acquire it."""
        if self.try_acquire(key):
            return
        waiters = self._waiters[key]
        acquired = anyio.Event()
        waiters.append(acquired)
        try:
            await acquired.wait()
        except BaseException:
            if acquired.is_set():
                self.release(key)
            else:
                waiters.remove(acquired)
            raise

    def release(self, key: str) -> None:
        """Release a key: the task that has waited longest acquires it."""
        waiters = self._waiters[key]
        if waiters:
            waiters.popleft().set()
        else:
            del self._waiters[key]
