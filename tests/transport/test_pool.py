"""The pool: what is reused, what is not, and that nothing is left over."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import anyio
import httpcore
import httpx
import pytest
import respx
from anyio.abc import ByteStream
from support.server import (
    OK,
    Counting,
    get,
    post,
    read_request,
    responding,
    serving,
    transport,
    wait_for_open_connections,
)

from sunco import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    HttpxTransport,
    Request,
)
from sunco._clock import SystemClock
from sunco.transport import _common, _httpx

pytestmark = pytest.mark.anyio


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
        await wait_for_open_connections(server, 0)


async def test_idle_connections_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0

    def read(_: SystemClock) -> float:
        return now

    monkeypatch.setattr(SystemClock, "monotonic", read)
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
        await wait_for_open_connections(server, 1)
        now = 112.0
        await send_at_once(2)
        await wait_for_open_connections(server, 2)
        assert server.opened == 5


async def test_a_body_that_closes_its_own_transport_ends_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sunco.transport._inflight._MAX_CLOSE", 0.01)

    async def body() -> AsyncIterator[bytes]:
        await carrier.aclose()
        yield b"never"

    async with serving(responding(OK)) as url, transport() as carrier:
        with pytest.raises(APIConnectionError, match="closed meanwhile") as caught:
            await carrier.send(Request("POST", url, {}, body(), 60.0))
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
        "content-length: 0",
        "",
        "",
    ]
    host = f"host: {url.removeprefix('http://')}"
    assert got == ["GET / HTTP/1.1", host, "accept-encoding: gzip, deflate", "", ""]


async def test_each_origin_has_its_own_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_httpx, "_MAX_POOLS", 1)
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
        await wait_for_open_connections(one, 0)
        await carrier.send(get(second))
        assert (one.opened, two.opened, two.open) == (1, 1, 1)
        tasks.start_soon(carrier.send, get(third, None))
        await anyio.wait_all_tasks_blocked()
        # The pool that is busy stays, though there is one too many.
        await carrier.send(get(first))
        busy.set()


@pytest.mark.parametrize("name", ["max_connections", "max_response_bytes"])
def test_limits_that_let_nothing_through(name: str) -> None:
    limits: dict[str, Any] = {name: 0}
    with pytest.raises(ConfigurationError, match=name):
        HttpxTransport(**limits)


def test_readability_where_there_is_no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = socket.socketpair()
    with one, two:
        for _ in range(2):
            assert not _common.watched(one)()
            two.send(b"x")
            assert _common.watched(one)()
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


@pytest.mark.parametrize(
    ("error", "kind", "maybe_delivered"),
    [
        (httpx.ConnectError("x"), APIConnectionError, False),
        (httpx.ProxyError("x"), APIConnectionError, False),
        (httpx.UnsupportedProtocol("x"), APIConnectionError, False),
        (httpx.ConnectTimeout("x"), APITimeoutError, False),
        (httpx.PoolTimeout(""), APITimeoutError, False),
        (httpx.ReadTimeout("x"), APITimeoutError, True),
        (httpx.WriteTimeout("x"), APITimeoutError, True),
        (httpx.ReadError("x"), APIConnectionError, True),
        (httpx.WriteError("x"), APIConnectionError, True),
        (httpx.RemoteProtocolError("x"), APIConnectionError, True),
        (httpx.LocalProtocolError("x"), APIConnectionError, True),
    ],
)
async def test_errors_of_httpx(
    error: httpx.TransportError,
    kind: type[APIConnectionError],
    maybe_delivered: bool,  # noqa: FBT001 - a column of the table
    respx_mock: respx.MockRouter,
) -> None:
    respx_mock.route().mock(side_effect=error)
    async with transport() as carrier:
        with pytest.raises(APIConnectionError, match=type(error).__name__) as caught:
            await carrier.send(post("https://api.example.test"))
    assert type(caught.value) is kind
    assert caught.value.maybe_delivered is maybe_delivered


def test_httpcore_has_the_locks_that_the_pool_replaces() -> None:
    origin = httpcore.Origin(b"http", b"pool.test", 80)
    connection: Any = httpcore.AsyncHTTPConnection(origin)
    http11: Any = httpcore.AsyncHTTP11Connection(origin, httpcore.AsyncMockStream([]))
    locks = (connection._request_lock, http11._state_lock)
    assert {type(lock).__name__ for lock in locks} == {"AsyncLock"}
    assert connection._connection is None
