"""Rate limits: in one event loop, or shared by processes through PostgreSQL or Redis."""

from __future__ import annotations

from sunco.ratelimit._local import (
    RateLimiter,
)
from sunco.ratelimit._postgres import (
    PostgresRateLimiter,
)
from sunco.ratelimit._redis import (
    RedisRateLimiter,
)
from sunco.ratelimit.base import (
    Limiter,
)

__all__ = ["Limiter", "PostgresRateLimiter", "RateLimiter", "RedisRateLimiter"]
