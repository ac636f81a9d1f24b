"""Serving an emulator on a socket with uvicorn."""

from __future__ import annotations

import logging
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

try:
    import uvicorn
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "Serving the emulator needs uvicorn: install it with pip install 'sunco[emulator]'",
        name=_error.name,
    ) from _error

if TYPE_CHECKING:
    from collections.abc import Generator

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


@contextmanager
def certificate_for(host: str, ca_file: str) -> Generator[str, None, None]:
    """Make a certificate for a host and for localhost, with a certificate authority of its own.

    Args:
        host: The address that is listened on.
        ca_file: Where to write the certificate of the authority, for clients.

    Returns:
        The name of a PEM file with the private key and the certificate, which is deleted when the
        block ends.

    Raises:
        ModuleNotFoundError: trustme is not installed.
        OSError: A file cannot be written.
    """
    try:
        import trustme  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "TLS needs trustme: install it with pip install 'sunco[emulator,emulator-tls]'",
            name=error.name,
        ) from error
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    names = dict.fromkeys(("localhost", "127.0.0.1", "::1", host))
    chain = authority.issue_cert(*names).private_key_and_cert_chain_pem
    with chain.tempfile() as path:
        yield path


def serve(app: ASGIApp, listener: socket.socket, *, certificate: str | None = None) -> None:
    """Serve an app until the process is stopped.

    Args:
        app: The app.
        listener: The socket to serve on.
        certificate: A PEM file with the private key and the certificate chain, for TLS.
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
    )
    uvicorn.Server(config).run(sockets=[listener])


def _is_unintended(record: logging.LogRecord) -> bool:
    # Connections that are broken by fault injection are not reported.
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, ConnectionResetError)


def _exit(_number: int, _frame: Any) -> None:
    raise SystemExit(0)
