"""A long run with faults: memory and sockets must stay where they were.

python tests/chaos/soak.py [requests] [in flight]
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

from sunco import (
    AiohttpTransport,
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    DecodeError,
    HttpxTransport,
    RetryPolicy,
    Sunco,
    Transport,
)

SERVER: Final = Path(__file__).with_name("misbehaviour.py")
UPLOADS: Final = 50
"""One in this number of requests is an upload, and every other file shrinks meanwhile."""
MOST_GROWTH: Final = 12.0
"""Megabytes that memory may grow after the first tenth."""


def memory() -> float:
    """What this process holds, in megabytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def open_files() -> int:
    """How many files and sockets are open."""
    return len(list(Path("/proc/self/fd").iterdir()))


class Shrinking(io.BytesIO):
    """A file that is truncated while it is uploaded."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read a part, the last one."""
        data = super().read(size)
        self.truncate(self.tell())
        return data


async def send(sunco: Sunco, number: int) -> str:
    """Post a message, or upload a file; what has become of it."""
    token = f"token-{number}"
    try:
        if number % UPLOADS == 0:
            kind = io.BytesIO if number % (2 * UPLOADS) else Shrinking
            await sunco.attachments.upload(kind(b"x" * 200_000), filename=f"{token}.bin")
            return "uploaded"
        await sunco.messages.post("c1", token)
    except (APIConnectionError, APIStatusError, ConfigurationError, DecodeError) as error:
        return type(error).__name__
    return "sent"


async def run(transport: Transport, port: int, requests: int, in_flight: int) -> list[float]:
    """Make the requests; how much memory there was at each tenth."""
    outcomes: Counter[str] = Counter()
    samples: list[float] = []
    began = time.monotonic()
    baseline = open_files()
    async with Sunco(
        app_id="a",
        key_id="app_k",
        key_secret="s",
        base_url=f"http://127.0.0.1:{port}",
        timeout=2.0,
        retry=RetryPolicy(max_attempts=4, backoff=0.01, max_backoff=0.1),
        transport=transport,
    ) as sunco:
        for tenth in range(10):
            numbers = iter(range(tenth * requests // 10, (tenth + 1) * requests // 10))

            async def work() -> None:
                for number in numbers:  # noqa: B023 - the workers end within the round
                    outcomes[await send(sunco, number)] += 1

            await asyncio.gather(*(work() for _ in range(in_flight)))
            gc.collect()
            samples.append(memory())
            sockets = open_files() - baseline
            print(
                f"{(tenth + 1) * requests // 10:>8} requests {time.monotonic() - began:6.1f} s "
                f"{samples[-1]:7.1f} MB {sockets:4} sockets",
                flush=True,
            )
            assert sockets <= in_flight
    await asyncio.sleep(0.1)
    assert open_files() <= baseline, "a socket is left over"
    print(dict(outcomes), flush=True)
    assert outcomes.total() == requests
    return samples


def soak(kind: type[HttpxTransport | AiohttpTransport], requests: int, in_flight: int) -> None:
    """Run over one transport, against a server in a process of its own."""
    print(f"{kind.__name__}: {requests} requests, {in_flight} in flight, 1 % faults", flush=True)
    command = [sys.executable, str(SERVER), "1.0"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            port = int(server.stdout.readline())
            transport = kind(max_connections=in_flight, max_response_bytes=1_000_000)
            samples = asyncio.run(run(transport, port, requests, in_flight))
        finally:
            server.stdin.close()
        figures = server.stdout.readline().split()
    most_taken, strangers, early, swallowed = map(int, figures)
    growth = max(samples[1:]) - samples[0]
    print(f"memory grew by {growth:.1f} MB; no message was taken more than {most_taken} time")
    assert growth < MOST_GROWTH, "memory grows"
    print(f"{early} uploads were rejected early; {swallowed} heads were read as parts of files")
    assert (most_taken, strangers, swallowed) == (1, 0, 0)


def main() -> None:
    """Soak both transports."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    in_flight = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    for kind in (HttpxTransport, AiohttpTransport):
        soak(kind, requests, in_flight)


if __name__ == "__main__":
    main()
