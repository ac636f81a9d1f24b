from __future__ import annotations

import io
import os
import re
from collections.abc import AsyncIterator
from email.message import Message as Part
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from support.scripted import ScriptedTransport, answer, refusal, scripted, urls

from sunco import APIConnectionError, ConfigurationError, RateLimitError, Request, Response, Sunco
from sunco.models.attachments import Attachment

pytestmark = pytest.mark.anyio

UPLOADED = answer({"attachment": {"mediaUrl": "https://m.test/f", "mediaType": "image/png"}}, 201)
LARGE = bytes(range(256)) * 1000


class ReadingTransport(ScriptedTransport):
    """Reads bodies as a transport does, and keeps them."""

    def __init__(self, *script: Response | Exception) -> None:
        super().__init__(*script)
        self.bodies: list[bytes] = []
        self.chunks: list[int] = []

    async def send(self, request: Request) -> Response:
        assert request.content is not None
        assert not isinstance(request.content, bytes)
        chunks = [chunk async for chunk in request.content]
        self.bodies.append(b"".join(chunks))
        self.chunks.append(len(chunks))
        return await super().send(request)


def client(*script: Response | Exception) -> tuple[Sunco, ReadingTransport]:
    transport = ReadingTransport(*script)
    return scripted(transport=transport)[0], transport


def part(request: Request, body: bytes) -> Part:
    """The one part of a multipart body, as a parser that knows nothing of sunco reads it."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    _, only = BytesParser().parsebytes(head + body).walk()
    return only


def content_of(only: Part) -> bytes:
    content = only.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class Again:
    """An async iterable that can be read any number of times."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return stream(b"ab", b"", b"cd")


async def test_bytes_go_out_byte_for_byte() -> None:
    sunco, transport = client(UPLOADED)
    attachment = await sunco.attachments.upload(
        b"abc", filename='a "é"\r\n.png', access="public", used_for="message", conversation_id="c/1"
    )
    assert attachment == Attachment(media_url="https://m.test/f", media_type="image/png")
    (request,), (body,) = transport.requests, transport.bodies
    assert request.method == "POST"
    assert urls([request]) == [
        "/v2/apps/app1/attachments?access=public&for=message&conversationId=c%2F1"
    ]
    boundary = request.headers["content-type"].removeprefix("multipart/form-data; boundary=")
    assert re.fullmatch("[0-9a-f]{32}", boundary)
    assert body.decode() == (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="source"; filename="a %22é%22%0D%0A.png"\r\n'
        "Content-Type: image/png\r\n"
        "\r\n"
        "abc\r\n"
        f"--{boundary}--\r\n"
    )
    assert request.headers["content-length"] == str(len(body))
    assert request.headers["authorization"].startswith("Basic ")


async def test_every_kind_of_source(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(LARGE)
    with path.open("rb") as file, path.open("rb") as half_read:
        half_read.seek(1000)
        sources: list[tuple[Any, bytes, str, str]] = [
            (LARGE, LARGE, "file", "application/octet-stream"),
            (bytearray(b"ab"), b"ab", "file", "application/octet-stream"),
            (memoryview(b"ab"), b"ab", "file", "application/octet-stream"),
            (b"", b"", "file", "application/octet-stream"),
            (path, LARGE, "notes.txt", "text/plain"),
            (str(path), LARGE, "notes.txt", "text/plain"),
            (file, LARGE, "notes.txt", "text/plain"),
            (half_read, LARGE[1000:], "notes.txt", "text/plain"),
            (io.BytesIO(LARGE), LARGE, "file", "application/octet-stream"),
        ]
        for source, content, filename, content_type in sources:
            sunco, transport = client(UPLOADED)
            await sunco.attachments.upload(source)
            only = part(transport.requests[0], transport.bodies[0])
            assert content_of(only) == content
            assert only.get_filename() == filename
            assert only.get_content_type() == content_type
            assert only.get_param("name", header="content-disposition") == "source"
            length = transport.requests[0].headers["content-length"]
            assert length == str(len(transport.bodies[0]))


async def test_large_files_are_streamed(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(LARGE)
    sunco, transport = client(UPLOADED)
    await sunco.attachments.upload(path)
    assert transport.chunks == [2 + -(-len(LARGE) // 65536)]


async def test_streams_of_unknown_length() -> None:
    for source in (stream(b"ab", b"", b"cd"), Again()):
        sunco, transport = client(UPLOADED)
        await sunco.attachments.upload(source, filename="x.pdf")
        (request,) = transport.requests
        assert "content-length" not in request.headers
        only = part(request, transport.bodies[0])
        assert (content_of(only), only.get_content_type()) == (b"abcd", "application/pdf")


async def test_pipes_are_read_to_their_end() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source:
        with os.fdopen(writing, "wb") as sink:
            sink.write(b"piped")
        sunco, transport = client(refusal(429, "x", "y"), UPLOADED)
        with pytest.raises(RateLimitError):
            await sunco.attachments.upload(source)
    only = part(transport.requests[0], transport.bodies[0])
    assert (content_of(only), only.get_filename()) == (b"piped", "file")
    assert len(transport.requests) == 1


async def test_a_file_that_grows_is_sent_as_it_was() -> None:
    source = io.BytesIO(b"abc")

    class Transport(ReadingTransport):
        async def send(self, request: Request) -> Response:
            end = source.seek(0, io.SEEK_END)
            source.write(b"more")
            source.seek(end)
            return await super().send(request)

    transport = Transport(UPLOADED)
    sunco, _ = scripted(transport=transport)
    await sunco.attachments.upload(source)
    assert content_of(part(transport.requests[0], transport.bodies[0])) == b"abc"


async def test_what_can_be_read_again_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(LARGE)
    busy = refusal(429, "too_many", "Slow down")
    with path.open("rb") as file:
        sources: list[tuple[Any, bytes]] = [
            (b"abc", b"abc"),
            (path, LARGE),
            (file, LARGE),
            (Again(), b"abcd"),
        ]
        for source, content in sources:
            sunco, transport = client(busy, busy, UPLOADED)
            await sunco.attachments.upload(source)
            assert len(transport.requests) == 3
            for request, body in zip(transport.requests, transport.bodies, strict=True):
                assert content_of(part(request, body)) == content


async def test_what_cannot_be_read_again_is_not() -> None:
    sunco, transport = client(refusal(429, "too_many", "Slow down"))
    with pytest.raises(RateLimitError) as caught:
        await sunco.attachments.upload(stream(b"ab"))
    assert caught.value.attempts == 1
    assert len(transport.requests) == 1


async def test_a_stream_that_nobody_has_touched_is_tried_again() -> None:
    class Refusing(ReadingTransport):
        async def send(self, request: Request) -> Response:
            if not self.requests:
                self.requests.append(request)
                raise APIConnectionError("ConnectError", maybe_delivered=False)
            return await super().send(request)

    transport = Refusing(UPLOADED)
    sunco, _ = scripted(transport=transport)
    await sunco.attachments.upload(stream(b"ab"))
    assert len(transport.requests) == 2


async def test_an_upload_that_may_have_arrived_is_not_repeated() -> None:
    sunco, transport = client(APIConnectionError("ReadError", maybe_delivered=True))
    with pytest.raises(APIConnectionError):
        await sunco.attachments.upload(b"ab")
    assert len(transport.requests) == 1


async def test_what_cannot_be_uploaded(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    sunco, transport = client()
    with path.open() as text, pytest.raises(ConfigurationError, match="open it with mode 'rb'"):
        await sunco.attachments.upload(text)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match=r"source must be bytes, a path, .* not int"):
        await sunco.attachments.upload(7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match="content_type must be a MIME type"):
        await sunco.attachments.upload(b"", content_type="text/plain\r\nX-Evil: 1")
    with pytest.raises(FileNotFoundError):
        await sunco.attachments.upload(tmp_path / "nothing.png")
    assert transport.requests == []


async def test_files_are_closed_whatever_happens(tmp_path: Path) -> None:
    """An open file would be a ResourceWarning, and those are errors here."""
    path = tmp_path / "a.bin"
    path.write_bytes(LARGE)
    sunco, _ = client(APIConnectionError("x", maybe_delivered=True))
    with pytest.raises(APIConnectionError):
        await sunco.attachments.upload(path)


async def test_deleting() -> None:
    gone = refusal(404, "not_found", "Attachment not found")
    sunco, transport = scripted(APIConnectionError("x", maybe_delivered=True), gone)
    await sunco.attachments.delete("https://m.test/f")
    assert [(r.method, r.content) for r in transport.requests] == [
        ("POST", b'{"mediaUrl":"https://m.test/f"}')
    ] * 2
    assert urls(transport.requests)[0] == "/v2/apps/app1/attachments/remove"
