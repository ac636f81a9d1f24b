"""How bytes travel: the seam below which sunco knows nothing of policy."""

from __future__ import annotations

from sunco.transport._aiohttp import AiohttpTransport
from sunco.transport._httpx import HttpxTransport
from sunco.transport._pool import OriginPool
from sunco.transport._transport import Transport

__all__ = ["AiohttpTransport", "HttpxTransport", "OriginPool", "Transport"]
