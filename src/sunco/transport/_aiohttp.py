"""Requests over aiohttp, without httpx and httpcore."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import anyio

from sunco.errors import APIConnectionError, ConfigurationError, SuncoError
from sunco.transport._common import KEEPALIVE_EXPIRY, MAX_RESPONSE_BYTES, check_limits
from sunco.transport._inflight import InFlight
from sunco.transport._proxies import environment_proxies
from sunco.wire import Request, Response

if TYPE_CHECKING:
    from sunco.transport import _aiohttp_backend

__all__ = ["AiohttpTransport"]


class AiohttpTransport:
    """Sends requests with aiohttp (`sunco[aiohttp]`): faster, and on asyncio only.

    Args:
        max_connections: The most requests in flight; others wait.
        max_response_bytes: The longest body of a response, decompressed.
        keepalive_expiry: Seconds for which an idle connection is kept.
        ssl_context: Your own TLS settings, such as the certificates of a company.

    Raises:
        ConfigurationError: A limit is less than 1, aiohttp is not installed, or a variable of the
            environment is invalid.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        keepalive_expiry: float = KEEPALIVE_EXPIRY,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        check_limits(max_connections, max_response_bytes, keepalive_expiry, ssl_context)
        try:
            from sunco.transport import _aiohttp_backend  # noqa: PLC0415 - an extra
        except ImportError:
            raise ConfigurationError(
                "AiohttpTransport needs an extra: pip install 'sunco[aiohttp]'."
            ) from None
        self._implementation = _aiohttp_backend
        self._proxies = environment_proxies()
        if named := self._proxies.socks_variables():
            raise ConfigurationError(
                f"{' and '.join(named)} names a SOCKS proxy, which aiohttp does not support: use "
                "HttpxTransport with httpx[socks]."
            )
        self._in_flight = InFlight()
        self._options: dict[str, Any] = {
            "max_connections": max_connections,
            "max_response_bytes": max_response_bytes,
            "keepalive_expiry": keepalive_expiry,
            "ssl_context": ssl_context,
        }
        self._backend: _aiohttp_backend.Backend | None = None

    async def send(self, request: Request) -> Response:
        """Make one attempt; see `Transport.send`."""
        if self._in_flight.is_in_new_loop():
            self._backend = None
        attempt = self._open().begin(request)
        try:
            return await self._in_flight.run(request.timeout, attempt)
        except SuncoError:
            raise
        except self._implementation.FAILURES as error:
            failure = self._failure(attempt, error)
        # Not raised from it: the errors of aiohttp hold the request with its credential.
        raise failure

    def _failure(self, attempt: _aiohttp_backend.AiohttpAttempt, error: Exception) -> BaseException:
        if attempt.body is not None and attempt.body.failure is not None:
            return attempt.body.failure.with_traceback(attempt.body.traceback)
        return APIConnectionError(
            self._implementation.explained(error), maybe_delivered=attempt.maybe_delivered
        )

    def _open(self) -> _aiohttp_backend.Backend:
        if self._backend is None:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                raise ConfigurationError(
                    "AiohttpTransport works on asyncio only: use HttpxTransport on trio."
                ) from None
            self._backend = self._implementation.Backend(
                anyio.Semaphore(self._options["max_connections"], fast_acquire=True),
                self._options["max_response_bytes"],
                self._options["keepalive_expiry"],
                self._options["ssl_context"],
                self._proxies,
            )
        return self._backend

    async def aclose(self) -> None:
        """Close the connections. Requests in flight end with an `APIConnectionError`."""
        if self._in_flight.is_in_new_loop():
            self._backend = None
        await self._in_flight.close()
        if self._backend is not None:
            await self._backend.aclose()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._options["ssl_context"] is not None:
            raise ConfigurationError(
                "A transport with your own TLS settings cannot be pickled: make one per process."
            )
        return _restore, (type(self), self._options)


def _restore(kind: type[AiohttpTransport], options: dict[str, Any]) -> AiohttpTransport:
    return kind(**options)
