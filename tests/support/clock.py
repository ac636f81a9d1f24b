"""Time that passes when somebody sleeps, and not else."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

__all__ = ["Clock"]


class Clock:
    """What the rate limiter reads the time from, and what sleeping turns on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("sunco.ratelimit._local.monotonic", lambda: self.now)
        monkeypatch.setattr(anyio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        self.now += seconds
