"""The seam between sunco and whatever carries its requests."""

from __future__ import annotations

from typing import Protocol

from sunco.wire import Request, Response

__all__ = ["Transport"]


class Transport(Protocol):
    """Carries one request and brings its answer. Write one to use another HTTP library."""

    async def send(self, request: Request) -> Response:
        """Make one attempt and read the whole body: no retries, no redirects.

        Raises:
            APIConnectionError: There was no answer. `maybe_delivered` must be True unless it is
                certain that the request did not reach the API.
            APITimeoutError: The same, because `request.timeout` ran out.
            DecodeError: There was an answer, and its body is too large or garbled.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections. Closing twice is harmless."""
        ...
