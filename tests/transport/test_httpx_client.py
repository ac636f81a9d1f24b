"""What goes through an httpx client: HTTP/2, proxies, a client of one's own, one over the pool."""

from __future__ import annotations

import gzip
import socket
import sys

import anyio
import httpx
import pytest
from anyio.abc import ByteStream
from support.server import (
    OK,
    Counting,
    get,
    post,
    read_request,
    responding,
    serving,
    tls_client,
    transport,
)

from sunco import APIConnectionError, ConfigurationError, DecodeError, HttpxTransport
from sunco.transport import OriginPool

pytestmark = pytest.mark.anyio


async def test_a_proxy_in_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Counting(OK)
    async with serving(server) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        async with transport(max_connections=1) as carrier:
            assert (await carrier.send(get("http://acme.test"))).content == b"{}"
            await carrier.send(get("http://acme.test"))
    assert server.requests[0].startswith(b"GET http://acme.test/v2 HTTP/1.1\r\n")
    assert b"Accept-Encoding: gzip, deflate\r\n" in server.requests[0]


async def test_http2_needs_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h2", None)
    with pytest.raises(ConfigurationError, match=r"httpx\[http2\]"):
        HttpxTransport(http2=True)


async def test_a_client_of_ones_own_is_taken_as_it_is() -> None:
    server = Counting(OK)
    async with serving(server) as url, httpx.AsyncClient(headers={"X-Own": "1"}) as client:
        async with transport(client) as carrier:
            assert (await carrier.send(get(url))).content == b"{}"
        assert not client.is_closed
        assert b"X-Own: 1" in server.requests[0]
        async with transport(client) as carrier:
            await client.aclose()
            with pytest.raises(ConfigurationError, match="is closed"):
                await carrier.send(get(url))


# httpx leaves its nested generators to the garbage collector, and trio says so.
@pytest.mark.filterwarnings("ignore:.*async_generator object")
async def test_limits_hold_over_a_client_of_ones_own() -> None:
    """Not decompressed by httpx, which knows no bound."""
    bomb = gzip.compress(b"\0" * 1_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    for encoding in (b"gzip", b"br"):
        response = head % (encoding, len(bomb)) + bomb
        async with (
            serving(responding(response)) as url,
            httpx.AsyncClient() as client,
            transport(client, max_response_bytes=1000) as carrier,
        ):
            with pytest.raises(DecodeError, match=r"longer than|not requested"):
                await carrier.send(get(url))


async def test_errors_of_a_custom_client() -> None:
    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)

    async with (
        serving(behaviour) as url,
        httpx.AsyncClient() as client,
        transport(client) as carrier,
    ):
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post(url))
        assert caught.value.maybe_delivered
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post("http://127.0.0.1:1"))
        assert not caught.value.maybe_delivered


class TestUnderAClient:
    """`OriginPool` as the transport of an `httpx.AsyncClient`."""

    async def test_requests(self) -> None:
        server = Counting(OK)
        async with serving(server) as url, httpx.AsyncClient(transport=OriginPool()) as client:
            for _ in range(3):
                response = await client.post(url, json={})
                assert (response.status_code, response.http_version) == (200, "HTTP/1.1")
                assert response.json() == {}
            with pytest.raises(httpx.UnsupportedProtocol, match="connects to"):
                await client.get("http://127.0.0.1:1")
            assert server.opened == 1

    async def test_a_body_left_half_way_taints_its_connection(self) -> None:
        server = Counting(OK)
        async with serving(server) as url:
            pool = OriginPool(url, max_connections=1)
            async with httpx.AsyncClient(transport=pool) as client:
                for _ in range(2):
                    async with client.stream("GET", url):
                        pass
                assert server.opened == 2

    async def test_timeouts(self) -> None:
        async def behaviour(stream: ByteStream) -> None:
            await read_request(stream)
            await stream.send(OK[:-1])
            await anyio.sleep_forever()

        async with serving(behaviour) as url:
            pool = OriginPool(url, max_connections=1)
            timeout = httpx.Timeout(5, pool=0.01, read=0.05)
            async with httpx.AsyncClient(transport=pool, timeout=timeout) as client:
                async with client.stream("GET", url) as response:
                    with pytest.raises(httpx.PoolTimeout):
                        await client.get(url)
                    with pytest.raises(httpx.ReadTimeout):
                        await response.aread()
                with pytest.raises(httpx.ReadTimeout):
                    await client.get(url)

    # The body's generator is httpx's, and left to the garbage collector.
    @pytest.mark.filterwarnings("ignore:.*async_generator object")
    async def test_a_write_that_blocks_is_timed(self) -> None:
        # A server that never accepts reads nothing: the kernel's buffers fill, and stay full.
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            timeout = httpx.Timeout(5, write=0.05)
            async with httpx.AsyncClient(transport=OriginPool(), timeout=timeout) as client:
                with pytest.raises(httpx.WriteTimeout):
                    await client.post(url, content=b"x" * 30_000_000)

    async def test_closing(self) -> None:
        async def behaviour(stream: ByteStream) -> None:
            await read_request(stream)
            await anyio.sleep_forever()

        async with serving(behaviour) as url:
            pool = OriginPool(url, max_connections=1)
            client = httpx.AsyncClient(transport=pool, timeout=None)  # noqa: S113 - it is closed

            async def send() -> None:
                with pytest.raises((httpx.ReadError, httpx.ConnectError)):
                    await client.get(url)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(send)
                tasks.start_soon(send)
                await anyio.wait_all_tasks_blocked()
                await client.aclose()

    async def test_an_unfinished_handshake(self) -> None:
        async def behaviour(stream: ByteStream) -> None:
            while True:
                await stream.receive()

        timeout = httpx.Timeout(5, connect=0.05)
        pool = OriginPool(ssl_context=tls_client())
        async with (
            serving(behaviour) as url,
            httpx.AsyncClient(transport=pool, timeout=timeout) as client,
        ):
            with pytest.raises(httpx.ConnectTimeout):
                await client.get(url.replace("http:", "https:"))

    async def test_cancelling(self) -> None:
        async def behaviour(stream: ByteStream) -> None:
            await read_request(stream)
            await anyio.sleep_forever()

        async with serving(behaviour) as url:
            pool = OriginPool(url, max_connections=1)
            async with httpx.AsyncClient(transport=pool) as client:
                for _ in range(2):
                    with anyio.move_on_after(0.05) as scope:
                        await client.get(url)
                    assert scope.cancelled_caught

    async def test_no_connection(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
            async with httpx.AsyncClient(transport=OriginPool()) as client:
                with pytest.raises(httpx.ConnectError):
                    await client.get(url)
