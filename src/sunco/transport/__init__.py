"""Transports: everything below this interface is bytes, everything above is policy.

A transport is imported on first access, with the HTTP library that it uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco._lazy import lazy_getattr
from sunco.transport._base import Transport

if TYPE_CHECKING:
    from sunco.transport._aiohttp import AiohttpTransport
    from sunco.transport._httpx import HttpxTransport
    from sunco.transport._pool import OriginPool

__all__ = ["AiohttpTransport", "HttpxTransport", "OriginPool", "Transport"]

# To a type checker, a module with __getattr__ has every name.
if not TYPE_CHECKING:  # pragma: no branch
    __getattr__ = lazy_getattr(
        __name__,
        {"AiohttpTransport": "_aiohttp", "HttpxTransport": "_httpx", "OriginPool": "_pool"},
    )
