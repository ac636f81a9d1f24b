"""One process of a scale trial, which writes a log: python -m scale.process ROLE JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

import anyio

from sunco import RetryPolicy, Sunco
from sunco.bulk import PostgresJournal, attempt, work
from sunco.ratelimit import PostgresRateLimiter, RedisRateLimiter
from sunco.webhooks import PostgresInbox, WebhookRouter
from sunco.webhooks.inbox.base import NewEvent


class Log:
    """Lines that are in the file when `write` returns, also when the process is killed."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, *values: object) -> None:
        line = json.dumps([os.getpid(), time.monotonic(), *values])
        os.write(self._file, f"{line}\n".encode())


async def ready(options: dict[str, Any], log: Log) -> None:
    """Note that the process is ready, and wait for the others where all begin together."""
    log.write("ready")
    if "gate" in options:
        while not await anyio.Path(options["gate"]).exists():  # noqa: ASYNC110 - another process
            await anyio.sleep(0.01)


async def store(options: dict[str, Any], log: Log) -> None:
    """Store numbered events; one that could not be stored is stored again, as the platform does."""
    inbox = PostgresInbox(options["dsn"], schema=options["schema"])

    async def add(numbers: range) -> None:
        for number in numbers:
            key = f"{options['name']}{number}"
            order = f"k{number % options['keys']}{options['name']}"
            content = json.dumps({"type": "user:merge", "id": f"{order} {number}"}).encode()
            while True:
                try:
                    await inbox.add([NewEvent(key=key, ordering_key=order, content=content)])
                except Exception:  # noqa: BLE001 - as the platform, for any response but 2xx
                    await anyio.sleep(0.05)
                else:
                    break
            log.write("stored", order, number)

    await inbox.open(handles=False)
    log.write("opened")
    async with anyio.create_task_group() as tasks:
        for start in range(options["keys"]):
            # Events of one ordering key are stored one after the other.
            tasks.start_soon(add, range(start, options["events"], options["keys"]))
    await inbox.close()


async def process(options: dict[str, Any], log: Log) -> None:
    """Process events until killed."""
    inbox = PostgresInbox(options["dsn"], schema=options["schema"], lease=options["lease"])
    router = WebhookRouter(
        "secret", inbox=inbox, concurrency=options["concurrency"], max_attempts=1000,
        retry_delay=0.01,
    )  # fmt: skip

    @router.on()
    async def handle(event: Any) -> None:
        order, number = event.id.split()
        log.write("start", order, int(number))
        try:
            await anyio.sleep(options["seconds"])
        except BaseException:
            log.write("cancelled", order, int(number))
            raise
        log.write("end", order, int(number))

    if "gate" in options:
        await ready(options, log)
    async with router.running():
        if "gate" not in options:
            await ready(options, log)
        await anyio.sleep_forever()


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


def main() -> None:
    """Run a role."""
    role, options = sys.argv[1], json.loads(sys.argv[2])
    roles = {"store": store, "process": process, "bulk": bulk, "campaign": campaign, "limit": limit}
    anyio.run(roles[role], options, Log(options["log"]), backend=options.get("backend", "asyncio"))


if __name__ == "__main__":
    main()
