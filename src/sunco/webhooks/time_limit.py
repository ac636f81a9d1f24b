"""The time for which a delivery may wait."""

from __future__ import annotations

import math
import types
from collections.abc import Coroutine, Generator
from typing import Any, Final, TypeVar

import anyio

from sunco.webhooks.response import HTTPResponse

__all__ = ["TimeLimit"]

T = TypeVar("T")

_NO_RESPONSE: Final = HTTPResponse(500)


class TimeLimit:
    """Limits how long a delivery waits: for its body, then for its handlers.

    Code that never waits cannot be cancelled, and most deliveries are there whole and handled
    without waiting. A timer costs more than the cancel scope itself, so it is set when the delivery
    waits for the first time.

    Attributes:
        response: The response to a delivery that has reached the limit.
    """

    __slots__ = ("_deadline", "_has_waited", "_scope", "response")

    def __init__(self) -> None:
        self.response: HTTPResponse = _NO_RESPONSE
        self._scope = anyio.CancelScope()
        self._deadline = math.inf
        self._has_waited = False

    @property
    def is_reached(self) -> bool:
        """Whether the limit was reached, and what runs within it is being cancelled."""
        return self._scope.cancel_called

    def start(self, seconds: float, response: HTTPResponse) -> None:
        """Start a limit, in place of the previous one."""
        self.response = response
        self._set(anyio.current_time() + seconds)

    def stop(self) -> None:
        """End the limit."""
        self._set(math.inf)

    def _set(self, deadline: float) -> None:
        self._deadline = deadline
        if self._has_waited:
            self._scope.deadline = deadline

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T | None:
        """Await a coroutine; returns None if it was cancelled because the limit was reached."""
        with self._scope:
            return await self._watched(coroutine)
        return None

    @types.coroutine
    def _watched(self, coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        value: Any = None
        thrown: BaseException | None = None
        while True:
            try:
                step = coroutine.send(value) if thrown is None else coroutine.throw(thrown)
            except StopIteration as end:
                result: T = end.value
                return result
            if not self._has_waited:
                self._has_waited = True
                self._scope.deadline = self._deadline
            value, thrown = None, None
            try:
                value = yield step
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as raised:  # noqa: BLE001 - it is thrown into the coroutine
                thrown = raised
