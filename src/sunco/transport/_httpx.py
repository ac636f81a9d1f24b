"""Requests carried by httpx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import anyio
import httpx

from sunco.errors import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    DecodeError,
)
from sunco.wire import Request, Response

__all__ = ["MAX_RESPONSE_BYTES", "HttpxTransport"]

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""What an answer may have by default. A page of 100 messages has some hundred kilobytes."""

_NEVER_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


class HttpxTransport:
    """Carries requests with httpx, over asyncio or trio.

    Args:
        client: A client of your own, taken as it is and left open; by default one is made.
        max_connections: How many requests may be under way at once; more wait for their turn.
            Not for a client of your own, which has its own limits.
        max_response_bytes: How long an answer's body may be, decompressed.
    """

    def __init__(
        self,
        client: httpx.AsyncClient | None = None,
        *,
        max_connections: int = 100,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
    ) -> None:
        for name, value in (
            ("max_connections", max_connections),
            ("max_response_bytes", max_response_bytes),
        ):
            if value < 1:
                raise ConfigurationError(f"{name} must be at least 1, not {value!r}.")
        self._owned = client is None
        self._max_response_bytes = max_response_bytes
        # A wait for a slot of our own is a wait in which nothing has been sent, for certain; of
        # httpx's pool, which announces nothing of it, that could not be said.
        self._slots = anyio.Semaphore(max_connections) if client is None else None
        self._client = client or httpx.AsyncClient(
            limits=httpx.Limits(
                max_connections=max_connections, max_keepalive_connections=max_connections
            ),
        )

    async def send(self, request: Request) -> Response:
        """Make one attempt; see `Transport.send`."""
        if self._client.is_closed:
            raise ConfigurationError("This client is closed: open a new one to send requests.")
        progress = _Progress()
        try:
            with anyio.fail_after(request.timeout):
                if self._slots is None:
                    return await self._exchange(request, progress)
                async with self._slots:
                    return await self._exchange(request, progress)
        except TimeoutError as error:
            raise APITimeoutError(
                f"{request.timeout:g} s went by",
                maybe_delivered=progress.maybe_delivered,
            ) from _without_frames(error)
        except httpx.TimeoutException as error:
            raise APITimeoutError(
                _summary(error), maybe_delivered=not isinstance(error, _NEVER_SENT)
            ) from _without_frames(error)
        except httpx.DecodingError as error:
            raise DecodeError("its compression is broken") from _without_frames(error)
        except httpx.TransportError as error:
            raise APIConnectionError(
                _summary(error), maybe_delivered=not isinstance(error, _NEVER_SENT)
            ) from _without_frames(error)

    async def _exchange(self, request: Request, progress: _Progress) -> Response:
        outgoing = self._client.build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            content=request.content,
            timeout=None,
            extensions={"trace": progress.note},
        )
        progress.handed_over = True
        # The credential is the request's own: neither the client's nor a .netrc may add another.
        answer = await self._client.send(
            outgoing, auth=_no_auth, stream=True, follow_redirects=False
        )
        try:
            return Response(answer.status_code, dict(answer.headers), await self._body(answer))
        finally:
            await answer.aclose()

    async def _body(self, answer: httpx.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in answer.aiter_bytes():
            size += len(chunk)
            if size > self._max_response_bytes:
                raise DecodeError(
                    f"it is longer than max_response_bytes, {self._max_response_bytes}",
                    status=answer.status_code,
                )
            chunks.append(chunk)
        return b"".join(chunks)

    async def aclose(self) -> None:
        """Close the connections, unless they are those of a client of your own."""
        if self._owned:
            await self._client.aclose()


def _no_auth(request: httpx.Request) -> httpx.Request:
    return request


class _Progress:
    """How far a request has come, as far as httpx tells."""

    def __init__(self) -> None:
        self.handed_over = False
        self._connecting = False

    @property
    def maybe_delivered(self) -> bool:
        return self.handed_over and not self._connecting

    async def note(self, event: str, _: Mapping[str, Any]) -> None:
        if event.startswith("connection."):
            self._connecting = True
        elif event.endswith(".send_request_headers.started"):
            self._connecting = False


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _without_frames(error: BaseException) -> BaseException:
    """Take the frames from an error of the HTTP library: their variables hold the credential."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    return error
