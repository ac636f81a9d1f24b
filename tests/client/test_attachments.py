from __future__ import annotations

import io
import mimetypes
import os
import re
from collections.abc import AsyncIterator, Callable
from email.message import Message as Part
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from support.scripted import ScriptedTransport, error_response, response, scripted, urls

from sunco import (
    APIConnectionError,
    ConfigurationError,
    DecodeError,
    NotFoundError,
    RateLimitError,
    Request,
    Response,
    Sunco,
)
from sunco._content_types import content_type_of
from sunco.models.attachments import Attachment

pytestmark = pytest.mark.anyio

UPLOADED = response({"attachment": {"mediaUrl": "https://m.test/f", "mediaType": "image/png"}}, 201)
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
        sunco, transport = client(error_response(429, "x", "y"), UPLOADED)
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


async def test_what_can_be_read_again_is_retried(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(LARGE)
    busy = error_response(429, "too_many", "Slow down")
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
    sunco, transport = client(error_response(429, "too_many", "Slow down"))
    with pytest.raises(RateLimitError) as caught:
        await sunco.attachments.upload(stream(b"ab"))
    assert caught.value.attempts == 1
    assert len(transport.requests) == 1


async def test_a_stream_that_was_not_read_is_retried() -> None:
    class RejectingTransport(ReadingTransport):
        async def send(self, request: Request) -> Response:
            if not self.requests:
                self.requests.append(request)
                raise APIConnectionError("ConnectError", maybe_delivered=False)
            return await super().send(request)

    transport = RejectingTransport(UPLOADED)
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
    gone = error_response(404, "not_found", "Attachment not found")
    sunco, transport = scripted(APIConnectionError("x", maybe_delivered=True), gone)
    await sunco.attachments.delete("https://m.test/f")
    assert [(r.method, r.content) for r in transport.requests] == [
        ("POST", b'{"mediaUrl":"https://m.test/f"}')
    ] * 2
    assert urls(transport.requests)[0] == "/v2/apps/app1/attachments/remove"


class UploadFile:
    """The shape of Starlette's."""

    def __init__(self, filename: str | None, content_type: str | None) -> None:
        self.filename = filename
        self.content_type = content_type
        self.file = io.BytesIO(LARGE)

    async def read(self, size: int = -1) -> bytes:
        raise AssertionError(size)


class Reader:
    """An async reader without a name, a size or a position."""

    def __init__(self, *chunks: Any) -> None:
        self.chunks = list(chunks)

    async def read(self, size: int = -1) -> Any:
        assert size > 0
        return self.chunks.pop(0) if self.chunks else b""


async def uploaded(source: Any, **options: Any) -> tuple[Request, Part]:
    sunco, transport = client(UPLOADED)
    await sunco.attachments.upload(source, **options)
    return transport.requests[0], part(transport.requests[0], transport.bodies[0])


async def test_a_file_of_a_web_framework_keeps_its_name_and_type() -> None:
    request, only = await uploaded(UploadFile("photo.bin", "image/webp"))
    assert (content_of(only), only.get_filename()) == (LARGE, "photo.bin")
    assert only.get_content_type() == "image/webp"
    assert "content-length" in request.headers
    _, only = await uploaded(UploadFile(None, None))
    assert (only.get_filename(), only.get_content_type()) == ("file", "application/octet-stream")
    _, only = await uploaded(UploadFile("a.png", None), filename="b.pdf")
    assert (only.get_filename(), only.get_content_type()) == ("b.pdf", "application/pdf")


async def test_a_response_of_httpx_can_be_uploaded_while_it_is_received() -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"Content-Type": "image/png"}, content=LARGE)

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as http:
        async with http.stream("GET", "https://files.test/a/two%20words.png?x=1") as response:
            request, only = await uploaded(response)
        assert "content-length" not in request.headers
        assert content_of(only) == LARGE
        assert (only.get_filename(), only.get_content_type()) == ("two words.png", "image/png")
        _, only = await uploaded(await http.get("https://files.test/"), content_type="text/csv")
        assert (only.get_filename(), only.get_content_type()) == ("file", "text/csv")
        assert content_of(only) == LARGE


async def test_async_files_and_readers_can_be_uploaded(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(LARGE)
    async with await anyio.open_file(path, "rb") as file:
        request, only = await uploaded(file)
    assert (content_of(only), only.get_filename()) == (LARGE, "notes.txt")
    assert "content-length" in request.headers
    _, only = await uploaded(Reader(b"ab", bytearray(b"cd"), memoryview(b"ef")))
    assert content_of(only) == b"abcdef"


def closed_file() -> io.BytesIO:
    file = io.BytesIO(b"x")
    file.close()
    return file


class TextPieces(AsyncIterator[Any]):
    async def __anext__(self) -> Any:
        return "text"


BAD_SOURCES: list[tuple[Callable[[], Any], str]] = [
    (lambda: Reader("text"), "source must give bytes, not str"),
    (TextPieces, "source must give bytes, not str"),
    (lambda: Path("a\0b/c.png"), "not the path of a file"),
    (closed_file, "The file is closed"),
    (lambda: UploadFile("a\0.png", None), "filename has a null character"),
    (lambda: UploadFile("a.png", "nonsense"), "content_type must be a MIME type"),
]


@pytest.mark.parametrize(("source", "said"), BAD_SOURCES)
async def test_sources_that_cannot_be_read_are_configuration_errors(
    source: Callable[[], Any], said: str
) -> None:
    sunco, transport = client()
    with pytest.raises(ConfigurationError, match=said):
        await sunco.attachments.upload(source())
    assert transport.requests == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"filename": "a\0b"}, "filename has a null character"),
        ({"filename": "a\ud800"}, "half of a surrogate pair"),
        ({"filename": 7}, "filename must be a str, not int"),
        ({"content_type": 7}, "content_type must be a MIME type"),
        ({"conversation_id": "\ud800"}, "has characters that no URL can carry"),
    ],
)
async def test_names_and_types_that_cannot_be_sent_are_configuration_errors(
    options: dict[str, Any], said: str
) -> None:
    sunco, transport = client()
    with pytest.raises(ConfigurationError, match=said):
        await sunco.attachments.upload(b"x", **options)
    assert transport.requests == []


async def test_a_file_that_is_closed_between_two_attempts_is_a_configuration_error() -> None:
    class Unseekable(io.BytesIO):
        def tell(self) -> int:
            raise ValueError

    sunco, _ = client()
    with pytest.raises(ConfigurationError, match="The file is closed"):
        await sunco.attachments.upload(Unseekable(b"x"))


async def test_a_file_positioned_behind_its_end_is_empty() -> None:
    file = io.BytesIO(b"abc")
    file.seek(10)
    request, only = await uploaded(file)
    assert content_of(only) == b""
    assert int(request.headers["content-length"]) > 0


def test_content_types_do_not_depend_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(mimetypes, "guess_type", fail)
    expected = {
        "a.gz": "application/gzip",
        "a.tar.gz": "application/gzip",
        "A.JPG": "image/jpeg",
        "a.webp": "image/webp",
        "a.heic": "image/heic",
        "a.docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "a.m4a": "audio/mp4",
        "a.txt": "text/plain",
        "a.unknown": "application/octet-stream",
        "pdf": "application/octet-stream",
        "": "application/octet-stream",
    }
    assert {name: content_type_of(name) for name in expected} == expected


MEDIA = "https://api.example.test/media/a.png"
FILE = Response(200, {"Content-Type": "image/png"}, LARGE)


async def test_a_download_is_returned_or_written(tmp_path: Path) -> None:
    class AsyncWriter:
        def __init__(self) -> None:
            self.written = b""

        async def write(self, data: bytes) -> None:
            self.written += data

    file, writer, path = io.BytesIO(), AsyncWriter(), tmp_path / "a.png"
    sunco, transport = scripted(*[FILE] * 5)
    assert await sunco.attachments.download(f"{MEDIA}#part") == LARGE
    assert await sunco.attachments.download(MEDIA, file) == len(LARGE)
    assert await sunco.attachments.download(MEDIA, writer) == len(LARGE)
    assert await sunco.attachments.download(MEDIA, path) == len(LARGE)
    assert await sunco.attachments.download(MEDIA, str(path)) == len(LARGE)
    assert file.getvalue() == writer.written == path.read_bytes() == LARGE
    assert {request.url for request in transport.requests} == {MEDIA}
    assert transport.requests[0].headers["accept"] == "*/*"


async def test_the_credential_and_the_headers_go_to_the_apis_own_origin_only() -> None:
    elsewhere = [
        "https://media.example.test/a.png",
        "https://api.example.test:8443/a.png",
        "http://127.0.0.1/a.png",
        "https://api.example.test.evil.test/a.png",
    ]
    sunco, transport = scripted(*[FILE] * 6, headers={"X-Partner": "1"})
    for url in (MEDIA, MEDIA.replace(".test/", ".test:443/"), *elsewhere):
        await sunco.attachments.download(url)
    sent = [
        ("authorization" in request.headers, "x-partner" in request.headers)
        for request in transport.requests
    ]
    assert sent == [(True, True)] * 2 + [(False, False)] * 4


async def test_downloads_are_retried_and_bounded() -> None:
    sunco, transport = scripted(
        error_response(503, "x", "y"), FILE, FILE, error_response(404, "gone", "Gone")
    )
    assert await sunco.attachments.download(MEDIA) == LARGE
    with pytest.raises(DecodeError, match="longer than max_bytes, 1000") as caught:
        await sunco.attachments.download(MEDIA, max_bytes=1000)
    assert caught.value.path == "/media/a.png"
    assert transport.requests[-1].max_response_bytes == 1000
    with pytest.raises(NotFoundError):
        await sunco.attachments.download(MEDIA)


BAD_DOWNLOADS: list[Any] = [
    ((7,), {}, "media_url must be a str, not int"),
    (("a.png",), {}, "media_url must be a whole URL"),
    (("ftp://media.test/a",), {}, "media_url must be a whole URL"),
    (("https://media.test/a b",), {}, "media_url must be a whole URL"),
    (("https://media.test:x/",), {}, "media_url is not a URL"),
    (("https://media.test/\ud800",), {}, "media_url is not a URL"),
    (("https://user:s3cret@media.test/a",), {}, "media_url must hold no credentials"),
    (("http://media.test/a",), {}, "media_url must use https to reach media.test"),
    ((MEDIA, ""), {}, "to must be the path of a file"),
    ((MEDIA, "a\0"), {}, "to must be the path of a file"),
    pytest.param(
        (MEDIA, "\ud800"),
        {},
        "to has characters that no path can have",
        marks=pytest.mark.skipif(os.name == "nt", reason="names on Windows can have them"),
        id="surrogate",
    ),
    ((MEDIA, 7), {}, "to must be a path or have a method write, not int"),
    ((MEDIA,), {"max_bytes": 0}, "max_bytes must be at least 1"),
    ((MEDIA,), {"max_bytes": "1"}, "max_bytes must be at least 1"),
]


@pytest.mark.parametrize(("arguments", "options", "said"), BAD_DOWNLOADS)
async def test_downloads_that_cannot_work_are_configuration_errors(
    arguments: tuple[Any, ...], options: dict[str, Any], said: str
) -> None:
    sunco, transport = scripted()
    with pytest.raises(ConfigurationError, match=said):
        await sunco.attachments.download(*arguments, **options)
    assert transport.requests == []
