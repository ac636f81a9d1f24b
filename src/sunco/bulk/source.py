"""Reading a job's items as they are needed."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterable, Iterable, Sized
from typing import Generic, TypeVar

import anyio

from sunco import ConfigurationError

__all__ = ["AsyncSource", "EndOfItems", "Source", "SyncSource", "source_of", "total_of"]

T = TypeVar("T")


class EndOfItems(Exception):  # noqa: N818 - no error
    """There are no more items."""


class Source(ABC, Generic[T]):
    """Where items come from.

    Attributes:
        error: What reading failed with. What was read before is carried out all the same.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def feed(self) -> None:
        """Read what is wanted, until there is no more."""

    @abstractmethod
    async def read(self, until: float = math.inf) -> T:
        """The next item.

        Args:
            until: When to stop waiting for it.

        Raises:
            EndOfItems: There is none.
            TimeoutError: There is none yet.
        """

    @abstractmethod
    def stop(self) -> None:
        """Read no more."""


class SyncSource(Source[T]):
    """Items of an ordinary iterable, read in the event loop: what blocks there blocks it all."""

    def __init__(self, items: Iterable[T]) -> None:
        super().__init__()
        self._items = iter(items)
        self._ended = False

    async def read(self, until: float = math.inf) -> T:  # noqa: ARG002 - they never keep one waiting
        """The next item; see `Source`."""
        if self._ended:
            raise EndOfItems
        try:
            return next(self._items)
        except StopIteration:
            self._ended = True
        except Exception as error:  # noqa: BLE001 - raised when the job has ended
            self._ended = True
            self.error: Exception | None = error
        raise EndOfItems

    def stop(self) -> None:
        """Read no more."""
        self._ended = True


class AsyncSource(Source[T]):
    """Items of an async iterable, read by one task from its first item to its end.

    So that what the iterable opens is closed in the task that opened it.
    """

    def __init__(self, items: AsyncIterable[T]) -> None:
        super().__init__()
        self._items = items
        self._read: deque[T] = deque()
        self._wanted = 0
        self._ended = False
        self._changed = anyio.Event()
        self._scope = anyio.CancelScope()

    async def feed(self) -> None:
        """Read what is wanted, until there is no more."""
        iterator = aiter(self._items)
        try:
            with self._scope:
                while await self._is_wanted():
                    self._read.append(await anext(iterator))
                    self._tell()
        except StopAsyncIteration:
            pass
        except Exception as error:  # noqa: BLE001 - raised when the job has ended
            self.error: Exception | None = error
        finally:
            self._ended = True
            self._tell()
            close = getattr(iterator, "aclose", None)
            if close is not None:
                with anyio.CancelScope(shield=True):
                    await close()

    async def _is_wanted(self) -> bool:
        while len(self._read) >= self._wanted:
            await self._changed.wait()
        return True

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def read(self, until: float = math.inf) -> T:
        """The next item; see `Source`."""
        self._wanted += 1
        self._tell()
        try:
            with anyio.CancelScope(deadline=until):
                while not self._read and not self._ended:
                    await self._changed.wait()
        finally:
            self._wanted -= 1
        if self._read:
            return self._read.popleft()
        if self._ended:
            raise EndOfItems
        raise TimeoutError

    def stop(self) -> None:
        """Read no more."""
        self._scope.cancel()


def source_of(items: Iterable[T] | AsyncIterable[T]) -> Source[T]:
    """The source that reads an iterable.

    Raises:
        ConfigurationError: It is no iterable.
    """
    if isinstance(items, AsyncIterable):
        return AsyncSource(items)
    if isinstance(items, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        return SyncSource(items)
    raise ConfigurationError(f"items must be iterable, sync or async, not {items!r}.")


def total_of(items: object) -> int | None:
    """How many items there are, if that can be known without reading them."""
    return len(items) if isinstance(items, Sized) else None
