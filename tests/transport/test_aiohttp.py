"""What is peculiar to aiohttp."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import anyio
import pytest
from anyio.abc import ByteStream
from support.server import OK, Counting, get, read_request, serving, transport

from sunco import APIConnectionError, ConfigurationError, Request
from sunco.transport import AiohttpTransport

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_nothing_is_sent_twice_behind_ones_back() -> None:
    """aiohttp repeats a GET or DELETE whose kept connection was lost, and reports it to nobody."""
    requests = 0

    async def behaviour(stream: ByteStream) -> None:
        nonlocal requests
        for keep in (True, False):
            await read_request(stream)
            requests += 1
            if keep:
                await stream.send(OK)

    async with serving(behaviour) as url, transport(kind=AiohttpTransport) as carrier:
        await carrier.send(get(url))
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(Request("DELETE", url))
    assert requests == 2
    assert caught.value.maybe_delivered


async def test_large_bodies_are_not_written_at_once() -> None:
    server = Counting(OK)
    async with serving(server) as url, transport(kind=AiohttpTransport) as carrier:
        await carrier.send(Request("POST", url, {}, b"x" * 2_000_000, 60.0))
    assert b"content-length: 2000000\r\n" in server.requests[0].lower()
    assert server.requests[0].endswith(b"x" * 2_000_000)


async def test_a_proxy_in_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    server, direct = Counting(OK), Counting(OK)
    async with serving(server) as proxy, serving(direct) as url:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with transport(kind=AiohttpTransport) as carrier:
            await carrier.send(get("http://acme.test"))
            await carrier.send(get(url))
    assert server.requests[0].startswith(b"GET http://acme.test/v2 HTTP/1.1\r\n")
    assert len(direct.requests) == 1


async def test_a_response_before_the_body_was_sent() -> None:
    responded = anyio.Event()

    async def behaviour(stream: ByteStream) -> None:
        await stream.receive()
        await stream.send(OK)
        await responded.wait()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await anyio.sleep_forever()

    async with serving(behaviour) as url, transport(kind=AiohttpTransport) as carrier:
        assert (await carrier.send(Request("POST", url, {}, body(), 60.0))).content == b"{}"
        responded.set()


async def test_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "sunco.transport._aiohttp_backend", raising=False)
    monkeypatch.delattr("sunco.transport._aiohttp_backend", raising=False)
    with pytest.raises(ConfigurationError, match=r"sunco\[aiohttp\]"):
        AiohttpTransport()


async def test_closing_what_was_never_used() -> None:
    await AiohttpTransport().aclose()


@pytest.mark.parametrize("anyio_backend", ["trio"])
class TestOnTrio:
    async def test_it_says_that_it_cannot(self) -> None:
        with pytest.raises(ConfigurationError, match="HttpxTransport on trio"):
            await AiohttpTransport().send(get("http://acme.test"))
