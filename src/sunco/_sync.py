"""Tasks of one event loop: how they wait, for each other and for threads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from sunco.errors import ConfigurationError

__all__ = ["PAUSE", "AutoResetEvent", "in_thread", "pause_until"]

T = TypeVar("T")

PAUSE: Final[ContextVar[Callable[[float], Awaitable[None]] | None]] = ContextVar(
    "sunco.pause", default=None
)
"""How `pause_until` waits; None for a plain sleep."""


async def pause_until(moment: float) -> None:
    """Sleep until a moment of the event loop's clock.

    For sleeps of many seconds, in which a bulk job can give the caller's slot to another item.
    """
    pause = PAUSE.get()
    await (anyio.sleep_until(moment) if pause is None else pause(moment))


async def in_thread(
    function: Callable[..., T],
    *args: object,
    abandon_on_cancel: bool = False,
    limiter: anyio.CapacityLimiter | None = None,
) -> T:
    """Call a function in a worker thread; see `anyio.to_thread.run_sync`.

    Raises:
        ConfigurationError: No thread can be started: there are too many, or, as in WebAssembly,
            there are none.
    """
    started = False

    def call() -> T:
        nonlocal started
        started = True
        return function(*args)

    try:
        return await anyio.to_thread.run_sync(
            call, abandon_on_cancel=abandon_on_cancel, limiter=limiter
        )
    except RuntimeError as error:
        if started:
            raise
        raise ConfigurationError(f"This needs a thread: {error}.") from error


class AutoResetEvent:
    """An event that resets when a waiter has seen it. There must be one waiter at a time.

    Set while nobody waits, it lets the next waiter pass at once.
    """

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: anyio.Event | None = None

    def set(self) -> None:
        """Let the waiter pass."""
        self._is_set = True
        if self._waiting is not None:
            self._waiting.set()

    async def wait(self) -> None:
        """Wait until the event is set, and reset it."""
        if not self._is_set:
            self._waiting = anyio.Event()
            try:
                await self._waiting.wait()
            finally:
                self._waiting = None
        self._is_set = False
