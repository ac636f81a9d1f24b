"""The command line: `python -m sunco.emulator --port 8000`."""

from __future__ import annotations

import argparse
import shlex
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from sunco.emulator import Emulator, JournalError, server

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

MAX_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve an emulator until the process is stopped.

    Args:
        arguments: The arguments without the name of the program; by default those of the process.
    """
    parser = argparse.ArgumentParser(
        prog="python -m sunco.emulator",
        description="Serve an emulated Sunshine Conversations, with its state in memory or a file.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=_port, default=8000, help="port to listen on, 0 for any")
    parser.add_argument("--app-id", help="id of the app")
    parser.add_argument("--key-id", help="id of the app's API key")
    parser.add_argument("--key-secret", help="secret of the key")
    parser.add_argument("--state", help="SQLite file that keeps the state")
    parser.add_argument(
        "--retry-scale",
        type=float,
        help="factor for the delays between the attempts of webhook deliveries",
    )
    options = vars(parser.parse_args(arguments))
    host, port = options.pop("host"), options.pop("port")
    given = {name: value for name, value in options.items() if value is not None}
    try:
        emulator = Emulator(**given)
    except JournalError as error:
        parser.exit(1, f"Cannot use the state file {options['state']}: {error}\n")
    with closing(emulator):
        try:
            listener = server.listen(host, port)
        except OSError as error:
            parser.exit(1, f"Cannot listen on {host}, port {port}: {error}\n")
        with listener:
            server.stop_on_signals()
            sys.stdout.write(_exports(emulator, listener))
            sys.stdout.flush()
            server.serve(emulator.app, listener)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {MAX_PORT}")
    return int(text)


def _exports(emulator: Emulator, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    variables = {
        "SUNCO_BASE_URL": f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}",
        "SUNCO_APP_ID": emulator.app_id,
        "SUNCO_KEY_ID": emulator.key_id,
        "SUNCO_KEY_SECRET": emulator.key_secret,
    }
    return "".join(f"export {name}={shlex.quote(text)}\n" for name, text in variables.items())


if __name__ == "__main__":
    main()
