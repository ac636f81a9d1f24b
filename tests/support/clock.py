"""Clocks that tests control, so that no test waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel
import attrs
import pytest

__all__ = ["FakeClock", "quiet", "skip_sleeps"]


@attrs.define
class FakeClock:
    """A `sunco._clock.Clock` whose time passes when a test says so."""

    time: float = 1_600_000_000.0
    sleepers: dict[int, tuple[float, anyio.Event]] = attrs.field(
        factory=dict[int, tuple[float, anyio.Event]]
    )
    threads: list[Callable[[], Awaitable[object]]] = attrs.field(
        factory=list[Callable[[], Awaitable[object]]]
    )
    """Waits for the threads at work: on a slow disk, time must not run ahead of them."""

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        woken = anyio.Event()
        self.sleepers[id(woken)] = (self.time + seconds, woken)
        try:
            await woken.wait()
        finally:
            del self.sleepers[id(woken)]

    async def advance(self, seconds: float) -> None:
        """Let time pass, and let every task run until it waits."""
        await quiet()
        for idle in self.threads:
            await idle()
        await quiet()
        self.time += seconds
        for until, woken in self.sleepers.values():
            # Times of this size are not exact below a microsecond.
            if until <= self.time + 1e-6:
                woken.set()
        await quiet()


async def quiet() -> None:
    """Wait until all tasks wait for something."""
    # anyio looks again only after a tenth of a second: most are done before it looks at all.
    for _ in range(30):
        await anyio.lowlevel.checkpoint()
    await anyio.wait_all_tasks_blocked()


def skip_sleeps(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """A clock for the rate limiter whose time passes at once when a task sleeps."""
    clock = FakeClock(1000.0)

    async def sleep(seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        clock.time += seconds

    monkeypatch.setattr("sunco.ratelimit._local.monotonic", clock.monotonic)
    monkeypatch.setattr(anyio, "sleep", sleep)
    return clock
