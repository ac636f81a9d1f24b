"""A bot for tests of what happens behind the response."""

from __future__ import annotations

from typing import Any

import anyio

from sunco.models.events import WebhookEvent
from sunco.webhooks import Inbox, WebhookRouter
from webhooks.support import SECRET, FakeClock, Platform, Record


class Bot:
    """A router with an inbox, and a handler that a test makes fail, wait or hang."""

    def __init__(self, inbox: Inbox, clock: FakeClock, **options: Any) -> None:
        self.inbox = inbox
        self.clock = clock
        self.router = WebhookRouter(SECRET, inbox=inbox, clock=clock, **options)
        self.platform = Platform(self.router)
        self.begun = Record()
        self.done = Record()
        self.failing: dict[str, int] = {}
        self.holding: dict[str, anyio.Event] = {}

        @self.router.on(WebhookEvent)
        async def handle(event: WebhookEvent) -> None:
            self.begun.add(event.id)
            if event.id in self.holding:
                await self.holding[event.id].wait()
            if self.failing.get(event.id, 0):
                self.failing[event.id] -= 1
                raise ZeroDivisionError(f"no {event.id}")
            self.done.add(event.id)

    def fail(self, identity: str, times: int) -> None:
        self.failing[identity] = times

    def hold(self, identity: str) -> anyio.Event:
        self.holding[identity] = anyio.Event()
        return self.holding[identity]

    async def is_idle(self) -> bool:
        return (await self.inbox.stats()).pending == 0

    async def pass_until(self, condition: Any) -> float:
        """Let time pass until a condition holds; says how much it took."""
        began = self.clock.time
        while not await condition():
            await self.clock.advance(0.25)
        return self.clock.time - began
