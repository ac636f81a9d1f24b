"""What every transport does alike: attempts that keep to their time and end when it closes."""

from __future__ import annotations

import math
from typing import Final, Protocol, cast

import anyio
import anyio.lowlevel

from sunco.errors import APIConnectionError, APITimeoutError, ConfigurationError
from sunco.wire import Response

__all__ = ["Attempts", "Exchange", "checked_limits", "summary", "without_frames"]

_LONGEST_CLOSE: Final = 5.0


class Exchange(Protocol):
    """One attempt: what is sent, and what has become of it."""

    @property
    def maybe_delivered(self) -> bool:
        """Whether any byte of the request may have left."""
        ...

    async def run(self) -> Response:
        """Send the request and read its answer."""
        ...


class Attempts:
    """The attempts of one transport that are under way."""

    def __init__(self) -> None:
        self.closed = False
        self._scopes: set[anyio.CancelScope] = set()
        self._quiet: anyio.Event | None = None
        self._loop: object = None

    def is_in_new_loop(self) -> bool:
        """Whether the event loop is another one than before, so that its connections are dead.

        Raises:
            ConfigurationError: The one before is still at work.
        """
        loop = anyio.lowlevel.current_token()
        if loop == self._loop:
            return False
        if self._scopes:
            raise ConfigurationError(
                "This client is at work in another event loop: make one for each."
            )
        before, self._loop = self._loop, loop
        return before is not None

    async def run(self, timeout: float | None, exchange: Exchange) -> Response:  # noqa: ASYNC109 - the attempt's, not the call's
        """Make one attempt, for as long as it may take and the transport is open.

        Raises:
            APIConnectionError: The transport was closed meanwhile.
            APITimeoutError: The time is up.
            ConfigurationError: The transport was closed before.
        """
        if self.closed:
            raise ConfigurationError("This client is closed: open a new one to send requests.")
        deadline = math.inf if timeout is None else anyio.current_time() + timeout
        scope = anyio.CancelScope(deadline=deadline)
        self._scopes.add(scope)
        try:
            with scope:
                return await exchange.run()
        finally:
            self._scopes.discard(scope)
            if self._quiet is not None and not self._scopes:
                self._quiet.set()
        if self.closed:
            raise APIConnectionError(
                "the client was closed meanwhile", maybe_delivered=exchange.maybe_delivered
            )
        raise APITimeoutError(f"{timeout:g} s went by", maybe_delivered=exchange.maybe_delivered)

    async def close(self) -> None:
        """End what is under way, and wait until it has let go of its connections.

        Who closes may be cancelled already; the connections are let go of all the same.
        """
        self.closed = True
        for scope in self._scopes:
            scope.cancel()
        if self._scopes:
            self._quiet = anyio.Event()
            # Bounded, because a body that is streamed may be what closes its own transport.
            with anyio.move_on_after(_LONGEST_CLOSE, shield=True):
                await self._quiet.wait()


def checked_limits(max_connections: int, max_response_bytes: int) -> None:
    """Refuse limits that would let nothing through.

    Raises:
        ConfigurationError: One of them is less than 1.
    """
    for name, value in (
        ("max_connections", cast("object", max_connections)),
        ("max_response_bytes", cast("object", max_response_bytes)),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigurationError(f"{name} must be at least 1, not {value!r}.")


def summary(error: Exception) -> str:
    """An HTTP library's error in one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def without_frames(error: BaseException) -> BaseException:
    """Take the frames from an error of an HTTP library: their variables hold the credential."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    return error
