"""Both transports against servers that behave badly, on loopback sockets."""

from __future__ import annotations

import gzip
import pickle
import socket
from collections.abc import AsyncIterator

import anyio
import pytest
from anyio.abc import ByteStream
from client.test_session import assert_no_secret
from support.clock import quiet
from support.server import OK, get, post, read_request, responding, serving, tls_client

from sunco import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    DecodeError,
    JWTAuth,
    Request,
    RetryPolicy,
    Sunco,
)
from transport.conftest import Made

pytestmark = pytest.mark.anyio


async def test_a_response(transport: Made) -> None:
    seen: list[bytes] = []

    async def behaviour(stream: ByteStream) -> None:
        seen.append(await read_request(stream))
        await stream.send(
            b"HTTP/1.1 201 Created\r\nX-Thing: a\r\nX-Thing: b\r\nContent-Length: 3\r\n\r\nabc"
        )

    async with serving(behaviour) as url, transport() as carrier:
        response = await carrier.send(post(url))
    assert (response.status, response.content) == (201, b"abc")
    assert response.headers["X-THING"] == "a, b"
    assert seen[0].startswith(b"POST /v2 HTTP/1.1\r\n")
    assert seen[0].endswith(b'\r\n\r\n{"a":1}')


async def test_a_body_can_be_streamed(transport: Made) -> None:
    received = bytearray()

    async def behaviour(stream: ByteStream) -> None:
        while not received.endswith(b"0\r\n\r\n"):
            received.extend(await stream.receive())
        await stream.send(OK)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async with serving(behaviour) as url, transport() as carrier:
        response = await carrier.send(Request("POST", url, {}, chunks(), 60.0))
    assert response.content == b"{}"
    assert received.endswith(b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


async def test_connections_are_kept(transport: Made) -> None:
    connections = 0

    async def behaviour(stream: ByteStream) -> None:
        nonlocal connections
        connections += 1
        await responding(OK)(stream)

    async with serving(behaviour) as url, transport() as carrier:
        for _ in range(5):
            await carrier.send(get(url))
    assert connections == 1


async def test_nobody_there_is_known_not_to_be_delivered(transport: Made) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        async with transport() as carrier:
            with pytest.raises(APIConnectionError, match=r"Connect.*Error") as caught:
                await carrier.send(post(url))
    assert not caught.value.maybe_delivered
    assert_no_secret(caught.value)


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"garbage\r\n\r\n",
    ],
)
async def test_connections_lost_after_sending_may_have_delivered(
    response: bytes, transport: Made
) -> None:
    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        if response:
            await stream.send(response)

    async with serving(behaviour) as url, transport() as carrier:
        with pytest.raises(APIConnectionError) as caught:
            await carrier.send(post(url))
    assert caught.value.maybe_delivered
    assert_no_secret(caught.value)


async def test_silence_ends_with_a_timeout(transport: Made) -> None:
    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        await stream.send(OK)
        await read_request(stream)
        await anyio.sleep_forever()

    async with serving(behaviour) as url, transport() as carrier:
        # The connection is made, so that nothing but silence takes time.
        await carrier.send(get(url))
        with pytest.raises(APITimeoutError, match=r"timed out after 0\.2 s") as caught:
            await carrier.send(post(url, 0.2))
    assert caught.value.maybe_delivered
    assert_no_secret(caught.value)


async def test_a_trickle_ends_with_a_timeout(transport: Made) -> None:
    """The timeout is for the whole attempt: bytes that keep coming do not stretch it."""

    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            await stream.send(b" ")
            await anyio.sleep(0.01)

    async with serving(behaviour) as url, transport() as carrier:
        with pytest.raises(APITimeoutError) as caught:
            await carrier.send(post(url, 0.1))
    assert caught.value.maybe_delivered


async def test_waiting_for_a_turn_delivers_nothing(transport: Made) -> None:
    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        await anyio.sleep_forever()

    async with (
        serving(behaviour) as url,
        transport(max_connections=1) as carrier,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(carrier.send, get(url, None))
        await quiet()
        with pytest.raises(APITimeoutError) as caught:
            await carrier.send(post(url, 0.05))
        assert not caught.value.maybe_delivered
        tasks.cancel_scope.cancel()


async def test_a_connection_that_does_not_come_about_delivers_nothing(transport: Made) -> None:
    """A full backlog: the kernel leaves the handshake unanswered."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        address = deaf.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)  # noqa: FBT003 - the standard library's signature
            filler.connect_ex(address)
        async with transport() as carrier:
            with pytest.raises(APITimeoutError) as caught:
                await carrier.send(post(f"http://127.0.0.1:{address[1]}", 0.1))
        for filler in fillers:
            filler.close()
    assert not caught.value.maybe_delivered


async def test_redirects_are_not_followed(transport: Made) -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\nContent-Length: 0\r\n\r\n"
    async with serving(responding(redirect)) as url, transport() as carrier:
        assert (await carrier.send(get(url))).status == 302


async def test_responses_that_are_too_long_are_cut_off(transport: Made) -> None:
    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            await stream.send(b" " * 65536)

    async with serving(behaviour) as url, transport(max_response_bytes=100_000) as carrier:
        with pytest.raises(DecodeError, match="longer than max_response_bytes, 100000") as caught:
            await carrier.send(get(url))
    assert caught.value.status == 200


async def test_responses_of_exactly_the_limit_are_read(transport: Made) -> None:
    async with serving(responding(OK)) as url, transport(max_response_bytes=2) as carrier:
        assert (await carrier.send(get(url))).content == b"{}"


async def test_compressed_responses(transport: Made) -> None:
    packed = gzip.compress(b'{"a": 1}')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    async with serving(responding(head % len(packed) + packed)) as url, transport() as carrier:
        assert (await carrier.send(get(url))).content == b'{"a": 1}'
    async with serving(responding(head % 3 + b"abc")) as url, transport() as carrier:
        with pytest.raises(DecodeError, match="compression is broken"):
            await carrier.send(get(url))


async def test_cancelled_requests_leave_their_slot(transport: Made) -> None:
    silent = anyio.Event()

    async def behaviour(stream: ByteStream) -> None:
        while True:
            await read_request(stream)
            if silent.is_set():
                await stream.send(OK)

    async with serving(behaviour) as url, transport(max_connections=2) as carrier:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(carrier.send, get(url, None))
            await quiet()
            tasks.cancel_scope.cancel()
        silent.set()
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(carrier.send, get(url))


async def test_errors_say_all_of_it_and_no_secret(transport: Made) -> None:
    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)

    async with (
        serving(behaviour) as url,
        transport() as carrier,
        Sunco(
            app_id="a",
            key_id="app_k",
            key_secret="s3cret",
            base_url=url,
            retry=RetryPolicy(max_attempts=2, backoff=1e-6),
            transport=carrier,
        ) as sunco,
    ):
        with pytest.raises(APIConnectionError) as caught:
            await sunco.messages.post("c", "Hi")
        start, _, end = str(caught.value).partition("Server disconnected")
        assert start.startswith("POST /v2/apps/a/conversations/c/messages got no response: ")
        assert end.endswith(" It may have taken effect: check before you send it again.")
        assert_no_secret(caught.value)
        with pytest.raises(APIConnectionError) as caught:
            await sunco.users.get("u")
        assert caught.value.attempts == 2
        assert_no_secret(caught.value)


async def test_heads_of_a_hundred_kilobytes_are_read_by_every_transport(transport: Made) -> None:
    created = b"HTTP/1.1 201 Created\r\n%sContent-Length: 2\r\n\r\n{}"
    long = created % (b"X-Long: %s\r\n" % (b"a" * 60_000))
    many = created % b"".join(b"X-%d: %s\r\n" % (number, b"a" * 90) for number in range(500))
    for head in (long, many):
        async with serving(responding(head)) as url, transport() as sends:
            assert (await sends.send(post(url))).status == 201


async def test_heads_that_are_longer_are_errors_of_every_transport(transport: Made) -> None:
    created = b"HTTP/1.1 201 Created\r\n%sContent-Length: 2\r\n\r\n{}"
    long = created % (b"X-Long: %s\r\n" % (b"a" * 300_000))
    many = created % b"".join(b"X-%d: %s\r\n" % (number, b"a" * 90) for number in range(4000))
    for head in (long, many):
        async with serving(responding(head)) as url, transport() as sends:
            with pytest.raises(APIConnectionError) as caught:
                await sends.send(post(url))
            assert caught.value.maybe_delivered
            assert len(str(caught.value)) < 1000
            assert_no_secret(caught.value)


async def test_transports_can_be_pickled_without_their_connections(transport: Made) -> None:
    async with serving(responding(OK)) as url, transport(max_connections=7) as sends:
        await sends.send(get(url))
        copy = pickle.loads(pickle.dumps(sends))  # noqa: S301 - our own
        assert (await copy.send(get(url))).content == b"{}"
        await copy.aclose()
        own = type(sends)(ssl_context=tls_client())  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
        with pytest.raises(ConfigurationError, match="cannot be pickled"):
            pickle.dumps(own)


async def test_a_client_with_a_jwt_can_be_pickled(transport: Made) -> None:
    async with serving(responding(OK)) as url, transport() as sends:
        sunco = Sunco(
            app_id="a",
            auth=JWTAuth("app_k", "s3cret" * 10),
            base_url=url,
            rate_limit=1000,
            transport=sends,
        )
        await sunco.request("GET", "/v2/apps")
        copy = pickle.loads(pickle.dumps(sunco))  # noqa: S301 - our own
        async with copy:
            assert (await copy.request("GET", "/v2/apps")).status == 200
