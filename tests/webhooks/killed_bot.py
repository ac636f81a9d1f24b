"""A bot that writes down what it handles, to be killed: `killed_bot.py INBOX LOG SOCKET`."""

from __future__ import annotations

import os
import random
import socket
import sys

import anyio
import uvicorn

from sunco.models.events import ConversationMessageEvent
from sunco.webhooks import SQLiteInbox, WebhookRouter
from webhooks.support import SECRET

LONGEST_WORK = 0.004


def main(inbox: str, log: str, listener: str) -> None:
    """Serve until killed."""
    router = WebhookRouter(SECRET, inbox=SQLiteInbox(inbox, synchronous="normal"))
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @router.on(ConversationMessageEvent)
    async def handle(event: ConversationMessageEvent) -> None:
        os.write(lines, f"begin {event.id}\n".encode())
        await anyio.sleep(random.uniform(0, LONGEST_WORK))  # noqa: S311 - chance is enough
        os.write(lines, f"end {event.id}\n".encode())

    os.write(lines, b"start\n")
    config = uvicorn.Config(router, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(listener))])


if __name__ == "__main__":
    main(*sys.argv[1:])
