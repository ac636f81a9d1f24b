"""Serving an emulator on a socket with uvicorn."""

from __future__ import annotations

import logging
import signal
import socket
from typing import TYPE_CHECKING, Any

try:
    import uvicorn
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "Serving the emulator needs uvicorn: install it with pip install 'sunco[emulator]'",
        name=_error.name,
    ) from _error

if TYPE_CHECKING:
    from starlette.types import ASGIApp

KEEP_ALIVE_SECONDS = 75
SHUTDOWN_SECONDS = 2


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to serve on.

    Args:
        host: The address to listen on.
        port: The port, 0 for any free one.

    Raises:
        OSError: The address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # Accepted connections inherit it. Without it, a response waits up to 40 ms for the client's
    # delayed ACK, and asyncio does not set it on sockets with the default protocol number.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def stop_on_signals() -> None:
    """Exit with status 0 on SIGINT and SIGTERM."""
    # uvicorn shuts down on these, and then raises them again for the previous handler.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)


def serve(
    app: ASGIApp,
    listener: socket.socket,
    *,
    certificate: str | None = None,
    key: str | None = None,
) -> None:
    """Serve an app until the process is stopped.

    Args:
        app: The app.
        listener: The socket to serve on.
        certificate: A PEM file with the certificate chain, for TLS.
        key: A PEM file with its private key.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_unintended)
    config = uvicorn.Config(
        app,
        access_log=False,
        lifespan="on",
        log_level="warning",
        # Longer than clients keep idle connections, so that none is closed as it is used.
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _is_unintended(record: logging.LogRecord) -> bool:
    # Connections that are broken by fault injection are not reported.
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, ConnectionResetError)


def _exit(_number: int, _frame: Any) -> None:
    raise SystemExit(0)
