"""URLs and headers, independent of the HTTP library."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from sunco.errors import ConfigurationError
from sunco.wire import Request

__all__ = ["announced_length", "check_head", "joined", "locate"]

# URLs that are sent as they are; any other is normalized.
_PLAIN_URL: Final = re.compile(
    r"(https?://[a-z0-9.-]+(?::[1-9]\d{0,3})?)(/[A-Za-z0-9/._~%?=&,:@!$'()*+;\[\]-]*)"
)
_HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(%[a-z0-9]+)?")
_SAFE: Final = "/%?=&,:@!$'()*+;[]~"
_TOKENS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@functools.lru_cache(maxsize=256)
def locate(url: str) -> tuple[str, bytes]:
    """Split a URL into its origin and the target of the request.

    Raises:
        ConfigurationError: It is not a URL that can be requested.
    """
    plain = _PLAIN_URL.fullmatch(url)
    if plain is not None:
        return plain[1], plain[2].encode()
    try:
        parts = urlsplit(url)
        host, port = _ascii_host(parts), parts.port
        target = quote(parts.path or "/", safe=_SAFE)
        if parts.query:
            target += "?" + quote(parts.query, safe=_SAFE)
    except ValueError:
        raise ConfigurationError("This is not a URL that can be requested.") from None
    if parts.username is not None:
        raise ConfigurationError("A URL must hold no credentials.")
    if parts.scheme not in _DEFAULT_PORTS or not host:
        raise ConfigurationError("A URL must begin with http:// or https:// and a host.")
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    return f"{parts.scheme}://{host}", target.encode()


def _ascii_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host.isascii():
        import idna  # noqa: PLC0415 - rarely needed

        host = idna.encode(host, uts46=True).decode()
    if host and not _HOST.fullmatch(host):
        raise ValueError
    return host


def check_head(request: Request) -> None:
    """Check that a method and headers can be sent.

    Raises:
        ConfigurationError: One has characters that are not permitted there.
    """
    if not _TOKENS.fullmatch(request.method + "".join(request.headers.keys())):
        raise ConfigurationError("The method or a header's name has characters it must not have.")
    if not _is_printable(request.headers):
        raise ConfigurationError("Headers must be printable ASCII.")


def _is_printable(headers: Mapping[str, str]) -> bool:
    values = "".join(headers.values())
    return values.isascii() and values.isprintable()


def announced_length(headers: Mapping[str, str]) -> int | None:
    """The `Content-Length` of a request or a response, if there is one."""
    text = headers.get("content-length", "")
    # int() rejects numbers of thousands of digits, and no body is that long.
    return (
        int(text) if text.isdecimal() and text.isascii() and len(text) <= _LENGTH_DIGITS else None
    )


_LENGTH_DIGITS: Final = 19


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a response; those that occur several times are joined."""
    values: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        values[name] = f"{values[name]}, {value}" if name in values else value
    return values
