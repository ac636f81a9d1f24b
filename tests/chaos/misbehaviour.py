"""A server that misbehaves in every way that has been seen, and knows what it has taken.

Run as a program it prints its port, and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import re
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

HUGE: Final = 3_000_000_000
TOKEN: Final = re.compile(rb"token-[0-9a-z]+")

_HEAD: Final = "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{more}Content-Length: {length}\r\n\r\n"


def response(
    status: str, body: bytes, *, kind: str = "application/json", more: str = "", length: int = -1
) -> bytes:
    """A whole response, or one that announces more than there is."""
    length = len(body) if length < 0 else length
    return _HEAD.format(status=status, kind=kind, more=more, length=length).encode() + body


def message(token: str) -> bytes:
    """The body of the response to a post."""
    listed = [{"id": "m1", "content": {"type": "text", "text": token}}]
    return json.dumps({"messages": listed}).encode()


def attachment(token: str) -> bytes:
    """The body of the response to an upload."""
    return json.dumps({"attachment": {"mediaUrl": token}}).encode()


def error_response(code: str) -> bytes:
    """The body of an error response."""
    return json.dumps({"errors": [{"code": code, "title": "No"}]}).encode()


class Conversation(asyncio.Protocol):
    """One connection."""

    def __init__(self, server: Misbehaving) -> None:
        self.server = server
        self.received = b""
        self.rest = 0
        self.is_judged = False
        self.flooding = 0
        self.can_write = asyncio.Event()
        self.can_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections.add(self)
        self.server.opened += 1
        if self.server.strikes("reset on arrival"):
            self.reset()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.can_write.set()
        self.server.connections.discard(self)

    def pause_writing(self) -> None:
        self.can_write.clear()

    def resume_writing(self) -> None:
        self.can_write.set()

    def data_received(self, data: bytes) -> None:
        self.received += data
        if self.rest:
            self.ignore_rest()
            return
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.received[:end].lower()
        found = re.search(rb"content-length: (\d+)", head)
        size = end + 4 + (int(found[1]) if found else 0)
        is_upload = b"/attachments?" in head
        if is_upload and not self.is_judged:
            self.is_judged = True
            for status in ("413 Too Large", "429 Too Many"):
                if self.server.strikes(f"early {status[:3]}"):
                    self.respond_early(status, size)
                    return
        if self.server.strikes("reset before"):
            self.reset()
        elif len(self.received) >= size:
            request, self.received = self.received[:size], self.received[size:]
            self.is_judged = False
            self.check_body(request[end + 4 :])
            token = TOKEN.search(request)
            assert token is not None
            if is_upload:
                self.take(token[0].decode())
                self.send(response("201 Created", attachment(token[0].decode())))
            else:
                self.misbehave(token[0].decode())

    def respond_early(self, status: str, size: int) -> None:
        """Reject an upload by its head, and keep the connection: the rest may come."""
        self.server.early += 1
        self.send(response(status, error_response("early"), more="Retry-After: 0\r\n"))
        self.rest = size
        self.ignore_rest()

    def ignore_rest(self) -> None:
        request, self.received = self.received[: self.rest], self.received[self.rest :]
        self.rest -= len(request)
        self.check_body(request.partition(b"\r\n\r\n")[2])
        self.is_judged = self.rest > 0

    def check_body(self, body: bytes) -> None:
        self.server.swallowed += body.count(b"HTTP/1.1")

    def misbehave(self, token: str) -> None:
        """Do as the dice say; what takes the message says so first."""
        getattr(self, self.server.next_fault(), self.well)(token)

    def send(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)

    def reset(self) -> None:
        if self.transport.is_closing():
            return
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def take(self, token: str) -> None:
        self.server.taken[token] += 1

    def well(self, token: str) -> None:
        self.take(token)
        self.send(response("201 Created", message(token)))

    def reset_after(self, token: str) -> None:
        self.take(token)
        self.reset()

    def close_before(self, _: str) -> None:
        self.transport.close()

    def close_after(self, token: str) -> None:
        self.take(token)
        self.transport.close()

    def close_idle(self, token: str) -> None:
        """At the worst moment: when the next request may be on its way."""
        self.well(token)
        delay = self.server.dice.choice([0.0, 0.0, 0.0005, 0.002])
        asyncio.get_running_loop().call_later(delay, self.transport.close)

    def reset_idle(self, token: str) -> None:
        self.well(token)
        asyncio.get_running_loop().call_later(0.001, self.reset)

    def cut_head(self, token: str) -> None:
        self.take(token)
        self.send(b"HTTP/1.1 201 Crea")
        self.transport.close()

    def cut_body(self, token: str) -> None:
        self.take(token)
        body = message(token)
        self.send(response("201 Created", body[:-7], length=len(body)))
        self.transport.close()

    def cut_gzip(self, token: str) -> None:
        self.take(token)
        packed = gzip.compress(message(token))[:-5]
        self.send(response("201 Created", packed, more="Content-Encoding: gzip\r\n"))

    def bomb(self, token: str) -> None:
        self.take(token)
        self.send(response("201 Created", _BOMB, more="Content-Encoding: gzip\r\n"))

    def zipped(self, token: str) -> None:
        self.take(token)
        packed = gzip.compress(message(token))
        self.send(response("201 Created", packed, more="Content-Encoding: gzip\r\n"))

    def garbage(self, token: str) -> None:
        self.take(token)
        self.send(self.server.dice.randbytes(60) + b"\r\n\r\n")

    def html_for_json(self, token: str) -> None:
        self.take(token)
        self.send(response("200 OK", b"<html>Welcome</html>", kind="text/html"))

    def bad_gateway(self, _: str) -> None:
        self.send(response("502 Bad Gateway", b"<html>Bad Gateway</html>", kind="text/html"))

    def gateway_timeout(self, token: str) -> None:
        self.take(token)
        self.send(response("504 Gateway Timeout", b""))

    def too_many(self, _: str) -> None:
        self.send(response("429 Too Many", error_response("too_many"), more="Retry-After: 0\r\n"))

    def redirect(self, _: str) -> None:
        where = f"Location: http://127.0.0.1:{self.server.elsewhere_port}/\r\n"
        self.send(response("307 Temporary Redirect", b"", more=where))

    def twice(self, token: str) -> None:
        """A response that nobody asked for, right behind the one that was."""
        self.take(token)
        self.send(
            response("201 Created", message(token)) + response("201 Created", message("stray"))
        )

    def stall(self, token: str) -> None:
        self.take(token)

    def stall_in_body(self, token: str) -> None:
        self.take(token)
        self.send(response("201 Created", b"{", length=100))

    def huge(self, token: str) -> None:
        self.take(token)
        self.flooding = HUGE
        head = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
        if self.server.dice.random() < 0.5:
            head += f"Content-Length: {HUGE}\r\n"
        self.send(f"{head}Connection: close\r\n\r\n".encode())
        self.server.spawn(self.flood())

    async def flood(self) -> None:
        while self.flooding > 0 and not self.transport.is_closing():
            await self.can_write.wait()
            self.send(_BLOCK)
            self.flooding -= len(_BLOCK)
            await asyncio.sleep(0)
        self.transport.close()


_BLOCK: Final = b" " * 65536
_BOMB: Final = gzip.compress(b" " * 30_000_000)

FAULTS: Final[Mapping[str, float]] = {
    "reset on arrival": 0.02,
    "reset before": 0.02,
    "early 413": 0.1,
    "early 429": 0.1,
    **dict.fromkeys(
        [
            "reset_after",
            "close_before",
            "close_after",
            "reset_idle",
            "cut_head",
            "cut_body",
            "cut_gzip",
            "zipped",
            "garbage",
            "html_for_json",
            "bad_gateway",
            "gateway_timeout",
            "redirect",
            "twice",
        ],
        0.02,
    ),
    "bomb": 0.01,
    "huge": 0.01,
    "stall": 0.01,
    "stall_in_body": 0.01,
    "close_idle": 0.08,
    "too_many": 0.08,
}
"""How often what happens; a kind with a blank happens to connections or uploads, the rest to
other requests."""


class Misbehaving:
    """The server, on a thread of its own.

    Args:
        faults: How often what happens.
        seed: So that it can be seen again.

    Attributes:
        taken: How often each message was taken.
        connections: Those that are open.
        opened: How many there ever were.
        strangers: Connections to where redirects lead.
        early: Uploads that were rejected by their heads.
        swallowed: Heads of requests that came as part of another request's body.
    """

    def __init__(self, faults: Mapping[str, float] = FAULTS, seed: int = 1) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - dice
        self.faults = dict(faults)
        self.taken: Counter[str] = Counter()
        self.connections: set[Conversation] = set()
        self.opened = 0
        self.strangers = 0
        self.early = self.swallowed = 0
        self.port = self.elsewhere_port = 0
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def strikes(self, fault: str) -> bool:
        """Whether a fault happens now."""
        return self.dice.random() < self.faults.get(fault, 0)

    def next_fault(self) -> str:
        """What happens to a request."""
        roll = self.dice.random()
        for name, share in self.faults.items():
            if " " not in name:
                roll -= share
                if roll < 0:
                    return name
        return "well"

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Do something meanwhile."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stranger(self) -> asyncio.Protocol:
        self.strangers += 1
        return asyncio.Protocol()

    async def _serve(self, started: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._loop, self._stop = loop, asyncio.Event()
        server = await loop.create_server(lambda: Conversation(self), "127.0.0.1", 0, backlog=1024)
        elsewhere = await loop.create_server(self._stranger, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.elsewhere_port = elsewhere.sockets[0].getsockname()[1]
        started()
        await self._stop.wait()
        server.close()
        elsewhere.close()
        for connection in tuple(self.connections):
            connection.transport.abort()
        for task in self._tasks:
            task.cancel()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(self._ready.set)))
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


def main() -> None:
    """Serve in a process of one's own, with faults of a share given in per cent."""
    percent = float(sys.argv[1])
    share = percent / 100 / sum(FAULTS.values())
    with Misbehaving({name: part * share for name, part in FAULTS.items()}) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            sys.stdin.read()
        most = max(server.taken.values(), default=0)
        sys.stdout.write(f"{most} {server.strangers} {server.early} {server.swallowed}\n")


if __name__ == "__main__":
    main()
