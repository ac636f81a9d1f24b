"""The emulator in figures: `python benchmarks/emulating.py [REQUESTS [MESSAGES]]`.

The time from the start of the process to its first response, the requests per second of a server
that records each of them, and the memory of messages.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import resource
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sunco.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Generator

CONNECTIONS = 16
USERS = 20
# getrusage has kibibytes on Linux, and bytes on macOS.
RSS_UNIT = 1024 if sys.platform == "linux" else 1


@contextlib.contextmanager
def served() -> Generator[str]:
    """Serve an emulator in a process of its own, and yield its base URL."""
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield line.strip().partition("=")[2]
        finally:
            process.terminate()


def time_to_first_response() -> float:
    """The seconds from the start of the process to its first response."""
    began = time.perf_counter()
    with served() as base_url:
        urllib.request.urlopen(f"{base_url}/_emulator/health", timeout=60).close()  # noqa: S310
        return time.perf_counter() - began


async def requests_per_second(base_url: str, requests: int) -> float:
    """Post messages over several connections, and return the rate.

    Requests are written as bytes, so that the client takes little of the time.
    """
    parts = urlsplit(base_url)
    key = base64.b64encode(b"app_demo_key:demo_secret").decode()

    def encoded(path: str, body: object) -> bytes:
        content = json.dumps(body)
        return (
            f"POST {path} HTTP/1.1\r\nhost: {parts.netloc}\r\nauthorization: Basic {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n{content}"
        ).encode()

    async def respond(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
    ) -> bytes:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 20"), head
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        return await reader.readexactly(length)

    async def post(count: int) -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        arrived = await respond(reader, writer, encoded("/_emulator/arrive", {"text": "Hi"}))
        conversation = json.loads(arrived)["conversation"]["id"]
        body = {"author": {"type": "business"}, "content": {"type": "text", "text": "Hello!"}}
        path = f"/v2/apps/app_demo/conversations/{conversation}/messages"
        request = encoded(path, body)
        for _ in range(count):
            await respond(reader, writer, request)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(post(requests // CONNECTIONS) for _ in range(CONNECTIONS)))
    return requests / (time.perf_counter() - began)


def bytes_per_message(messages: int) -> float:
    """The memory of this process for each message."""
    emulator = Emulator()
    for number in range(USERS):
        emulator.arrive("Hi", external_id=f"user-{number}")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(messages):
        emulator.say(f"user-{number % USERS}", f"Message number {number}")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (after - before) * RSS_UNIT / messages


def main(requests: str = "20000", messages: str = "100000") -> None:
    """Measure, and print the figures."""
    starts = sorted(time_to_first_response() for _ in range(5))
    print(f"start to first response: {starts[2] * 1000:.0f} ms (median of 5)")
    with served() as base_url:
        rate = asyncio.run(requests_per_second(base_url, int(requests)))
    print(f"requests per second, with the request journal: {rate:.0f}")
    each = bytes_per_message(int(messages))
    print(f"memory for {messages} messages: {each * int(messages) / 1e6:.0f} MB, {each:.0f} B each")


if __name__ == "__main__":
    main(*sys.argv[1:])
