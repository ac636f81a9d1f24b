"""Requests and responses in the form of httpcore."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import suppress
from typing import Final, cast
from urllib.parse import urlsplit

import anyio
import httpcore

from sunco.transport._headers import announced_length, check_head, joined
from sunco.transport._network import TrackedBackend
from sunco.transport._request_body import RequestBody
from sunco.transport._response_body import ACCEPT_ENCODING, ResponseBody
from sunco.wire import Request, Response, Sink

__all__ = ["Destination", "core_request", "read_response"]

_ACCEPT_ENCODING: Final = (b"accept-encoding", ACCEPT_ENCODING.encode())
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_FRAMING: Final = frozenset({"content-length", "transfer-encoding"})


class Destination:
    """The server of an origin.

    Args:
        origin: The origin, as `locate` returns it.

    Attributes:
        scheme: `b"http"` or `b"https"`.
        host: The host, without brackets.
        port: The port, if it is not the default one.
        host_header: The value of the `Host` header.
    """

    __slots__ = ("host", "host_header", "port", "scheme")

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        self.scheme = parts.scheme.encode()
        self.host = (parts.hostname or "").encode()
        self.port = None if (parts.scheme, parts.port) in _DEFAULT_PORTS else parts.port
        host = b"[%s]" % self.host if b":" in self.host else self.host
        self.host_header = host if self.port is None else b"%s:%d" % (host, self.port)


_DEFAULT_PORTS: Final = frozenset({("http", 80), ("https", 443)})


def core_request(
    request: Request, destination: Destination, target: bytes, body: RequestBody | None
) -> httpcore.Request:
    """Convert a request.

    Raises:
        ConfigurationError: A header has characters that no header can carry.
    """
    check_head(request)
    return httpcore.Request(
        request.method,
        httpcore.URL(
            scheme=destination.scheme,
            host=destination.host,
            port=destination.port,
            target=target,
        ),
        headers=_raw_headers(request, destination.host_header),
        content=body,
    )


def _raw_headers(request: Request, host: bytes) -> list[tuple[bytes, bytes]]:
    headers, content = request.headers, request.content
    streamed = content is not None and not isinstance(content, bytes)
    # The length of a whole body is known; that of a stream is what the headers announce.
    keeps_length = streamed and announced_length(headers) is not None
    raw = [] if "host" in headers else [(b"host", host)]
    if "accept-encoding" not in headers:
        raw.append(_ACCEPT_ENCODING)
    raw += [
        (name.encode(), value.encode())
        for name, value in headers.items()
        if name not in _FRAMING or (keeps_length and name == "content-length")
    ]
    if isinstance(content, bytes):
        raw.append((b"content-length", b"%d" % len(content)))
    elif streamed and not keeps_length:
        raw.append((b"transfer-encoding", b"chunked"))
    elif not streamed and request.method in _WITH_BODY:
        raw.append((b"content-length", b"0"))
    return raw


async def read_response(
    backend: TrackedBackend,
    received: httpcore.Response,
    sink: Sink | None,
    limit: int,
    setting: str,
) -> Response:
    """Read a response to its end, or as far as its limit permits.

    Raises:
        DecodeError: It is too long, or its compression is broken.
    """
    headers = joined(received.headers)
    body = ResponseBody(received.status, headers, limit, setting, sink)
    backend.aborted = body.rejected
    chunks = aiter(cast("AsyncIterable[bytes]", received.stream))
    try:
        # To leave the loop would leave httpcore's nested generators to the garbage collector, which
        # trio warns of. Aborted, they end by themselves.
        async for chunk in chunks:
            if body.sink is None:
                body.add(chunk)
            else:
                try:
                    await body.write(chunk)
                except BaseException:
                    backend.aborted = True
                    with anyio.CancelScope(shield=True), suppress(httpcore.ReadError):
                        _ = [rest async for rest in chunks]
                    raise
            backend.aborted = body.rejected
    except httpcore.ReadError:
        if not body.rejected:
            raise
    await received.aclose()
    return Response(received.status, headers, body.result())
