"""Reading a job's items when they are needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, Iterable
from typing import Generic, TypeVar

import anyio
from anyio.abc import TaskGroup

from sunco import ConfigurationError

__all__ = ["AsyncSource", "EndOfItems", "Source", "SyncSource", "source_of"]

T = TypeVar("T")


class EndOfItems(Exception):  # noqa: N818 - a signal, not an error
    """There are no more items."""


class Source(ABC, Generic[T]):
    """Yields items to several tasks.

    Attributes:
        error: The exception that ended the iteration, if any. Items read before are processed.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def start(self, tasks: TaskGroup) -> None:
        """Start what runs in the background."""

    @abstractmethod
    async def read(self) -> T:
        """The next item.

        Raises:
            EndOfItems: There are no more.
        """

    @abstractmethod
    def stop(self) -> None:
        """Read no more items."""

    def close(self) -> None:
        """End the use of this source."""


class SyncSource(Source[T]):
    """Items of an ordinary iterable, read in the event loop when they are needed."""

    def __init__(self, items: Iterable[T]) -> None:
        super().__init__()
        self._items = iter(items)
        self._ended = False

    async def read(self) -> T:
        """The next item; see `Source`."""
        if self._ended:
            raise EndOfItems
        try:
            return next(self._items)
        except StopIteration:
            self._ended = True
        except Exception as error:  # noqa: BLE001 - raised at the end of the job
            self._ended = True
            self.error: Exception | None = error
        raise EndOfItems

    def stop(self) -> None:
        """Read no more items."""
        self._ended = True


class AsyncSource(Source[T]):
    """Items of an async iterable, read one ahead.

    One task reads all of them, because what an async generator opens must be closed in the task
    that opened it.
    """

    def __init__(self, items: AsyncIterable[T]) -> None:
        super().__init__()
        self._items = items
        self._scope = anyio.CancelScope()

    def start(self, tasks: TaskGroup) -> None:
        """Start the task that reads."""
        self._send, self._receive = anyio.create_memory_object_stream[T]()
        tasks.start_soon(self._feed)

    async def _feed(self) -> None:
        iterator = aiter(self._items)
        try:
            with self._scope:
                while True:
                    await self._send.send(await anext(iterator))
        except StopAsyncIteration:
            pass
        except Exception as error:  # noqa: BLE001 - raised at the end of the job
            self.error: Exception | None = error
        finally:
            self._send.close()
            close = getattr(iterator, "aclose", None)
            if close is not None:
                with anyio.CancelScope(shield=True):
                    await close()

    async def read(self) -> T:
        """The next item; see `Source`."""
        try:
            return await self._receive.receive()
        except anyio.EndOfStream:
            raise EndOfItems from None

    def stop(self) -> None:
        """Read no more items."""
        self._scope.cancel()

    def close(self) -> None:
        """End the use of this source."""
        self._receive.close()


def source_of(items: Iterable[T] | AsyncIterable[T]) -> Source[T]:
    """The source that reads an iterable.

    Raises:
        ConfigurationError: `items` is not iterable.
    """
    if isinstance(items, AsyncIterable):
        return AsyncSource(items)
    if isinstance(items, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        return SyncSource(items)
    raise ConfigurationError(f"items must be iterable, sync or async, not {items!r}.")
