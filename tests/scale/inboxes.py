"""Processes of a scale trial that store and process events."""

from __future__ import annotations

import json
from typing import Any

import anyio

from scale.log import Log, ready
from sunco.webhooks import PostgresInbox, WebhookRouter
from sunco.webhooks.inbox.base import NewEvent


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
