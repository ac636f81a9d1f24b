"""A request's body on its way out."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

__all__ = ["Content"]


class Content(AsyncIterator[bytes]):
    """A request's body, which can be left half-way: whatever makes it is closed by `aclose`.

    Args:
        content: The body, whole or in pieces.

    Attributes:
        failure: What whoever makes the pieces has raised.
    """

    __slots__ = ("_pieces", "_whole", "failure")

    def __init__(self, content: bytes | AsyncIterable[bytes]) -> None:
        self.failure: Exception | None = None
        self._whole = b""
        self._pieces: AsyncIterator[bytes] | None = None
        if isinstance(content, bytes):
            self._whole = content
        else:
            self._pieces = aiter(content)

    async def __anext__(self) -> bytes:
        if self._pieces is not None:
            try:
                return await anext(self._pieces)
            except StopAsyncIteration:
                raise
            except Exception as error:
                self.failure = error
                raise
        whole, self._whole = self._whole, b""
        if not whole:
            raise StopAsyncIteration
        return whole

    async def aclose(self) -> None:
        """Close what makes the pieces, if it can be closed."""
        close = getattr(self._pieces, "aclose", None)
        if close is not None:
            await close()
