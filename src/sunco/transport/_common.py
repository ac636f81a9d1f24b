"""What all transports share: limits and TLS settings."""

from __future__ import annotations

import functools
import os
import select
import ssl
from collections.abc import Callable
from typing import Any, Final

from sunco._numbers import is_integer, is_number
from sunco.errors import ConfigurationError
from sunco.wire import Request

__all__ = [
    "KEEPALIVE_EXPIRY",
    "MAX_HEAD_BYTES",
    "MAX_RESPONSE_BYTES",
    "check_limits",
    "default_tls",
    "response_limit",
    "summary",
    "watched",
    "without_frames",
]

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""The default limit of a response's body. A page of 100 messages has some hundred kilobytes."""

MAX_HEAD_BYTES: Final = 100 * 1024
"""The limit of a response's status line and headers; h11 has the same."""

KEEPALIVE_EXPIRY: Final = 5.0
"""Seconds for which an idle connection is kept: less than on servers, or they close it first."""

_TLS_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def check_limits(
    max_connections: int, max_response_bytes: int, keepalive_expiry: float, ssl_context: object
) -> None:
    """Check the limits and the TLS settings of a transport.

    Raises:
        ConfigurationError: One of them is of a wrong type or out of range.
    """
    for name, value in (
        ("max_connections", max_connections),
        ("max_response_bytes", max_response_bytes),
    ):
        if not is_integer(value) or value < 1:
            raise ConfigurationError(f"{name} must be at least 1, not {value!r}.")
    if not is_number(keepalive_expiry) or not keepalive_expiry >= 0:
        raise ConfigurationError(
            f"keepalive_expiry must be 0 seconds or more, not {keepalive_expiry!r}."
        )
    if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):
        raise ConfigurationError(
            f"ssl_context must be an ssl.SSLContext, not {type(ssl_context).__name__}."
        )


def response_limit(request: Request, max_response_bytes: int) -> tuple[int, str]:
    """The longest body of a request's response, and the name of the setting."""
    if request.sink is not None and request.max_response_bytes is not None:
        return request.max_response_bytes, "max_bytes"
    if request.max_response_bytes is None or request.max_response_bytes > max_response_bytes:
        return max_response_bytes, "max_response_bytes"
    return request.max_response_bytes, "max_bytes"


@functools.cache
def default_tls() -> ssl.SSLContext:
    """The TLS settings that all transports share, because reading the certificates takes long.

    The certificates are those of `SSL_CERT_FILE` or `SSL_CERT_DIR`, or certifi's.

    Raises:
        ConfigurationError: A variable of the environment names something that cannot be used.
    """
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        if not file and folder and not os.path.isdir(folder):  # noqa: PTH112 - the text as it is
            raise NotADirectoryError(f"no such directory: {folder!r}")
        if not file and not folder:
            import certifi  # noqa: PLC0415 - needed for https only

            file = certifi.where()
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    except (OSError, ValueError) as error:
        named = [name for name in _TLS_VARIABLES if os.environ.get(name)]
        raise ConfigurationError(
            f"TLS cannot be set up with {' and '.join(named) or 'the certificates of certifi'}: "
            f"{summary(error)}."
        ) from None


def summary(error: Exception) -> str:
    """An error of an HTTP library in one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def without_frames(error: BaseException) -> BaseException:
    """Remove the frames from an error of an HTTP library: their variables hold the credential."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    return error


def watched(sock: Any) -> Callable[[], bool]:
    """A function that says whether a socket has something to read, while it is open.

    That can be the end of the connection.
    """
    if not hasattr(select, "poll"):
        return lambda: bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return lambda: bool(poll.poll(0))
