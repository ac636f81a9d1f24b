"""Requests and answers in the form that httpcore has them."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Final, cast

import httpcore
import httpx

from sunco.errors import ConfigurationError
from sunco.transport._network import Line
from sunco.transport._request_body import Content
from sunco.transport._response_body import ACCEPT_ENCODING, Body
from sunco.wire import Request, Response

__all__ = ["Destination", "check_head", "core_request", "joined", "locate", "read_answer"]

# What httpx would leave as it is; anything else goes through its URL class.
_PLAIN_URL: Final = re.compile(
    r"(https?://[a-z0-9.-]+(?::\d{1,5})?)(/[A-Za-z0-9/._~%?=&,:@!$'()*+;\[\]-]*)"
)
_TOKENS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_ACCEPT_ENCODING: Final = (b"accept-encoding", ACCEPT_ENCODING.encode())
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class Destination:
    """Where the requests to one origin go.

    Args:
        url: Any URL of the origin.

    Attributes:
        url: The origin, in httpcore's parts.
        host: What the `Host` header says.
    """

    __slots__ = ("host", "url")

    def __init__(self, url: str) -> None:
        parsed = httpx.URL(url)
        self.url = parsed.copy_with(raw_path=b"/")
        self.host = parsed.netloc


@functools.lru_cache(maxsize=256)
def locate(url: str) -> tuple[str, bytes]:
    """A URL's origin, and the rest of it in the form in which it is sent.

    Raises:
        ConfigurationError: It is not a URL that can be requested.
    """
    plain = _PLAIN_URL.fullmatch(url)
    if plain is not None:
        return plain[1], plain[2].encode()
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise ConfigurationError(f"This is not a URL: {error}.") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigurationError("A URL must begin with http:// or https:// and a host.")
    return f"{parsed.scheme}://{parsed.netloc.decode()}", parsed.raw_path


def core_request(request: Request, destination: Destination, target: bytes) -> httpcore.Request:
    """A request as httpcore takes it.

    Raises:
        ConfigurationError: A header holds characters that no header can carry.
    """
    check_head(request)
    url = destination.url
    content = request.content
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=target),
        headers=_raw_headers(request, destination.host),
        content=None if content is None else Content(content),
    )


def check_head(request: Request) -> None:
    """Refuse a method or headers that cannot be sent, or would be sent as something else.

    Raises:
        ConfigurationError: One holds characters that do not belong there.
    """
    if not _TOKENS.fullmatch(request.method + "".join(request.headers)):
        raise ConfigurationError("The method or a header's name holds characters it must not.")
    if not _printable(request.headers):
        raise ConfigurationError("Headers must be in printable ASCII.")


def _printable(headers: Mapping[str, str]) -> bool:
    values = "".join(headers.values())
    return values.isascii() and values.isprintable()


def _raw_headers(request: Request, host: bytes) -> list[tuple[bytes, bytes]]:
    headers = request.headers
    raw = [] if "host" in headers else [(b"host", host)]
    if "accept-encoding" not in headers:
        raw.append(_ACCEPT_ENCODING)
    raw += [(name.encode(), value.encode()) for name, value in headers.items()]
    content = request.content
    if isinstance(content, bytes):
        raw.append((b"content-length", b"%d" % len(content)))
    elif content is None:
        if request.method in _WITH_BODY:
            raw.append((b"content-length", b"0"))
    elif "content-length" not in headers:
        raw.append((b"transfer-encoding", b"chunked"))
    return raw


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """An answer's headers, those that come several times as one."""
    values: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values


async def read_answer(line: Line, answer: httpcore.Response, limit: int) -> Response:
    """Read an answer to its end, or as far as it may go.

    Raises:
        DecodeError: It is too long, or its compression is broken.
    """
    headers = joined(answer.headers)
    body = Body(answer.status, headers, limit)
    line.cut = body.refused
    try:
        async for chunk in cast("AsyncIterable[bytes]", answer.stream):
            body.add(chunk)
            # Left in the middle, httpcore's nested generators would be the garbage collector's
            # business, which trio does not like. Cut off, they end by themselves.
            line.cut = body.refused
    except httpcore.ReadError:
        if not body.refused:
            raise
    await answer.aclose()
    return Response(answer.status, headers, body.whole())
