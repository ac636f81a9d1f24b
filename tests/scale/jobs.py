"""Processes of a scale trial that share a bulk job."""

from __future__ import annotations

from typing import Any

import anyio

from scale.log import Log, ready
from sunco import RetryPolicy, Sunco
from sunco.bulk import PostgresJournal, attempt, work
from sunco.ratelimit import PostgresRateLimiter


async def send(item: int) -> None:
    """The function of bulk jobs."""
    LOG[0].write("sent", item)
    await anyio.sleep(SECONDS[0])


LOG: list[Log] = []
SECONDS = [0.02]


async def bulk(options: dict[str, Any], log: Log) -> None:
    """Join a bulk job."""
    LOG.append(log)
    SECONDS[0] = options["seconds"]
    journal = PostgresJournal(
        options["dsn"], schema=options["schema"], lease=options["lease"], part_size=options["part"]
    )
    await ready(options, log)
    await work(
        send, job="scale", journal=journal, concurrency=options["concurrency"],
        grace_period=options["grace"],
    )  # fmt: skip


class LoggedLimiter:
    """A rate limiter whose turns are in the log, also those of a process that is killed."""

    def __init__(self, limiter: PostgresRateLimiter, log: Log) -> None:
        self._limiter, self._log = limiter, log
        self.rate = limiter.rate
        self.slow_down = limiter.slow_down

    async def acquire(self) -> float:
        waited = await self._limiter.acquire()
        self._log.write("turn")
        return waited


SUNCO: list[Sunco] = []


async def post(item: int) -> None:
    """The function of a campaign."""
    this = attempt()
    await SUNCO[0].messages.post_once(
        f"c{item // 100}", f"message {item}", key=this.key, maybe_sent=this.maybe_done,
        grace_period=GRACE[0],
    )  # fmt: skip
    LOG[0].write("posted", item)


GRACE = [0.5]


async def campaign(options: dict[str, Any], log: Log) -> None:
    """Join a campaign, at the rate that its processes share."""
    LOG.append(log)
    GRACE[0] = options["grace"]
    dsn, schema = options["dsn"], options["schema"]
    limiter = PostgresRateLimiter(dsn, schema=schema, rate=options["rate"], name="campaign")
    retry = RetryPolicy(max_attempts=20, backoff=0.05, max_backoff=0.5)
    async with (
        limiter,
        Sunco(
            app_id="a", key_id="k", key_secret="s", base_url=options["url"], retry=retry,
            timeout=30, rate_limit=LoggedLimiter(limiter, log),
        ) as sunco,
    ):  # fmt: skip
        SUNCO.append(sunco)
        await ready(options, log)
        await work(
            post, job="scale", journal=PostgresJournal(dsn, schema=schema, lease=options["lease"]),
            concurrency=options["concurrency"], grace_period=GRACE[0],
        )  # fmt: skip
