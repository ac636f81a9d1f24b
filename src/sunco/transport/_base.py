"""The interface between sunco and the HTTP library that sends its requests."""

from __future__ import annotations

from typing import Protocol

from sunco.wire import Request, Response

__all__ = ["Transport"]


class Transport(Protocol):
    """Sends a request and reads its response. Implement it to use another HTTP library."""

    async def send(self, request: Request) -> Response:
        """Make one attempt and read the whole body, without retries and redirects.

        If the request has a `sink`, the body of a 2xx response can be written to it piece by piece;
        the content of the returned response is then empty.

        Raises:
            APIConnectionError: There was no response. `maybe_delivered` must be True unless the
                request certainly did not reach the API.
            APITimeoutError: There was no response within `request.timeout`.
            DecodeError: The body of a 2xx response is too large, or its compression is broken.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections. Closing twice is permitted."""
        ...
