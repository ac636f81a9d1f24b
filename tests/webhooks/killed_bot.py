"""A bot that logs what it processes, to be killed: `killed_bot NAME INBOX LOG SOCKET`."""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import sys

import anyio
import uvicorn

from sunco import Sunco
from sunco.models.events import ConversationMessageEvent
from sunco.webhooks import Context, SQLiteInbox, WebhookRouter, text_matches

LEASE = 3.0
LONGEST_WORK = 0.004
MAX_ATTEMPTS = 3
"""Of the events that never succeed."""


class PanicError(BaseException):
    """What a Rust extension raises when it panics: no `Exception`."""


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


FAILURES: dict[str, BaseException] = {
    "error": ZeroDivisionError("no"),
    "surrogate": ValueError("not an order: half \ud83d"),
    "panic": PanicError("no"),
    "group": BaseExceptionGroup("no", [PanicError("no")]),
    "generator": GeneratorExit("no"),
    "unprintable": UnprintableError(),
}
"""What the first attempt of an event of this kind raises."""
KINDS = ("fine", "fine", "fine", *FAILURES)
NEVER = ("dead", "poison")
"""Kinds that never succeed: each attempt raises, or ends the process."""


def main(name: str, inbox: str, log: str, listener: str) -> None:
    """Serve until killed."""
    # Every other attempt fails here.
    logging.disable()
    lines = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    router = WebhookRouter(
        os.environ["SUNCO_WEBHOOK_SECRET"],
        client=Sunco.from_env(),
        inbox=SQLiteInbox(inbox, synchronous="normal", lease=LEASE),
        retry_delay=0.02,
        max_retry_delay=0.1,
    )

    def write(what: str, event: ConversationMessageEvent) -> None:
        os.write(lines, f"{what} {name} {event.id}\n".encode())

    @router.on(ConversationMessageEvent, where=text_matches("^(dead|poison)"), max_attempts=3)
    async def never_succeed(event: ConversationMessageEvent) -> None:
        write("begin", event)
        if event.text == "poison":
            os._exit(1)
        write("fail", event)
        raise FAILURES["surrogate"]

    @router.on(ConversationMessageEvent, where=text_matches("^(?!dead|poison)"))
    async def handle(event: ConversationMessageEvent, ctx: Context) -> None:
        write("begin", event)
        await anyio.sleep(random.uniform(0, LONGEST_WORK))  # noqa: S311 - chance is enough
        if event.text == "freeze" and ctx.attempt == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        if event.text in FAILURES and ctx.attempt == 1:
            write("fail", event)
            raise FAILURES[event.text]
        await ctx.reply(f"reply to {event.id}")
        write("end", event)

    config = uvicorn.Config(router, log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(listener))])


if __name__ == "__main__":
    main(*sys.argv[1:])
