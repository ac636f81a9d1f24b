"""What the processes of a scale trial write."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import anyio


class Log:
    """Lines that are in the file when `write` returns, also when the process is killed."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, *values: object) -> None:
        line = json.dumps([os.getpid(), time.monotonic(), *values])
        os.write(self._file, f"{line}\n".encode())


async def ready(options: dict[str, Any], log: Log) -> None:
    """Note that the process is ready, and wait for the others where all begin together."""
    log.write("ready")
    if "gate" in options:
        while not await anyio.Path(options["gate"]).exists():  # noqa: ASYNC110 - another process
            await anyio.sleep(0.01)
