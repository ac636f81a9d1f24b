"""Files are streamed to where they go: bounded, retried where possible, whole or absent."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio.abc import ByteStream
from client.test_session import assert_no_secret
from support import server as servers
from support.server import Counting, read_request, serving, wait_for_open_connections

from sunco import APIConnectionError, DecodeError, RetryPolicy, ServerError, Sunco
from sunco.transport._response_body import ResponseBody
from transport.conftest import Made

pytestmark = pytest.mark.anyio

FILE = bytes(range(256)) * 2000
SHORT_LIMIT = 1000


def response(content: bytes, *, length: int | None = None, encoding: str = "") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content) if length is None else length}\r\n"
    if encoding:
        head += f"Content-Encoding: {encoding}\r\n"
    return f"{head}\r\n".encode() + content


def client(url: str, transport: Any) -> Sunco:
    return Sunco(
        app_id="a",
        key_id="app_k",
        key_secret="s3cret",
        base_url=url,
        retry=RetryPolicy(backoff=1e-6, max_backoff=1e-6),
        transport=transport,
    )


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


class Cut:
    """Cuts the first responses off in the middle, and closes the connection."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.requests = 0

    async def __call__(self, stream: ByteStream) -> None:
        while True:
            await read_request(stream)
            self.requests += 1
            if self.requests <= self.times:
                await stream.send(response(FILE[:300_000], length=len(FILE)))
                return
            await stream.send(response(FILE))


@pytest.mark.parametrize(
    "content",
    [response(FILE), response(gzip.compress(FILE), encoding="gzip")],
    ids=["plain", "gzip"],
)
async def test_a_file_can_be_longer_than_other_responses(
    transport: Made, tmp_path: Path, content: bytes
) -> None:
    path, writer = tmp_path / "file", io.BytesIO()
    path.write_bytes(b"before")
    server = Counting(content)
    async with serving(server) as url, transport(max_response_bytes=SHORT_LIMIT) as carrier:
        attachments = client(url, carrier).attachments
        assert await attachments.download(f"{url}/m", path) == len(FILE)
        assert await attachments.download(f"{url}/m", writer) == len(FILE)
        with pytest.raises(DecodeError, match="max_response_bytes, 1000"):
            await attachments.download(f"{url}/m")
    assert path.read_bytes() == writer.getvalue() == FILE
    assert names(tmp_path) == [path.name]
    assert server.opened == 1


async def test_a_client_of_the_users_streams_as_well() -> None:
    writer = io.BytesIO()
    async with (
        serving(Counting(response(FILE))) as url,
        httpx.AsyncClient() as own,
        servers.transport(own, max_response_bytes=SHORT_LIMIT) as carrier,
    ):
        await client(url, carrier).attachments.download(f"{url}/m", writer)
    assert writer.getvalue() == FILE


async def test_a_file_is_written_while_it_arrives(transport: Made) -> None:
    arrived = anyio.Event()

    class Writer:
        async def write(self, _: bytes) -> None:
            arrived.set()

    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        content = response(FILE)
        await stream.send(content[:10_000])
        await arrived.wait()
        await stream.send(content[10_000:])

    async with serving(behaviour) as url, transport() as carrier:
        with anyio.fail_after(60):
            size = await client(url, carrier).attachments.download(f"{url}/m", Writer())
    assert size == len(FILE)


async def test_a_path_is_written_again_after_a_connection_was_lost(
    transport: Made, tmp_path: Path
) -> None:
    server, path = Cut(2), tmp_path / "file"
    async with serving(server) as url, transport() as carrier:
        assert await client(url, carrier).attachments.download(f"{url}/m", path) == len(FILE)
    assert (path.read_bytes(), server.requests) == (FILE, 3)
    assert names(tmp_path) == [path.name]


async def test_a_writer_gets_nothing_twice(transport: Made) -> None:
    server, writer = Cut(9), io.BytesIO()
    async with serving(server) as url, transport() as carrier:
        with pytest.raises(APIConnectionError):
            await client(url, carrier).attachments.download(f"{url}/m", writer)
    assert FILE.startswith(writer.getvalue())
    assert (server.requests, len(writer.getvalue()) > 0) == (1, True)


async def test_before_the_first_byte_it_is_retried(transport: Made) -> None:
    error = b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy"
    writer = io.BytesIO()
    async with serving(Counting(error, error, response(FILE))) as url, transport() as carrier:
        await client(url, carrier).attachments.download(f"{url}/m", writer)
    assert writer.getvalue() == FILE


async def test_what_fails_leaves_the_path_as_it_was(transport: Made, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    error = b"HTTP/1.1 501 No\r\nContent-Length: 4\r\n\r\nbusy"
    async with serving(Counting(error, response(FILE))) as url, transport() as carrier:
        attachments = client(url, carrier).attachments
        with pytest.raises(ServerError):
            await attachments.download(f"{url}/m", path)
        with pytest.raises(DecodeError, match="longer than max_bytes, 400000"):
            await attachments.download(f"{url}/m", path, max_bytes=400_000)
    assert path.read_bytes() == b"before"
    assert names(tmp_path) == [path.name]


class Full(io.BytesIO):
    """A disk with room for one piece."""

    def write(self, data: Any, /) -> int:
        if self.tell():
            raise OSError("no space left")
        return super().write(data)


async def test_what_a_writer_raises_comes_out_as_it_is(transport: Made) -> None:
    server = Counting(response(FILE))
    async with serving(server) as url, transport(max_connections=1) as carrier:
        attachments = client(url, carrier).attachments
        for requests in (1, 2):
            with pytest.raises(OSError, match="no space left") as caught:
                await attachments.download(f"{url}/m", Full())
            assert_no_secret(caught.value)
            assert len(server.requests) == requests
        # The slot is free, and the connection not used again.
        assert await attachments.download(f"{url}/m", io.BytesIO()) == len(FILE)
        await wait_for_open_connections(server, 1)


async def test_a_download_can_be_cancelled(transport: Made, tmp_path: Path) -> None:
    server, path = Counting(response(FILE)), tmp_path / "file"

    class Writer:
        async def write(self, _: bytes) -> None:
            scope.cancel()
            await anyio.sleep_forever()

    async def behaviour(stream: ByteStream) -> None:
        await read_request(stream)
        await stream.send(response(FILE[:1000], length=len(FILE)))
        path_scope.cancel()
        await stream.receive()

    async with serving(server) as url, serving(behaviour) as slow, transport() as carrier:
        with anyio.CancelScope() as scope:
            await client(url, carrier).attachments.download(f"{url}/m", Writer())
        with anyio.CancelScope() as path_scope:
            await client(url, carrier).attachments.download(f"{slow}/m", path)
        assert scope.cancelled_caught
        assert path_scope.cancelled_caught
        assert await client(url, carrier).attachments.download(f"{url}/m", io.BytesIO()) > 0
    assert names(tmp_path) == []


class Slow(io.RawIOBase):
    """Takes a part of what it is given, as files without a buffer can."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = b""

    def write(self, data: Any, /) -> int:
        self.taken += data[: self.most]
        return min(len(data), self.most)


async def test_a_writer_can_take_a_part(transport: Made) -> None:
    async with serving(Counting(response(FILE))) as url, transport() as carrier:
        attachments = client(url, carrier).attachments
        slow = Slow(20_000)
        await attachments.download(f"{url}/m", slow)
        assert slow.taken == FILE
        with pytest.raises(OSError, match="took nothing"):
            await attachments.download(f"{url}/m", Slow(0))


@pytest.mark.skipif(os.name == "nt", reason="Windows has other devices, and links need a right")
async def test_links_and_devices_stay(transport: Made, tmp_path: Path) -> None:
    path, link, null = tmp_path / "file", tmp_path / "link", Path(os.devnull)
    link.symlink_to(path)
    async with serving(Counting(response(FILE))) as url, transport() as carrier:
        attachments = client(url, carrier).attachments
        assert await attachments.download(f"{url}/m", str(link)) == len(FILE)
        assert await attachments.download(f"{url}/m", null) == len(FILE)
    assert path.read_bytes() == FILE
    assert (link.is_symlink(), is_device(null)) == (True, True)


def is_device(path: Path) -> bool:
    return path.is_char_device()


class Pieces:
    """Keeps the sizes of what it gets."""

    spent = False

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def restart(self) -> None:
        raise AssertionError

    async def write(self, piece: bytes, /) -> None:
        self.sizes.append(len(piece))


async def test_what_is_decompressed_is_written_in_pieces() -> None:
    sink = Pieces()
    headers = {"content-encoding": "gzip"}
    body = ResponseBody(200, headers, 10_000_000, "max_bytes", sink)
    packed = gzip.compress(b"\0" * 10_000_000) + gzip.compress(b"")
    for start in range(0, len(packed), 1000):
        await body.write(packed[start : start + 1000])
    assert body.result() == b""
    assert sum(sink.sizes) == 10_000_000
    assert max(sink.sizes) <= 256 * 1024


async def test_what_is_left_in_the_decompressor_is_written() -> None:
    """The last byte of a deflate without a header can hold more than a piece takes."""
    sink = Pieces()
    body = ResponseBody(200, {"content-encoding": "deflate"}, 10_000_000, "max_bytes", sink)
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    await body.write(compressor.compress(b"\0" * 262_165) + compressor.flush())
    assert body.result() == b""
    assert sum(sink.sizes) == 262_165
