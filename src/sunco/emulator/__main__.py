"""Serves an emulator on a real port: `python -m sunco.emulator --port 8000`."""

from __future__ import annotations

import argparse
import logging
import shlex
import signal
import socket
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sunco.emulator import Emulator, JournalError

try:
    import uvicorn
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "Serving the emulator needs uvicorn: install it with pip install 'sunco[emulator]'",
        name=_error.name,
    ) from _error

if TYPE_CHECKING:
    from collections.abc import Sequence

KEEP_ALIVE_SECONDS = 75
LARGEST_PORT = 65535
SHUTDOWN_SECONDS = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve an emulator until told to stop.

    Args:
        arguments: The command line, without the program's name; by default, the process's own.
    """
    parser = argparse.ArgumentParser(
        prog="python -m sunco.emulator",
        description="Serve an emulated Sunshine Conversations, with its state in memory or a file.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=_port, default=8000, help="port to listen on, 0 for any")
    parser.add_argument("--app-id", help="id of the app that exists")
    parser.add_argument("--key-id", help="id of its API key")
    parser.add_argument("--key-secret", help="secret of the key")
    parser.add_argument("--state", help="SQLite file to keep the state in, over restarts")
    parser.add_argument(
        "--retry-scale", type=float, help="by what to multiply the gaps between webhooks' tries"
    )
    options = vars(parser.parse_args(arguments))
    host, port = options.pop("host"), options.pop("port")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        emulator = Emulator(**given)
    except (JournalError, sqlite3.Error) as error:
        parser.exit(1, f"Cannot keep the state in {options['state']}: {error}\n")
    with closing(emulator):
        try:
            listener = listen(host, port)
        except OSError as error:
            parser.exit(1, f"Cannot listen on {host}, port {port}: {error}\n")
        with listener:
            _run(emulator, listener)


def _run(emulator: Emulator, listener: socket.socket) -> None:
    _stop_on_signals()
    logging.getLogger("uvicorn.error").addFilter(_is_unintended)
    sys.stdout.write(_exports(emulator, listener))
    sys.stdout.flush()
    _serve(emulator, listener)


def _is_unintended(record: logging.LogRecord) -> bool:
    # A connection that was broken on demand is nothing to report.
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, ConnectionResetError)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {LARGEST_PORT}")
    return int(text)


def listen(host: str, port: int) -> socket.socket:
    """Open the socket to serve on.

    Args:
        host: The address to listen on.
        port: The port, 0 for any that is free.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    # Connections inherit it. Without it an answer waits 40 ms for the client to acknowledge the
    # first half of it, and asyncio does not set it on sockets made with the default protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _exports(emulator: Emulator, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    variables = {
        "SUNCO_BASE_URL": f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
        "SUNCO_APP_ID": emulator.app_id,
        "SUNCO_KEY_ID": emulator.key_id,
        "SUNCO_KEY_SECRET": emulator.key_secret,
    }
    return "".join(f"export {name}={shlex.quote(text)}\n" for name, text in variables.items())


def _stop_on_signals() -> None:
    # uvicorn shuts down on these and then raises them again for whoever handled them before.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)


def _exit(_number: int, _frame: Any) -> None:
    raise SystemExit(0)


def _serve(emulator: Emulator, listener: socket.socket) -> None:
    config = uvicorn.Config(
        emulator.app,
        access_log=False,
        lifespan="on",
        log_level="warning",
        # Longer than clients keep an idle connection, so that none is closed just as it is used.
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
