"""Requests carried by aiohttp, without httpx in between."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import anyio

from sunco.errors import APIConnectionError, ConfigurationError
from sunco.transport._httpx import MAX_RESPONSE_BYTES
from sunco.transport._inflight import Attempts, checked_limits
from sunco.transport._pool import KEEPALIVE_EXPIRY
from sunco.wire import Request, Response

if TYPE_CHECKING:
    from sunco.transport import _aiohttp_exchange

__all__ = ["AiohttpTransport"]


class AiohttpTransport:
    """Carries requests with aiohttp (`sunco[aiohttp]`): faster, and for asyncio only.

    Args:
        max_connections: How many requests may be under way at once; more wait for their turn.
        max_response_bytes: How long an answer's body may be, decompressed.
        keepalive_expiry: Seconds for which an idle connection is kept.
        ssl_context: TLS settings of your own, such as a company's certificates.

    Raises:
        ConfigurationError: A limit is less than 1, or aiohttp is not installed.
    """

    def __init__(
        self,
        *,
        max_connections: int = 100,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        keepalive_expiry: float = KEEPALIVE_EXPIRY,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        checked_limits(max_connections, max_response_bytes)
        try:
            from sunco.transport import _aiohttp_exchange  # noqa: PLC0415 - only who has it
        except ImportError:
            raise ConfigurationError(
                "AiohttpTransport needs an extra: pip install 'sunco[aiohttp]'."
            ) from None
        self._implementation = _aiohttp_exchange
        self._attempts = Attempts()
        self._max_connections = max_connections
        self._max_response_bytes = max_response_bytes
        self._keepalive_expiry = keepalive_expiry
        self._tls = ssl_context
        self._carrier: _aiohttp_exchange.Carrier | None = None

    async def send(self, request: Request) -> Response:
        """Make one attempt; see `Transport.send`."""
        if self._attempts.is_in_new_loop():
            self._carrier = None
        exchange = self._open().begin(request)
        try:
            return await self._attempts.run(request.timeout, exchange)
        except self._implementation.FAILURES as error:
            failure = self._failure(exchange, error)
        # Not raised from it: what aiohttp raises holds the request with its credential.
        raise failure

    def _failure(self, exchange: _aiohttp_exchange.Exchange, error: Exception) -> Exception:
        if exchange.content_failure is not None:
            return exchange.content_failure
        return APIConnectionError(
            self._implementation.explained(error), maybe_delivered=exchange.maybe_delivered
        )

    def _open(self) -> _aiohttp_exchange.Carrier:
        if self._carrier is None:
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                raise ConfigurationError(
                    "AiohttpTransport works on asyncio only: use HttpxTransport on trio."
                ) from None
            self._carrier = self._implementation.Carrier(
                anyio.Semaphore(self._max_connections, fast_acquire=True),
                self._max_response_bytes,
                self._keepalive_expiry,
                self._tls,
            )
        return self._carrier

    async def aclose(self) -> None:
        """Close the connections. Requests under way end with an `APIConnectionError`."""
        if self._attempts.is_in_new_loop():
            self._carrier = None
        await self._attempts.close()
        if self._carrier is not None:
            await self._carrier.aclose()
