from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import h11
import pytest
from support.server import read_request, serving

from sunco.emulator.delivery import senders
from sunco.emulator.delivery.senders import send_over_http

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from anyio.abc import ByteStream

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Received:
    content = b""


@asynccontextmanager
async def server(*response: bytes) -> AsyncGenerator[tuple[str, Received], None]:
    """A server that reads a request to its end and responds with these bytes, one at a time."""
    received = Received()

    async def respond(stream: ByteStream) -> None:
        received.content = await read_request(stream)
        for part in response:
            await stream.send(part)

    with anyio.fail_after(60):
        async with serving(respond) as url:
            yield url, received


@pytest.mark.parametrize(
    ("response", "status"),
    [
        ([OK], 200),
        ([OK[:9], OK[9:]], 200),
        ([b"HTTP/1.1 100 Continue\r\n\r\n" + OK], 200),
        ([b"HTTP/1.1 503 Busy\r\nconnection: close\r\n\r\n"], 503),
        ([b"HTTP/1.0 204 Done\r\n\r\n"], 204),
        ([b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n", b"{", b"}"], 201),
    ],
)
async def test_a_call_over_http(response: list[bytes], status: int) -> None:
    async with server(*response) as (url, received):
        called = await send_over_http(f"{url}/a%20b?c=d", {"x-api-key": "k"}, b"{}")
    assert called.status == status
    head, _, body = received.content.partition(b"\r\n\r\n")
    line, *headers = head.split(b"\r\n")
    assert line == b"POST /a%20b?c=d HTTP/1.1"
    host = url.removeprefix("http://").encode()
    assert [one.lower() for one in headers] == [
        b"host: " + host,
        b"connection: close",
        b"content-length: 2",
        b"x-api-key: k",
    ]
    assert body == b"{}"


@pytest.mark.parametrize("response", [b"SSH-2.0\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n"])
async def test_what_is_no_http_is_an_error(response: bytes) -> None:
    async with server(response) as (url, _):
        with pytest.raises(h11.RemoteProtocolError):
            await send_over_http(url, {}, b"{}")


async def test_nobody_listens() -> None:
    async with server(OK) as (url, _):
        pass
    with pytest.raises(OSError, match=r"All connection attempts failed|refused"):
        await send_over_http(url, {}, b"{}")


@pytest.mark.parametrize("url", ["ftp://example.org", "http:///path", "nowhere"])
async def test_what_is_no_http_address_is_rejected(url: str) -> None:
    with pytest.raises(ValueError, match="Not an HTTP URL"):
        await send_over_http(url, {}, b"{}")


async def test_https_is_spoken_over_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    async def connect(*where: Any, **how: Any) -> None:
        asked.append((where, how))
        raise ConnectionRefusedError

    monkeypatch.setattr(senders, "connect_tcp", connect)
    with pytest.raises(ConnectionRefusedError):
        await send_over_http("https://example.org/a", {}, b"{}")
    assert asked == [(("example.org", 443), {"tls": True})]
