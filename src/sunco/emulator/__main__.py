"""The command line: `python -m sunco.emulator --port 8000`."""

from __future__ import annotations

import argparse
import shlex
import sys
import threading
import webbrowser
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from sunco.emulator import Emulator, JournalError, server
from sunco.emulator.config import SEEDS, ConfigError, read_config

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

CA_FILE = "sunco-emulator-ca.pem"
MAX_PORT = 65535
CONSOLE = "/_emulator/console"


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
    parser.add_argument(
        "--tls",
        nargs="?",
        const=CA_FILE,
        metavar="CA_FILE",
        help=f"serve HTTPS with a new certificate, and write its CA to this file ({CA_FILE})",
    )
    parser.add_argument("--config", help="TOML file with arguments; options take precedence")
    parser.add_argument("--seed", choices=SEEDS, help="what there is at the start")
    parser.add_argument(
        "--allow-host",
        action="append",
        dest="hosts",
        metavar="NAME",
        help="a host name by which the console can be reached; may be repeated",
    )
    parser.add_argument("--open", action="store_true", help="open the console in the browser")
    parser.add_argument("--app-id", help="id of the app")
    parser.add_argument("--key-id", help="id of the app's API key")
    parser.add_argument("--key-secret", help="secret of the keys")
    parser.add_argument("--account-key-id", help="id of the account's API key")
    parser.add_argument("--message-limit", type=int, help="number of messages per conversation")
    parser.add_argument("--app-limit", type=int, help="number of apps")
    parser.add_argument("--state", help="SQLite file that keeps the state")
    parser.add_argument(
        "--retry-scale",
        type=float,
        help="factor for the delays between the attempts of webhook deliveries",
    )
    options = vars(parser.parse_args(arguments))
    names = ("host", "port", "tls", "config", "open")
    host, port, ca_file, config, opened = (options.pop(name) for name in names)
    given = {name: value for name, value in options.items() if value is not None}
    try:
        settings = (read_config(config) if config else {}) | given
    except ConfigError as error:
        parser.exit(2, f"Cannot use the configuration {config}: {error}\n")
    try:
        emulator = Emulator(**settings)
    except JournalError as error:
        parser.exit(1, f"Cannot use the state file {settings['state']}: {error}\n")
    with closing(emulator):
        try:
            listener = server.listen(host, port)
        except OSError as error:
            parser.exit(1, f"Cannot listen on {host}, port {port}: {error}\n")
        with listener, ExitStack() as files:
            certificate = None
            if ca_file is not None:
                try:
                    certificate = files.enter_context(server.certificate_for(host, ca_file))
                except OSError as error:
                    parser.exit(1, f"Cannot write the certificate authority: {error}\n")
            server.stop_on_signals()
            base_url = _base_url(listener, ca_file)
            sys.stdout.write(_exports(emulator, base_url, ca_file))
            sys.stdout.flush()
            if opened:
                # In a thread, because a browser in the terminal returns when it is left. The
                # listener queues its requests until the server accepts them.
                url = f"{base_url}{CONSOLE}"
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
            server.serve(emulator.app, listener, certificate=certificate)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {MAX_PORT}")
    return int(text)


def _base_url(listener: socket.socket, ca_file: str | None) -> str:
    host, port = listener.getsockname()[:2]
    scheme = "http" if ca_file is None else "https"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _exports(emulator: Emulator, base_url: str, ca_file: str | None) -> str:
    variables = {
        "SUNCO_BASE_URL": base_url,
        "SUNCO_APP_ID": emulator.app_id,
        "SUNCO_KEY_ID": emulator.key_id,
        "SUNCO_KEY_SECRET": emulator.key_secret,
    }
    if ca_file is not None:
        variables["SSL_CERT_FILE"] = str(Path(ca_file).absolute())
    return "".join(f"export {name}={shlex.quote(text)}\n" for name, text in variables.items())


if __name__ == "__main__":
    main()
