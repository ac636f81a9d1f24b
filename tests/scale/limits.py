"""A process of a scale trial that takes turns of a rate limit."""

from __future__ import annotations

import time
from typing import Any

import anyio

from scale.log import Log
from sunco.ratelimit import PostgresRateLimiter, RedisRateLimiter


async def limit(options: dict[str, Any], log: Log) -> None:
    """Take turns of a shared rate limit."""
    rate, name = options["rate"], options["name"]
    limiter = (
        RedisRateLimiter(options["redis"], rate=rate, name=name)
        if options.get("redis")
        else PostgresRateLimiter(options["dsn"], schema=options["schema"], rate=rate, name=name)
    )
    moments: list[float] = []

    async def take() -> None:
        while True:
            await limiter.acquire()
            moments.append(time.monotonic())

    async with limiter:
        with anyio.move_on_after(options["seconds"]):
            async with anyio.create_task_group() as tasks:
                for _ in range(64):
                    tasks.start_soon(take)
        log.write("turns", moments, limiter._calls)  # pyright: ignore[reportPrivateUsage]
