"""A job's outcomes as an async iterator."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Generic, Self, TypeAlias, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from sunco import ConfigurationError
from sunco.bulk.outcome import Outcome, Report
from sunco.bulk.progress import ProgressTracker

__all__ = ["Stream"]

T = TypeVar("T")
R = TypeVar("R")

Emit: TypeAlias = Callable[[Outcome[T, R]], Awaitable[None]]


class Stream(Generic[T, R]):
    """A job's outcomes, each when its item has finished. To be used with `async with`.

    The job runs while the block does. At most `concurrency` outcomes are buffered; then the job
    waits for the reader. Leaving the block early, by whatever way, cancels the items in flight;
    the journal keeps them as started. An error of the job is raised by the iteration, or at the
    end of the block.
    """

    def __init__(
        self,
        work: Callable[[ProgressTracker, Emit[T, R]], Awaitable[object]],
        make_tracker: Callable[[], ProgressTracker],
        buffer_size: int,
    ) -> None:
        self._work = work
        self._make_tracker = make_tracker
        self._buffer_size = buffer_size
        self._tracker: ProgressTracker | None = None
        self._error: Exception | None = None
        self._outcomes: MemoryObjectReceiveStream[Outcome[T, R]] | None = None
        self._context: AbstractAsyncContextManager[None] | None = None

    @property
    def report(self) -> Report:
        """The counts so far."""
        return Report() if self._tracker is None else self._tracker.report()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Outcome[T, R]:
        if self._outcomes is None:
            raise ConfigurationError("Use `async with bulk.stream(...) as outcomes:`.")
        try:
            return await self._outcomes.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError):
            error, self._error = self._error, None
            if error is not None:
                raise error from None
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        if self._context is not None:
            raise ConfigurationError("A stream can be entered once.")
        self._context = self._running()
        await self._context.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._context is not None  # noqa: S101 - entered before
        await self._context.__aexit__(kind, error, traceback)

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        self._tracker = self._make_tracker()
        send, self._outcomes = anyio.create_memory_object_stream[Outcome[T, R]](self._buffer_size)
        try:
            with self._outcomes:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._host, self._tracker, send)
                    yield
                    tasks.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            found = list(group.exceptions)
            raise (found[0] if len(found) == 1 else group) from None
        if self._error is not None:
            raise self._error

    async def _host(
        self, tracker: ProgressTracker, send: MemoryObjectSendStream[Outcome[T, R]]
    ) -> None:
        with send:
            try:
                await self._work(tracker, send.send)
            except Exception as error:  # noqa: BLE001 - raised where the stream is read
                self._error = error
