"""Deliveries as the platform sends them, and a clock that tests advance."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
from support.clock import FakeClock, quiet

from sunco.webhooks import SQLiteInbox, WebhookRouter

__all__ = [
    "SECONDS",
    "SECRET",
    "FakeClock",
    "Platform",
    "Record",
    "bounded",
    "delivery",
    "eventually",
    "message",
    "quiet",
    "sqlite_inbox",
]

SECRET = "8564b3e6a8b20a4bdb68b05ce9bc5936"
SECONDS = 60


def key(identity: str) -> str:
    """The dedupe key of an event of `delivery`."""
    return f"a1/w1/{identity}"


def sqlite_inbox(path: Path, clock: FakeClock) -> SQLiteInbox:
    """An inbox on a file, whose work the clock waits for."""
    # The flushing that "full" asks for is the operating system's to do, and slow.
    inbox = SQLiteInbox(path, clock=clock, synchronous="normal")
    database = inbox._database  # pyright: ignore[reportPrivateUsage]

    async def idle() -> None:
        if database._writer is not None:  # pyright: ignore[reportPrivateUsage]
            await database.run(lambda _: None)

    clock.threads.append(idle)
    return inbox


def message(
    identity: str | None = "e1",
    conversation: str | None = "c1",
    text: str = "hello",
    author: str = "user",
) -> dict[str, Any]:
    """A `conversation:message` event."""
    event: dict[str, Any] = {
        "createdAt": "2020-09-30T15:14:29.834Z",
        "type": "conversation:message",
        "payload": {
            "message": {
                "id": f"m-{identity}",
                "author": {"type": author, "userId": "u1"},
                "content": {"type": "text", "text": text},
            }
        },
    }
    if identity is not None:
        event["id"] = identity
    if conversation is not None:
        event["payload"]["conversation"] = {"id": conversation, "type": "personal"}
    return event


def delivery(*events: Any) -> bytes:
    """A delivery's body."""
    document = {"app": {"id": "a1"}, "webhook": {"id": "w1", "version": "v2"}, "events": events}
    return json.dumps(document).encode()


class Platform:
    """Posts deliveries to a router, each over a connection of its own."""

    def __init__(self, router: WebhookRouter, secret: str = SECRET) -> None:
        self._router = router
        self._secret = secret

    async def post(self, *events: Any, content: bytes | None = None, **headers: str) -> int:
        """Deliver events, or what is not a delivery; returns the status of the response."""
        response = await self.request(
            content=delivery(*events) if content is None else content, headers=headers
        )
        return response.status_code

    async def request(
        self, method: str = "POST", content: Any = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Send any request."""
        transport = httpx.ASGITransport(app=self._router)
        async with httpx.AsyncClient(transport=transport, base_url="http://bot") as http:
            known = {"X-API-Key": self._secret, "Content-Type": "application/json"}
            all_headers = httpx.Headers(known)
            for name, text in (headers or {}).items():
                all_headers[name.replace("_", "-")] = text
                if not text:
                    del all_headers[name.replace("_", "-")]
            return await http.request(method, "/", content=content, headers=all_headers)


class Record:
    """The arguments that a handler was called with."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._changed = anyio.Event()

    def add(self, item: Any) -> None:
        self.items.append(item)
        self._changed.set()
        self._changed = anyio.Event()

    async def reach(self, count: int, seconds: float = SECONDS) -> list[Any]:
        """Wait until there are this many."""
        with anyio.fail_after(seconds):
            while len(self.items) < count:
                await self._changed.wait()
        return self.items


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until an async condition holds."""
    with anyio.fail_after(SECONDS):
        while not await condition():
            await anyio.lowlevel.checkpoint()


@contextmanager
def bounded() -> Generator[None]:
    """No test hangs."""
    with anyio.fail_after(SECONDS):
        yield
