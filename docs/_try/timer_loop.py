"""An event loop for Python in WebAssembly, which has neither sockets nor threads.

Pyodide's own event loop cannot run a coroutine to its end: it returns to the browser instead. This
one can, in every browser, because nothing in it waits for anything but time.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike


class TimerLoop(asyncio.SelectorEventLoop):
    """Runs tasks and timers.

    Args:
        before_waiting: Called before every wait.
    """

    def __init__(self, before_waiting: Callable[[], object] = lambda: None) -> None:
        super().__init__(_Timers(before_waiting))

    # Without threads, nothing has to wake the loop up.
    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class _Timers(selectors.BaseSelector):
    """A selector of nothing, which sleeps until the next timer."""

    def __init__(self, before_waiting: Callable[[], object]) -> None:
        self._before_waiting = before_waiting

    def register(
        self, fileobj: FileDescriptorLike, events: int, data: Any = None
    ) -> selectors.SelectorKey:
        del fileobj, events, data
        raise OSError("There are no sockets here.")

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        raise KeyError(fileobj)

    def get_map(self) -> dict[FileDescriptorLike, selectors.SelectorKey]:
        return {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("The program waits for something that cannot happen any more.")
        if timeout > 0:
            self._before_waiting()
            time.sleep(timeout)
        return []


@contextmanager
def installed(before_waiting: Callable[[], object] = lambda: None) -> Generator[None]:
    """Make `asyncio.run` use this loop, also where another one is running, as in Pyodide."""
    made, running = asyncio.new_event_loop, asyncio._get_running_loop()  # noqa: SLF001
    asyncio._set_running_loop(None)  # noqa: SLF001
    asyncio.new_event_loop = asyncio.events.new_event_loop = lambda: TimerLoop(before_waiting)
    try:
        yield
    finally:
        asyncio.new_event_loop = asyncio.events.new_event_loop = made
        asyncio._set_running_loop(running)  # noqa: SLF001
