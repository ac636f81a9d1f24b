"""Servers on loopback whose behaviour a test writes itself."""

from __future__ import annotations

import functools
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import trustme
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener

from sunco import HttpxTransport, Request, Transport

__all__ = [
    "OK",
    "Behaviour",
    "Counting",
    "get",
    "post",
    "read_request",
    "responding",
    "serving",
    "tls_client",
    "tls_server",
    "transport",
    "wait_for_open_connections",
]

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

Behaviour = Callable[[ByteStream], Awaitable[None]]


async def read_request(stream: ByteStream) -> bytes:
    """Everything up to the end of the body, as Content-Length says."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive()
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += await stream.receive()
    return head + b"\r\n\r\n" + body


@asynccontextmanager
async def serving(behaviour: Behaviour, tls: Any = None) -> AsyncGenerator[str]:
    """A server on a free port; its URL."""

    async def handle(stream: ByteStream) -> None:
        async with stream:
            try:
                await behaviour(stream)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as plain,
        anyio.create_task_group() as tasks,
    ):
        listener: Any = plain if tls is None else TLSListener(plain, tls, standard_compatible=False)
        tasks.start_soon(listener.serve, handle)
        port = plain.extra(SocketAttribute.local_port)
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
        tasks.cancel_scope.cancel()


def responding(response: bytes) -> Behaviour:
    """Gives every request the same response."""

    async def behaviour(stream: ByteStream) -> None:
        while True:
            await read_request(stream)
            await stream.send(response)

    return behaviour


class Counting:
    """Sends the given responses, and counts connections and those that are open."""

    def __init__(self, *responses: bytes) -> None:
        self.responses = responses
        self.opened = 0
        self.open = 0
        self.requests: list[bytes] = []

    async def __call__(self, stream: ByteStream) -> None:
        self.opened += 1
        self.open += 1
        try:
            while True:
                self.requests.append(await read_request(stream))
                await stream.send(self.responses[min(len(self.requests), len(self.responses)) - 1])
        finally:
            self.open -= 1


async def wait_for_open_connections(server: Counting, open_connections: int) -> None:
    """Wait until the server has noticed what was closed."""
    with anyio.fail_after(60):
        while server.open != open_connections:  # noqa: ASYNC110 - the kernel gives no event
            await anyio.sleep(0.001)


@asynccontextmanager
async def transport(
    *args: Any, kind: Callable[..., Transport] = HttpxTransport, **options: Any
) -> AsyncGenerator[Transport]:
    """A transport, closed in the end."""
    made = kind(*args, **options)
    try:
        yield made
    finally:
        await made.aclose()


def get(url: str, timeout: float | None = 60.0) -> Request:
    return Request("GET", f"{url}/v2", {"Authorization": "Basic s3cret"}, None, timeout)


def post(url: str, timeout: float | None = 60.0) -> Request:
    return Request("POST", f"{url}/v2", {"Authorization": "Basic s3cret"}, b'{"a":1}', timeout)


@functools.cache
def _authority() -> Any:
    return trustme.CA()


def tls_server() -> ssl.SSLContext:
    """What a server on loopback needs to speak TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _authority().issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def tls_client() -> ssl.SSLContext:
    """What a client needs to trust it."""
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    return context
