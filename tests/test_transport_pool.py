"""The pool: what is reused, what is not, and that nothing is left over."""

from __future__ import annotations

import gzip
import socket
import ssl
import struct
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import httpcore
import httpx
import pytest
from anyio.abc import ByteStream, SocketAttribute
from servers import OK, answering, get, post, read_request, serving, transport
from test_session import assert_no_secret

from sunco import (
    APIConnectionError,
    ConfigurationError,
    DecodeError,
    HttpxTransport,
    Request,
)
from sunco.transport import OriginPool, _httpx, _line, _pool

pytestmark = pytest.mark.anyio

CERTIFICATE = Path(__file__).parent / "tls.pem"


class Counting:
    """Answers as told, and counts connections and those that are open."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.opened = 0
        self.open = 0
        self.requests: list[bytes] = []

    async def __call__(self, stream: ByteStream) -> None:
        self.opened += 1
        self.open += 1
        try:
            while True:
                self.requests.append(await read_request(stream))
                await stream.send(self.answers[min(len(self.requests), len(self.answers)) - 1])
        finally:
            self.open -= 1


async def settled(server: Counting, open_connections: int) -> None:
    """Wait until the server has noticed what was closed."""
    with anyio.fail_after(5):
        while server.open != open_connections:  # noqa: ASYNC110 - the kernel gives no event
            await anyio.sleep(0.001)


async def test_the_last_used_is_used_next() -> None:
    server = Counting(OK)
    async with serving(server) as url, transport() as carrier:
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(carrier.send, get(url))
        assert server.opened == 4
        for _ in range(5):
            await carrier.send(get(url))
        assert server.opened == 4
        await carrier.aclose()
        await settled(server, 0)


async def test_a_connection_that_the_server_has_closed_is_not_used() -> None:
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


async def test_idle_connections_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(_pool, "monotonic", lambda: now)
    server = Counting(OK)
    async with serving(server) as url, transport(keepalive_expiry=5.0) as carrier:

        async def send_at_once(count: int) -> None:
            async with anyio.create_task_group() as tasks:
                for _ in range(count):
                    tasks.start_soon(carrier.send, get(url))

        await send_at_once(3)
        now = 104.0
        await send_at_once(1)
        assert (server.opened, server.open) == (3, 3)
        now = 106.0
        await send_at_once(1)
        await settled(server, 1)
        now = 112.0
        await send_at_once(2)
        await settled(server, 2)
        assert server.opened == 5


async def test_what_comes_unasked_is_nobodys_answer() -> None:
    other = OK.replace(b"{}", b"[]")
    server = Counting(OK + other, OK)
    async with serving(server) as url, transport() as carrier:
        assert (await carrier.send(get(url))).content == b"{}"
        assert (await carrier.send(get(url))).content == b"{}"
    assert server.opened == 2


async def test_connection_close_is_obeyed() -> None:
    server = Counting(OK.replace(b"Content-Type", b"Connection: close\r\nContent-Type"))
    async with serving(server) as url, transport() as carrier:
        for _ in range(3):
            await carrier.send(get(url))
        assert server.opened == 3
        await settled(server, 0)


async def test_closing_ends_what_is_under_way() -> None:
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


async def test_a_body_that_closes_its_own_transport_ends_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sunco.transport._attempts._LONGEST_CLOSE", 0.01)

    async def body() -> AsyncIterator[bytes]:
        await carrier.aclose()
        yield b"never"

    async with serving(answering(OK)) as url, transport() as carrier:
        with pytest.raises(APIConnectionError, match="closed meanwhile") as caught:
            await carrier.send(Request("POST", url, {}, body(), 5.0))
    assert not caught.value.maybe_delivered


async def test_a_streamed_body_that_fails_has_sent_nothing() -> None:
    server = Counting(OK)

    async def body() -> AsyncIterator[bytes]:
        yield b"half"
        raise LookupError

    async with serving(server) as url, transport(max_connections=1) as carrier:
        with pytest.raises(LookupError):
            await carrier.send(Request("POST", url, {"Content-Length": "9"}, body(), 5.0))
        await settled(server, 0)
        assert server.requests == []
        assert (await carrier.send(get(url))).content == b"{}"


async def test_a_large_body_is_streamed_piece_by_piece() -> None:
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
                with anyio.fail_after(5):
                    while size < 16 * 16384:  # noqa: ASYNC110 - as above
                        await anyio.sleep(0.001)

    async with serving(behaviour) as url, transport() as carrier:
        assert (await carrier.send(Request("POST", url, {}, body(), 5.0))).content == b"{}"


async def test_a_refusal_before_the_body_was_read_is_the_answer() -> None:
    refusal = b"HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    answered = anyio.Event()

    async def behaviour(stream: ByteStream) -> None:
        await stream.receive()
        await stream.send(refusal)
        await stream.aclose()
        answered.set()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 70_000
        await answered.wait()
        yield b"x" * 10
        for _ in range(20):
            await anyio.sleep(0.001)
            yield b"x" * 1_000_000

    async with serving(behaviour) as url, transport() as carrier:
        # The kernel may throw the answer away with the connection that was reset.
        with suppress(APIConnectionError):
            assert (await carrier.send(Request("POST", url, {}, body(), 5.0))).status == 413


async def test_a_request_out_of_time_has_sent_nothing() -> None:
    server = Counting(OK)
    async with serving(server) as url, transport() as carrier:
        await carrier.send(get(url))
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post(url, 0))
        assert not caught.value.maybe_delivered
        assert len(server.requests) == 1


async def test_headers_that_cannot_be_sent() -> None:
    async with serving(answering(OK)) as url, transport() as carrier:
        bad = {"Authorization": "Basic s3cret", "X-Name": "J\u00f6rg"}
        with pytest.raises(ConfigurationError, match="ASCII") as refused:
            await carrier.send(Request("GET", url, bad))
        assert_no_secret(refused.value)
        with pytest.raises(APIConnectionError, match="LocalProtocolError") as caught:
            await carrier.send(Request("GET", url, {"X-Name": "a\r\nX-Other: b"}))
        assert not caught.value.maybe_delivered


async def test_what_goes_out() -> None:
    server = Counting(OK)
    own = {"host": "acme.test", "accept-encoding": "identity"}
    async with serving(server) as url, transport() as carrier:
        await carrier.send(Request("PATCH", f"{url}/caf\u00e9 au lait?q=1#part", own))
        await carrier.send(Request("GET", url))
    patched, got = (request.decode().split("\r\n") for request in server.requests)
    assert patched == [
        "PATCH /caf%C3%A9%20au%20lait?q=1 HTTP/1.1",
        "host: acme.test",
        "accept-encoding: identity",
        "Content-Length: 0",
        "",
        "",
    ]
    host = f"Host: {url.removeprefix('http://')}"
    assert got == ["GET / HTTP/1.1", host, "Accept-Encoding: gzip, deflate", "", ""]


@pytest.mark.parametrize("url", ["ftp://x/", "https://", "/v2", "http://[::1", "http://x:y/"])
async def test_what_is_no_url(url: str) -> None:
    async with transport() as carrier:
        with pytest.raises(ConfigurationError):
            await carrier.send(Request("GET", url))


async def test_a_host_that_no_name_service_takes() -> None:
    async with transport() as carrier:
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(Request("GET", f"http://{'a' * 70}.test/"))
    assert not caught.value.maybe_delivered


async def test_each_origin_has_its_own_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_httpx, "_MOST_POOLS", 1)
    one, two = Counting(OK), Counting(OK)
    busy = anyio.Event()

    async def slow(stream: ByteStream) -> None:
        await read_request(stream)
        await busy.wait()
        await stream.send(OK)

    async with (
        serving(one) as first,
        serving(two) as second,
        serving(slow) as third,
        transport() as carrier,
        anyio.create_task_group() as tasks,
    ):
        await carrier.send(get(first))
        await carrier.send(get(second))
        await settled(one, 0)
        await carrier.send(get(second))
        assert (one.opened, two.opened, two.open) == (1, 1, 1)
        tasks.start_soon(carrier.send, get(third, None))
        await anyio.wait_all_tasks_blocked()
        # The pool that is busy stays, though there is one too many.
        await carrier.send(get(first))
        busy.set()


def tls_client() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATE)


async def test_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(CERTIFICATE)
    server = Counting(OK)
    async with serving(server, server_side) as url:
        async with transport(ssl_context=tls_client()) as carrier:
            for _ in range(3):
                assert (await carrier.send(post(url))).content == b"{}"
        assert server.opened == 1
        monkeypatch.setattr(_pool, "default_tls", tls_client)
        async with transport() as carrier:
            assert (await carrier.send(post(url))).content == b"{}"
        monkeypatch.undo()
        async with transport() as carrier:
            with pytest.raises(APIConnectionError, match="CERTIFICATE_VERIFY_FAILED") as caught:
                await carrier.send(post(url))
        assert not caught.value.maybe_delivered
    assert _pool.default_tls() is _pool.default_tls()


async def test_a_handshake_that_is_not_answered_leaves_nothing() -> None:
    gone = anyio.Event()

    async def behaviour(stream: ByteStream) -> None:
        try:
            while True:
                await stream.receive()
        finally:
            gone.set()

    async with serving(behaviour) as url, transport(ssl_context=tls_client()) as carrier:
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post(url.replace("http:", "https:"), 0.05))
        assert not caught.value.maybe_delivered
        with anyio.fail_after(5):
            await gone.wait()


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
        answer = head % (encoding, len(bomb)) + bomb
        async with (
            serving(answering(answer)) as url,
            httpx.AsyncClient() as client,
            transport(client, max_response_bytes=1000) as carrier,
        ):
            with pytest.raises(DecodeError, match=r"longer than|not asked for"):
                await carrier.send(get(url))


async def test_what_a_client_of_ones_own_tells() -> None:
    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        await anyio.sleep_forever()

    async with (
        serving(behaviour) as url,
        httpx.AsyncClient() as client,
        transport(client) as carrier,
    ):
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post(url, 0.05))
        assert caught.value.maybe_delivered
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post("http://127.0.0.1:1"))
        assert not caught.value.maybe_delivered


@pytest.mark.parametrize("name", ["max_connections", "max_response_bytes"])
def test_limits_that_let_nothing_through(name: str) -> None:
    limits: dict[str, Any] = {name: 0}
    with pytest.raises(ConfigurationError, match=name):
        HttpxTransport(**limits)


async def test_a_reset_in_the_middle_of_an_answer() -> None:
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


class TestUnderAClient:
    """`OriginPool` as the transport of an `httpx.AsyncClient`."""

    async def test_requests(self) -> None:
        server = Counting(OK)
        async with serving(server) as url, httpx.AsyncClient(transport=OriginPool()) as client:
            for _ in range(3):
                answer = await client.post(url, json={})
                assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")
                assert answer.json() == {}
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
                async with client.stream("GET", url) as answer:
                    with pytest.raises(httpx.PoolTimeout):
                        await client.get(url)
                    with pytest.raises(httpx.ReadTimeout):
                        await answer.aread()
                with pytest.raises(httpx.ReadTimeout):
                    await client.get(url)

    # The body's generator is httpx's, and left to the garbage collector.
    @pytest.mark.filterwarnings("ignore:.*async_generator object")
    async def test_a_write_that_blocks_is_timed(self) -> None:
        async def behaviour(_: ByteStream) -> None:
            await anyio.sleep_forever()

        timeout = httpx.Timeout(5, write=0.05)
        async with (
            serving(behaviour) as url,
            httpx.AsyncClient(transport=OriginPool(), timeout=timeout) as client,
        ):
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

    async def test_a_handshake_that_is_not_answered(self) -> None:
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


async def test_cancelling_at_any_point_leaves_nothing() -> None:
    """Whenever it is cancelled, the one slot is free again and the next answer is its own."""
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
            answer = await carrier.send(get(url))
            assert answer.content == b"%02d" % len(server.requests)


def test_readability_where_there_is_no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = socket.socketpair()
    with one, two:
        for _ in range(2):
            assert not _line.is_readable(one)
            two.send(b"x")
            assert _line.is_readable(one)
            one.recv(1)
            monkeypatch.delattr("select.poll", raising=False)


async def test_mocked_connections_may_have_done_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    async def vanish(*_: Any) -> None:
        raise httpcore.ReadError

    monkeypatch.setattr(httpcore.AsyncHTTPConnection, "handle_async_request", vanish)
    async with transport() as carrier:
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post("http://acme.test"))
    assert caught.value.maybe_delivered
