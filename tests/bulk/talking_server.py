"""A platform on loopback with a long conversation and as many small ones as are asked for."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

PAGE = 100
SMALL = 20
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def message(number: int) -> dict[str, object]:
    """A message as the API sends it."""
    return {
        "id": f"{number:024x}",
        "received": (BEGAN + timedelta(seconds=number)).isoformat().replace("+00:00", ".000Z"),
        "author": {"type": "user", "userId": "61259f36c63ed300d8a95e45", "displayName": "Steve"},
        "content": {"type": "text", "text": f"Hello, I need help with order {number}."},
        "source": {"type": "web", "integrationId": "582dedf230e788746891281a"},
        "metadata": {"lang": "en-ca"},
        "unheardOf": [number],
    }


def respond(path: str, query: str, long: int) -> dict[str, object]:
    """The document at a path."""
    parts = path.split("/")
    identity = parts[5]
    if len(parts) == 6:
        return {"conversation": {"id": identity, "type": "personal"}}
    if parts[6] == "participants":
        return {"participants": [{"id": "p1", "userId": "u1"}], "meta": {"hasMore": False}}
    stored = long if identity == "long" else SMALL
    end = int(query.rpartition("=")[2]) if query else stored
    start = max(0, end - PAGE)
    meta = {"hasMore": start > 0, "beforeCursor": str(start)}
    return {"messages": [message(number) for number in range(start, end)], "meta": meta}


async def serve(long: int) -> None:
    """Serve until standard input ends."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path, _, query = head.split(" ")[1].partition("?")
                body = json.dumps(respond(path, query, long)).encode()
                start = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(start.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextmanager
def serving(long: int) -> Generator[str]:
    """The server in a process of its own; its URL."""
    command = [sys.executable, __file__, str(long)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
