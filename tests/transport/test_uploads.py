"""Streamed bodies: bytes are counted, error responses are read early, and no file is shared."""

from __future__ import annotations

import io
import socket
import struct
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from client.test_session import assert_no_secret
from support.server import (
    OK,
    Counting,
    get,
    read_request,
    serving,
    tls_client,
    tls_server,
    wait_for_open_connections,
)

from sunco import (
    APIStatusError,
    APITimeoutError,
    ConfigurationError,
    PayloadTooLargeError,
    RateLimitError,
    Request,
    RetryPolicy,
    Sunco,
    SuncoError,
)
from sunco.multipart import Multipart
from transport.conftest import Made

pytestmark = pytest.mark.anyio

BUSY = b"HTTP/1.1 429 Busy\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
TOO_LARGE = BUSY.replace(b"429 Busy", b"413 No")
UPLOADED = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 45\r\n\r\n"
    b'{"attachment":{"mediaUrl":"https://m.test/f"}}'
).replace(b"Length: 45", b"Length: 46")


def client(url: str, transport: Any, **retry: Any) -> Sunco:
    settings: dict[str, Any] = {"backoff": 1e-6, "max_backoff": 1e-6, **retry}
    policy = RetryPolicy(**settings)
    return Sunco(
        app_id="a",
        key_id="app_k",
        key_secret="s3cret",
        base_url=url,
        retry=policy,
        transport=transport,
    )


async def pieces(*content: Any) -> AsyncIterator[Any]:
    for piece in content:
        yield piece


class Shrinking(io.BytesIO):
    """A file that is truncated after its first part has been read."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.truncate(self.tell())
        return data


async def read_head(stream: ByteStream) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive()
    return received


async def test_the_request_after_a_truncated_upload_is_not_read_as_the_rest_of_the_file(
    transport: Made,
) -> None:
    """The server responds early and keeps its connections open."""
    streams: list[bytes] = []

    async def behaviour(stream: ByteStream) -> None:
        number = len(streams)
        streams.append(b"")
        streams[number] += await read_head(stream)
        await stream.send(BUSY)
        while True:
            streams[number] += await stream.receive()

    async with serving(behaviour) as url, transport() as sends:
        sunco = client(url, sends, max_attempts=1)
        with pytest.raises(SuncoError):
            await sunco.attachments.upload(Shrinking(b"x" * 300_000), filename="a.bin")
        with pytest.raises(RateLimitError):
            await sunco.users.get("ada")
    assert len(streams) == 2
    assert b"GET " not in streams[0]
    assert streams[1].startswith(b"GET /v2/apps/a/users/ada ")


async def test_a_truncated_upload_fails_and_closes_its_connection(transport: Made) -> None:
    server = Counting(OK)
    async with serving(server) as url, transport() as sends:
        sunco = client(url, sends)
        with pytest.raises(ConfigurationError, match="must not change while it is sent") as caught:
            await sunco.attachments.upload(Shrinking(b"x" * 300_000), filename="a.bin")
        await wait_for_open_connections(server, 0)
        assert not caught.value.outcome_unknown
        assert_no_secret(caught.value)
    assert server.requests == []


BAD_BODIES: list[tuple[tuple[Any, ...], str]] = [
    ((b"abc",), "ended 2 bytes before"),
    ((b"abc", b"def"), "has 1 bytes more"),
    ((b"abc", "de"), "must consist of bytes, not str"),
    ((None,), "must consist of bytes, not NoneType"),
]


@pytest.mark.parametrize(("content", "said"), BAD_BODIES)
async def test_a_body_of_another_length_or_type_than_announced_is_a_configuration_error(
    transport: Made, content: tuple[Any, ...], said: str
) -> None:
    server = Counting(OK)
    async with serving(server) as url, transport() as sends:
        headers = {"Content-Length": "5", "Authorization": "Basic s3cret"}
        with pytest.raises(ConfigurationError, match=said) as caught:
            await sends.send(Request("POST", url, headers, pieces(*content), 60.0))
        assert_no_secret(caught.value)
        await wait_for_open_connections(server, 0)
        assert (await sends.send(get(url))).content == b"{}"
    assert len(server.requests) == 1


async def test_bytes_like_pieces_are_sent(transport: Made) -> None:
    server = Counting(OK)
    async with serving(server) as url, transport() as sends:
        content = pieces(bytearray(b"ab"), memoryview(b"cd"), b"e")
        await sends.send(Request("POST", url, {"Content-Length": "5"}, content, 60.0))
    assert server.requests[0].endswith(b"\r\n\r\nabcde")


async def test_a_wrong_length_of_a_whole_body_is_corrected(transport: Made) -> None:
    server = Counting(OK)
    async with serving(server) as url, transport() as sends:
        headers = {"Content-Length": "99", "Transfer-Encoding": "chunked"}
        await sends.send(Request("POST", url, headers, b"abc", 60.0))
    head = server.requests[0].lower()
    assert b"content-length: 3\r\n" in head
    assert b"transfer-encoding" not in head


class SlowFile(io.BytesIO):
    """A file that counts its concurrent readers."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.readers = 0
        self.most_readers = 0
        self.go_on = threading.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        self.readers += 1
        self.most_readers = max(self.most_readers, self.readers)
        self.go_on.wait(0.05)
        try:
            return super().read(size)
        finally:
            self.readers -= 1


async def test_a_retry_does_not_read_a_file_that_is_still_being_read(transport: Made) -> None:
    bodies: list[bytes] = []

    async def behaviour(stream: ByteStream) -> None:
        if not bodies:
            bodies.append(await read_head(stream))
            await stream.send(BUSY)
            await anyio.sleep_forever()
        bodies.append(await read_request(stream))
        await stream.send(UPLOADED)

    file = SlowFile(bytes(range(256)) * 1000)
    async with serving(behaviour) as url, transport() as sends:
        await client(url, sends).attachments.upload(file, filename="a.bin")
    assert file.most_readers == 1
    assert file.getvalue() in bodies[1]


async def test_a_read_of_an_earlier_attempt_leaves_the_file_alone() -> None:
    body = Multipart(io.BytesIO(b"content"), filename="a.bin", content_type="text/plain")
    late, current = aiter(body), aiter(body)
    assert b"content" not in b"".join([chunk async for chunk in late])
    assert b"content" in b"".join([chunk async for chunk in current])


async def test_a_timeout_while_a_file_is_read_is_not_retried_before_the_read_ends(
    transport: Made,
) -> None:
    async def behaviour(stream: ByteStream) -> None:
        await stream.receive()
        await anyio.sleep_forever()

    file = SlowFile(b"x" * 1000)
    async with serving(behaviour) as url, transport() as sends:
        with pytest.raises(APITimeoutError):
            await (
                client(url, sends, max_attempts=2)
                .with_options(timeout=0.01)
                .attachments.upload(file, filename="a.bin")
            )
    assert file.most_readers <= 1


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_an_error_response_during_an_upload_is_raised_while_the_server_does_not_read(
    transport: Made,
    tls: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    """The kernel's buffers are full: the upload would block until the timeout."""

    async def behaviour(stream: ByteStream) -> None:
        await read_head(stream)
        await stream.send(TOO_LARGE)
        await anyio.sleep_forever()

    own = {"ssl_context": tls_client()} if tls else {}
    async with serving(behaviour, tls_server() if tls else None) as url, transport(**own) as sends:
        sunco = client(url, sends).with_options(timeout=60)
        with anyio.fail_after(60), pytest.raises(PayloadTooLargeError):
            await sunco.attachments.upload(io.BytesIO(b"x" * 30_000_000), filename="a.bin")


async def test_an_error_response_before_a_late_part_of_the_body_is_raised(transport: Made) -> None:
    responded = anyio.Event()

    async def behaviour(stream: ByteStream) -> None:
        await read_head(stream)
        # In two parts, the first of which is not enough to know the status.
        await stream.send(TOO_LARGE[:5])
        await stream.send(TOO_LARGE[5:])
        responded.set()
        await anyio.sleep_forever()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 70_000
        await responded.wait()
        for _ in range(100):
            yield b"x" * 1_000_000

    async with serving(behaviour) as url, transport() as sends:
        with anyio.fail_after(60):
            response = await sends.send(Request("POST", url, {}, body(), 60.0))
    assert response.status == 413


async def test_an_error_response_whose_status_line_comes_in_pieces_is_raised(
    transport: Made,
) -> None:
    begun, wanted, responded = anyio.Event(), anyio.Event(), anyio.Event()

    async def behaviour(stream: ByteStream) -> None:
        await read_head(stream)
        await stream.send(TOO_LARGE[:5])
        begun.set()
        await wanted.wait()
        await stream.send(TOO_LARGE[5:])
        responded.set()
        await anyio.sleep_forever()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 70_000
        await begun.wait()
        yield b"x" * 70_000
        wanted.set()
        await responded.wait()
        for _ in range(100):
            yield b"x" * 1_000_000

    async with serving(behaviour) as url, transport() as sends:
        with anyio.fail_after(60):
            response = await sends.send(Request("POST", url, {}, body(), 5.0))
    assert response.status == 413


async def test_an_early_interim_or_success_response_does_not_end_an_upload(
    transport: Made,
) -> None:
    size = 1_000_000
    received = 0

    async def behaviour(stream: ByteStream) -> None:
        nonlocal received
        head = await read_head(stream)
        received = len(head.partition(b"\r\n\r\n")[2])
        await stream.send(OK[:40])
        while received < size:
            received += len(await stream.receive())
        await stream.send(OK[40:])

    async def body() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * (size // 10)
            await anyio.sleep(0.001)

    async with serving(behaviour) as url, transport() as sends:
        headers = {"Content-Length": str(size)}
        response = await sends.send(Request("POST", url, headers, body(), 60.0))
    # aiohttp stops an upload at any complete response; this one is complete at its end only.
    assert (response.status, response.content) == (200, b"{}")
    assert received == size


async def test_a_server_that_resets_during_an_upload_is_a_sunco_error(transport: Made) -> None:
    async def behaviour(stream: ByteStream) -> None:
        await stream.receive()
        raw = stream.extra(SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async with serving(behaviour) as url, transport() as sends:
        with pytest.raises(SuncoError) as caught:
            await client(url, sends).attachments.upload(b"x" * 20_000_000, filename="a.bin")
        assert not isinstance(caught.value, APIStatusError)
        assert_no_secret(caught.value)


async def test_an_upload_from_a_path_survives_an_early_429(transport: Made, tmp_path: Path) -> None:
    attempts = 0

    async def behaviour(stream: ByteStream) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await read_head(stream)
            await stream.send(BUSY)
            await anyio.sleep_forever()
        await read_request(stream)
        await stream.send(UPLOADED)

    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 3_000_000)
    async with serving(behaviour) as url, transport() as sends:
        attachment = await client(url, sends).attachments.upload(path)
    assert attachment.media_url == "https://m.test/f"
    assert attempts == 2


class TestWithoutANetwork:
    """What is independent of the transport, on one of them."""

    async def test_the_trace_of_an_error_of_the_body_leads_to_where_it_was_raised(
        self, transport: Made
    ) -> None:
        async def body() -> AsyncIterator[bytes]:
            yield b"x"
            raise LookupError("in the body")

        async with serving(Counting(OK)) as url, transport() as sends:
            # Since Python 3.13, traces show all lines of a call: the secret is in none of them.
            request = Request("POST", url, {"Authorization": "Basic s3cret"}, body(), 60.0)
            with pytest.raises(LookupError) as caught:
                await sends.send(request)
        assert caught.traceback[-1].name == "body"
        assert_no_secret(caught.value)
