"""A job's outcomes as they come, for whoever iterates over them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import anyio
import attrs

from sunco.bulk.outcome import Outcome, Report
from sunco.bulk.progress import Tally

__all__ = ["Handover", "Stream"]

T = TypeVar("T")
R = TypeVar("R")


class Handover(Generic[T]):
    """Hands values from many tasks to one, so many ahead and no more."""

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._values: deque[T] = deque()
        self._ended = False
        self._changed = anyio.Event()

    async def put(self, value: T) -> None:
        """Hand a value over, once there is room."""
        while len(self._values) >= self._ahead:
            await self._changed.wait()
        self._values.append(value)
        self._tell()

    async def get(self) -> T:
        """The next value.

        Raises:
            StopAsyncIteration: There will be none.
        """
        while not self._values:
            if self._ended:
                raise StopAsyncIteration
            await self._changed.wait()
        value = self._values.popleft()
        self._tell()
        return value

    def end(self) -> None:
        """Say that no more values will come."""
        self._ended = True
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()


@attrs.define
class _Run:
    """What a stream and the task behind it share.

    The task does not know the stream, which can so be collected while the job is under way.
    """

    scope: anyio.CancelScope = attrs.field(factory=anyio.CancelScope)
    ended: anyio.Event = attrs.field(factory=anyio.Event)
    error: BaseException | None = None


class Stream(Generic[T, R]):
    """A job's outcomes as its items end: iterate over it, in `async with` if you may leave early.

    The job begins with the first iteration. At most `concurrency` outcomes wait to be read; then
    the job waits, too. Leaving `async with`, `aclose`, being cancelled while waiting for an
    outcome, and dropping the stream all end the job: what is under way is cancelled, and its
    journal says `started`.
    """

    def __init__(
        self,
        work: Callable[[Tally, Callable[[Outcome[T, R]], Awaitable[None]]], Awaitable[object]],
        tally: Callable[[], Tally],
        ahead: int,
    ) -> None:
        self._work = work
        self._make_tally = tally
        self._ahead = ahead
        self._run: _Run | None = None
        self._cancel: Callable[[], object] | None = None

    @property
    def report(self) -> Report:
        """How far the job is."""
        return Report() if self._run is None else self._tally.report()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[T, R]:
        if self._run is None:
            self._run = self._start()
        try:
            return await self._outcomes.get()
        except StopAsyncIteration:
            await self._run.ended.wait()
            error, self._run.error = self._run.error, None
            if error is not None:
                raise error from None
            raise
        except BaseException:
            await self.aclose()
            raise

    def _start(self) -> _Run:
        run, outcomes = _Run(), Handover[Outcome[T, R]](self._ahead)
        self._outcomes, self._tally = outcomes, self._make_tally()
        work, tally = self._work, self._tally

        async def host() -> None:
            try:
                with run.scope:
                    await work(tally, outcomes.put)
            except BaseException as error:  # noqa: BLE001 - raised where the stream is read
                run.error = error
            finally:
                outcomes.end()
                run.ended.set()

        wake = _spawn(host)
        self._cancel = lambda: wake(run.scope.cancel)
        return run

    async def aclose(self) -> None:
        """End the job, and wait until it has ended. Closing twice is harmless."""
        if self._run is not None:
            self._run.scope.cancel()
            with anyio.CancelScope(shield=True):
                await self._run.ended.wait()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        if self._cancel is not None and self._run is not None and not self._run.ended.is_set():
            # The loop has gone where this comes after its end, and the job with it.
            with suppress(RuntimeError):
                self._cancel()


_tasks: Final[set[asyncio.Task[None]]] = set()


def _spawn(function: Callable[[], Coroutine[Any, Any, None]]) -> Callable[..., object]:
    """Run a function beside whoever calls, and return what runs a callback in its loop.

    An iterator outlives the function calls that read it, so no task group of theirs can hold it.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        import trio  # noqa: PLC0415 - this runs on it

        trio.lowlevel.spawn_system_task(function)
        return trio.lowlevel.current_trio_token().run_sync_soon
    task = loop.create_task(function())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
    return loop.call_soon_threadsafe
