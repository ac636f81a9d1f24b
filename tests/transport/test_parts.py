"""The parts of transports that need no network."""

# pyright: reportPrivateUsage=false
from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
import httpcore
import httpx
import pytest
from support.server import OK, Counting, serving

from sunco import APIConnectionError, ConfigurationError, DecodeError, HttpxTransport, Request
from sunco.transport import _network
from sunco.transport._headers import locate
from sunco.transport._request_body import RequestBody
from transport.conftest import Made

pytestmark = pytest.mark.anyio

LOCATED = {
    "http://a.test/v2?x=%5B1%5D": ("http://a.test", b"/v2?x=%5B1%5D"),
    "http://a.test": ("http://a.test", b"/"),
    "HTTPS://A.test:443/": ("https://a.test", b"/"),
    "http://a.test:8080/x": ("http://a.test:8080", b"/x"),
    "http://a.test:80/x#part": ("http://a.test", b"/x"),
    "http://[2001:DB8::1]:8080/x y?q=\u00e9 ": (
        "http://[2001:db8::1]:8080",
        b"/x%20y?q=%C3%A9%20",
    ),
    "https://b\u00fccher.test/": ("https://xn--bcher-kva.test", b"/"),
    "https://fa\u00df.test/": ("https://xn--fa-hia.test", b"/"),
}


def test_urls_are_normalized() -> None:
    assert {url: locate(url) for url in LOCATED} == LOCATED


def test_urls_that_cannot_be_requested_are_rejected() -> None:
    urls = [
        "ftp://a.test/",
        "https://",
        "/v2",
        "http://[::1",
        "http://a.test:x/",
        "http://a.test:99999/",
        "http://a b.test/",
        "http://a.test\\@b.test/",
        "http://\ud800.test/",
        "http://a.test/\ud800",
        "http://" + "\u00e4" * 80 + ".test/",
    ]
    for url in urls:
        with pytest.raises(ConfigurationError):
            locate(url)


async def test_a_body_that_is_read_by_another_task_can_be_stopped() -> None:
    started = anyio.Event()
    closed = False

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            yield b"first"
            started.set()
            await anyio.sleep_forever()
        finally:
            closed = True

    body = RequestBody(pieces())

    async def read() -> None:
        assert await anext(body) == b"first"
        with pytest.raises(anyio.ClosedResourceError):
            await anext(body)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await started.wait()
        await body.aclose()
        assert closed
    assert not body.exhausted
    with pytest.raises(anyio.ClosedResourceError):
        await anext(body)


async def test_an_error_of_the_operating_system_in_a_body_is_raised_as_it_is(
    transport: Made,
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        raise PermissionError("the disk")

    async with serving(Counting(OK)) as url, transport() as sends:
        with pytest.raises(PermissionError, match="the disk"):
            await sends.send(Request("POST", url, {}, body(), 60.0))


async def test_a_request_can_have_a_lower_limit_than_its_transport(transport: Made) -> None:
    async with serving(Counting(OK)) as url, transport() as sends:
        with pytest.raises(DecodeError, match="longer than max_bytes, 1"):
            await sends.send(Request("GET", url, {}, None, 5.0, 1))
        assert (await sends.send(Request("GET", url, {}, None, 5.0, 2))).content == b"{}"


async def test_streamed_bodies_over_a_client_of_the_user() -> None:
    async def body(*content: bytes) -> AsyncIterator[bytes]:
        for piece in content:
            yield piece

    server = Counting(OK)
    async with serving(server) as url, httpx.AsyncClient() as client:
        sends = HttpxTransport(client)
        headers = {"Content-Length": "4"}
        await sends.send(Request("POST", url, headers, body(b"ab", b"cd"), 60.0))
        with pytest.raises(ConfigurationError, match="ended 2 bytes before"):
            await sends.send(Request("POST", url, headers, body(b"ab"), 60.0))
        with pytest.raises(ConfigurationError, match="printable ASCII"):
            await sends.send(Request("POST", url, {"X-A": "\u00e9"}, None, 60.0))
        with pytest.raises(ConfigurationError):
            await sends.send(Request("POST", "ftp://x/", {}, None, 60.0))
    assert server.requests[0].endswith(b"abcd")


async def test_errors_of_h11_and_of_sockets_are_sunco_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import h11  # noqa: PLC0415 - next to its use
    import httpcore  # noqa: PLC0415

    for error in (
        h11.LocalProtocolError("Too much data for declared Content-Length"),
        OSError("socket"),
        anyio.BrokenResourceError(),
        httpcore.UnsupportedProtocol("x"),
    ):

        async def fail(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(httpcore.AsyncHTTPConnection, "handle_async_request", fail)
        sends = HttpxTransport()
        with pytest.raises(APIConnectionError):
            await sends.send(Request("GET", "http://127.0.0.1:1/", {}, None, 60.0))


class Stalled:
    """A connection that takes nothing, whose peer rejects the request meanwhile."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.sending = anyio.Event()

    async def send(self, data: bytes) -> None:
        del data
        self.sending.set()
        await anyio.sleep_forever()

    async def receive(self, size: int) -> bytes:
        del size
        await self.sending.wait()
        return b"HTTP/1.1 413 Content Too Large\r\n\r\n"

    def extra(self, attribute: object, default: object = None) -> object:
        del attribute, default
        return self.end


async def test_a_body_that_is_rejected_while_it_is_sent_ends_at_once() -> None:
    near, far = socket.socketpair()
    with near, far:
        stream = _network._Stream(_network.TrackedBackend(), cast("Any", Stalled(near)))
        with anyio.fail_after(60), pytest.raises(httpcore.WriteError, match="responded before"):
            await stream.write(b"x" * _network._MAX_PENDING)
        assert (await stream.read(12)) == b"HTTP/1.1 413"
