"""The attempts in flight: they end when their time is up and when the transport is closed."""

from __future__ import annotations

import math
from typing import Final, Protocol

import anyio
import anyio.lowlevel

from sunco.errors import APIConnectionError, APITimeoutError, ConfigurationError
from sunco.transport._common import without_frames
from sunco.transport._request_body import RequestBody
from sunco.wire import Response

__all__ = ["Attempt", "InFlight"]

_MAX_CLOSE: Final = 5.0


class Attempt(Protocol):
    """One attempt to send a request."""

    body: RequestBody | None
    """The request's body, if it is streamed."""

    @property
    def maybe_delivered(self) -> bool:
        """Whether any byte of the request may have been sent."""
        ...

    async def run(self) -> Response:
        """Send the request and read its response."""
        ...


class InFlight:
    """The attempts of a transport that are in flight."""

    def __init__(self) -> None:
        self.closed = False
        self._scopes: set[anyio.CancelScope] = set()
        self._done: anyio.Event | None = None
        self._loop: object = None

    def is_in_new_loop(self) -> bool:
        """Whether this is another event loop than before, so that its connections are dead.

        Raises:
            ConfigurationError: There are attempts in flight in the other event loop.
        """
        loop = anyio.lowlevel.current_token()
        if loop == self._loop:
            return False
        if self._scopes:
            raise ConfigurationError(
                "This client is in use in another event loop: make one client for each."
            )
        before, self._loop = self._loop, loop
        return before is not None

    async def run(self, timeout: float | None, attempt: Attempt) -> Response:  # noqa: ASYNC109 - the attempt's, not the call's
        """Make an attempt.

        Raises:
            APIConnectionError: The transport was closed meanwhile.
            APITimeoutError: The time is up.
            ConfigurationError: The transport is closed.
        """
        if self.closed:
            raise ConfigurationError("This client is closed: open a new one to send requests.")
        deadline = math.inf if timeout is None else anyio.current_time() + timeout
        scope = anyio.CancelScope(deadline=deadline)
        self._scopes.add(scope)
        try:
            with scope:
                return await attempt.run()
        except BaseException as error:
            # The frames of an HTTP library hold the credential, also of one that was cancelled.
            if attempt.body is not None and error is attempt.body.failure:
                raise error.with_traceback(attempt.body.traceback) from error.__cause__
            without_frames(error)
            raise
        finally:
            self._scopes.discard(scope)
            if self._done is not None and not self._scopes:
                self._done.set()
        if self.closed:
            raise APIConnectionError(
                "the client was closed meanwhile", maybe_delivered=attempt.maybe_delivered
            )
        raise APITimeoutError(
            f"timed out after {timeout:g} s", maybe_delivered=attempt.maybe_delivered
        )

    async def close(self) -> None:
        """Cancel the attempts in flight, and wait until they have released their connections.

        It also works in a task that is cancelled.
        """
        self.closed = True
        for scope in self._scopes:
            scope.cancel()
        if self._scopes:
            self._done = anyio.Event()
            # Bounded, because a streamed body can close the transport that sends it.
            with anyio.move_on_after(_MAX_CLOSE, shield=True):
                await self._done.wait()
