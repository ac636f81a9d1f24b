"""A platform on loopback that takes messages, and fails before or after it has: `-m` this.

It prints its port, serves until its standard input ends, and responds to `/tally` with how
often it has taken what. It knows nothing of sunco.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter
from typing import Any

PAGE = 100
STORM_EVERY = 4000
STORM_SECONDS = 0.2
RECEIVED = "2026-01-01T00:00:00.000Z"


class Platform:
    """What was accepted, and what fails next."""

    def __init__(self, faults: float, storm_every: int) -> None:
        self.faults = faults
        self.storm_every = storm_every
        self.random = random.Random(7)  # noqa: S311 - faults, no secrets
        self.conversations: dict[str, list[bytes]] = {}
        self.times_taken: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.posts = 0
        self.storm_ends = 0.0

    def tally(self) -> bytes:
        times = Counter(self.times_taken.values())
        return json.dumps(
            {"texts": len(self.times_taken), "times": times, "met": self.met, "posts": self.posts}
        ).encode()

    def fault(self, now: float) -> str:
        """The fault of this post, if there is one."""
        self.posts += 1
        if self.faults and self.posts % self.storm_every == 0:
            self.storm_ends = now + STORM_SECONDS
        if now < self.storm_ends:
            return "429"
        chosen = self.random.random()
        names = ["reset before", "reset after", "502 before", "502 after"]
        place = int(chosen / self.faults) if self.faults else len(names)
        return names[place] if place < len(names) else ""

    def take(self, conversation: str, body: bytes) -> bytes:
        posted: dict[str, Any] = json.loads(body)
        self.times_taken[posted["content"]["text"]] += 1
        stored = self.conversations.setdefault(conversation, [])
        message = {"id": f"{len(stored):024x}", "received": RECEIVED, **posted}
        stored.append(json.dumps(message).encode())
        return b'{"messages":[' + stored[-1] + b"]}"

    def page(self, conversation: str, before: str) -> bytes:
        stored = self.conversations.get(conversation, [])
        end = int(before) if before else len(stored)
        start = max(0, end - PAGE)
        meta = json.dumps({"hasMore": start > 0, "beforeCursor": str(start)}).encode()
        return b'{"messages":[' + b",".join(stored[start:end]) + b'],"meta":' + meta + b"}"


class Serving(asyncio.Protocol):
    """One connection."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.received[:end].decode().lower()
        at = head.find("\r\ncontent-length:")
        length = int(head[at + 17 :].partition("\r\n")[0]) if at >= 0 else 0
        if len(self.received) < end + 4 + length:
            return
        body, self.received = self.received[end + 4 :], b""
        method, target, _ = head.partition("\r\n")[0].split(" ")
        path, _, query = target.partition("?")
        if path == "/tally":
            self.respond(200, self.platform.tally())
        elif method == "get":
            self.respond(200, self.platform.page(path.split("/")[5], query.rpartition("=")[2]))
        else:
            self.post(path.split("/")[5], body)

    def post(self, conversation: str, body: bytes) -> None:
        fault = self.platform.fault(asyncio.get_running_loop().time())
        if fault:
            self.platform.met[fault] += 1
        if fault == "429":
            self.respond(429, b"{}", "Retry-After: 0\r\n")
            return
        posted = b"" if fault.endswith("before") else self.platform.take(conversation, body)
        if fault.startswith("reset"):
            self.transport.abort()
        elif fault.startswith("502"):
            self.respond(502, b"<html>Bad gateway</html>")
        else:
            self.respond(201, posted)

    def respond(self, status: int, body: bytes, headers: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\n{headers}Content-Type: application/json\r\n"
        self.transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


async def serve(faults: float, storm_every: int) -> None:
    """Serve until standard input ends."""
    loop, platform = asyncio.get_running_loop(), Platform(faults, storm_every)
    server = await loop.create_server(lambda: Serving(platform), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), int(sys.argv[2])))
