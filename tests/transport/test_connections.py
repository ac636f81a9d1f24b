"""Connections: which are reused, which are not, and that nothing is left over."""

from __future__ import annotations

import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from client.test_session import assert_no_secret
from support.server import (
    OK,
    Counting,
    get,
    post,
    read_request,
    responding,
    serving,
    tls_client,
    tls_server,
    wait_for_open_connections,
)

from sunco import (
    APIConnectionError,
    ConfigurationError,
    Request,
)
from sunco.transport import _common
from transport.conftest import Made

pytestmark = pytest.mark.anyio


async def test_a_connection_that_the_server_has_closed_is_not_used(transport: Made) -> None:
    closed: list[anyio.Event] = []

    async def behaviour(stream: ByteStream) -> None:
        closed.append(anyio.Event())
        await read_request(stream)
        await stream.send(OK)
        await stream.aclose()
        closed[-1].set()

    async with serving(behaviour) as url, transport() as carrier:
        for _ in range(5):
            assert (await carrier.send(post(url))).content == b"{}"
            await closed[-1].wait()
    assert len(closed) == 5


async def test_what_comes_unasked_is_no_response(transport: Made) -> None:
    other = OK.replace(b"{}", b"[]")
    server = Counting(OK + other, OK)
    async with serving(server) as url, transport() as carrier:
        assert (await carrier.send(get(url))).content == b"{}"
        assert (await carrier.send(get(url))).content == b"{}"
    assert server.opened == 2


async def test_what_comes_unasked_while_idle_is_no_response(transport: Made) -> None:
    strays: list[anyio.Event] = []

    async def behaviour(stream: ByteStream) -> None:
        strays.append(anyio.Event())
        await read_request(stream)
        await stream.send(OK)
        await go.wait()
        await stream.send(OK.replace(b"{}", b"[]"))
        strays[-1].set()
        await read_request(stream)

    async with serving(behaviour) as url, transport() as carrier:
        for _ in range(3):
            go = anyio.Event()
            assert (await carrier.send(post(url))).content == b"{}"
            go.set()
            await strays[-1].wait()
    assert len(strays) == 3


async def test_connection_close_is_obeyed(transport: Made) -> None:
    server = Counting(OK.replace(b"Content-Type", b"Connection: close\r\nContent-Type"))
    async with serving(server) as url, transport() as carrier:
        for _ in range(3):
            await carrier.send(get(url))
        assert server.opened == 3
        await wait_for_open_connections(server, 0)


async def test_closing_ends_what_is_in_flight(transport: Made) -> None:
    """On its way, or waiting for its turn: both end, and know how far they got."""
    errors: dict[str, APIConnectionError] = {}

    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        await anyio.sleep_forever()

    async with serving(behaviour) as url, transport(max_connections=1) as carrier:

        async def send(name: str) -> None:
            with pytest.raises(APIConnectionError, match="closed meanwhile") as caught:
                await carrier.send(post(url, None))
            errors[name] = caught.value

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send, "sent")
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(send, "waiting")
            await anyio.wait_all_tasks_blocked()
            with anyio.CancelScope() as scope:
                scope.cancel()
                await carrier.aclose()
        assert {name: error.maybe_delivered for name, error in errors.items()} == {
            "sent": True,
            "waiting": False,
        }
        assert_no_secret(errors["sent"])
        with pytest.raises(ConfigurationError, match="is closed"):
            await carrier.send(get(url))
        await carrier.aclose()


async def test_a_streamed_body_that_fails_has_sent_nothing(transport: Made) -> None:
    server = Counting(OK)

    async def body() -> AsyncIterator[bytes]:
        yield b"half"
        raise LookupError

    async with serving(server) as url, transport(max_connections=1) as carrier:
        with pytest.raises(LookupError):
            await carrier.send(Request("POST", url, {"Content-Length": "9"}, body(), 60.0))
        await wait_for_open_connections(server, 0)
        assert server.requests == []
        assert (await carrier.send(get(url))).content == b"{}"


async def test_a_large_body_is_streamed_piece_by_piece(transport: Made) -> None:
    size = 0

    async def behaviour(stream: ByteStream) -> None:
        nonlocal size
        while size < 40 * 16384:
            size += len(await stream.receive())
        await stream.send(OK)

    async def body() -> AsyncIterator[bytes]:
        for number in range(40):
            yield b"x" * 16384
            if number == 20:
                with anyio.fail_after(60):
                    while size < 16 * 16384:  # noqa: ASYNC110 - as above
                        await anyio.sleep(0.001)

    async with serving(behaviour) as url, transport() as carrier:
        assert (await carrier.send(Request("POST", url, {}, body(), 60.0))).content == b"{}"


async def test_an_error_before_the_body_was_read_is_the_response(transport: Made) -> None:
    error_response = b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    responded = anyio.Event()

    async def behaviour(stream: ByteStream) -> None:
        await stream.receive()
        await stream.send(error_response)
        await stream.aclose()
        responded.set()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 70_000
        await responded.wait()
        yield b"x" * 10
        for _ in range(20):
            await anyio.sleep(0.001)
            yield b"x" * 1_000_000

    async with serving(behaviour) as url, transport() as carrier:
        # The kernel may throw the response away with the connection that was reset.
        with suppress(APIConnectionError):
            assert (await carrier.send(Request("POST", url, {}, body(), 60.0))).status == 413


async def test_a_request_out_of_time_has_sent_nothing(transport: Made) -> None:
    server = Counting(OK)
    async with serving(server) as url, transport() as carrier:
        await carrier.send(get(url))
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post(url, 0))
        assert not caught.value.maybe_delivered
        assert len(server.requests) == 1


async def test_headers_that_cannot_be_sent(transport: Made) -> None:
    async with serving(responding(OK)) as url, transport() as carrier:
        for name in ("J\u00f6rg", "a\r\nX-Other: b"):
            bad = {"Authorization": "Basic s3cret", "X-Name": name}
            with pytest.raises(ConfigurationError, match="ASCII") as caught:
                await carrier.send(Request("GET", url, bad))
            assert_no_secret(caught.value)
        for method, name in (("GE T", "X-Name"), ("GET", "X Name"), ("GET", "X:Name")):
            with pytest.raises(ConfigurationError, match="must not"):
                await carrier.send(Request(method, url, {name: "a"}))


@pytest.mark.parametrize("url", ["ftp://x/", "https://", "/v2", "http://[::1", "http://x:y/"])
async def test_what_is_no_url(transport: Made, url: str) -> None:
    async with transport() as carrier:
        with pytest.raises(ConfigurationError):
            await carrier.send(Request("GET", url))


async def test_a_host_that_no_name_service_takes(transport: Made) -> None:
    async with transport() as carrier:
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(Request("GET", f"http://{'a' * 70}.test/"))
    assert not caught.value.maybe_delivered


async def test_tls(transport: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Counting(OK)
    async with serving(server, tls_server()) as url:
        async with transport(ssl_context=tls_client()) as carrier:
            for _ in range(3):
                assert (await carrier.send(post(url))).content == b"{}"
        assert server.opened == 1
        for module in ("_pool", "_aiohttp_backend"):
            monkeypatch.setattr(f"sunco.transport.{module}.default_tls", tls_client)
        async with transport() as carrier:
            assert (await carrier.send(post(url))).content == b"{}"
        monkeypatch.undo()
        async with transport() as carrier:
            with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
                await carrier.send(post(url))
        assert not caught.value.maybe_delivered
    assert _common.default_tls() is _common.default_tls()


async def test_an_unfinished_handshake_leaves_nothing(transport: Made) -> None:
    begun, gone = anyio.Event(), anyio.Event()

    async def behaviour(stream: ByteStream) -> None:
        try:
            while True:
                await stream.receive()
                begun.set()
        finally:
            gone.set()

    async with serving(behaviour) as url, transport(ssl_context=tls_client()) as carrier:
        seconds = 0.05
        while not begun.is_set():
            with pytest.raises(APIConnectionError) as caught:
                await carrier.send(post(url.replace("http:", "https:"), seconds))
            assert not caught.value.maybe_delivered
            seconds *= 2
        with anyio.fail_after(60):
            await gone.wait()


async def test_a_reset_in_the_middle_of_a_response(transport: Made) -> None:
    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        await stream.send(OK[:-1])
        raw = stream.extra(SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await stream.aclose()

    async with serving(behaviour) as url, transport() as carrier:
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post(url))
    assert caught.value.maybe_delivered


async def test_cancelling_at_any_point_leaves_nothing(transport: Made) -> None:
    """Whenever it is cancelled, the one slot is free again and the next response is its own."""
    server = Counting(*(OK.replace(b"{}", b"%02d" % number) for number in range(1, 99)))
    async with serving(server) as url, transport(max_connections=1) as carrier:
        for checkpoints in range(30):
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as tasks:

                    async def cancel_later(steps: int = checkpoints, scope: Any = scope) -> None:
                        for _ in range(steps):
                            await anyio.lowlevel.checkpoint()
                        scope.cancel()

                    tasks.start_soon(cancel_later)
                    await carrier.send(get(url))
            response = await carrier.send(get(url))
            assert response.content == b"%02d" % len(server.requests)
