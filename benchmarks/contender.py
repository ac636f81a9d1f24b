"""One contender in one discipline, in a process of its own; prints what it measured as JSON.

python benchmarks/contender.py posts sunco 8000 64 4000
"""

from __future__ import annotations

import asyncio
import importlib
import json
import resource
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import server

CONNECTIONS = 100
KEY = ("app_k", "secret")
PATH = "/v2/apps/a/conversations/c1/messages"
BODY = {"author": {"type": "business"}, "content": {"type": "text", "text": "Hello!"}}

Act = Callable[[], Awaitable[object]]


def without_orjson() -> None:
    """As it is installed by default."""
    sys.modules["orjson"] = None  # type: ignore[assignment]


def sunco_client(name: str, port: int) -> Any:
    """A client, over the transport that a contender's name says."""
    if name == "sunco":
        without_orjson()
    import sunco

    transport = sunco.AiohttpTransport() if name == "sunco[speed]" else sunco.HttpxTransport()
    return sunco.Sunco(
        app_id="a",
        key_id=KEY[0],
        key_secret=KEY[1],
        base_url=f"http://127.0.0.1:{port}",
        transport=transport,
    )


async def rate(act: Act, in_flight: int, total: int) -> float:
    """Calls per second, by a number of concurrent tasks."""

    async def work(times: int) -> None:
        for _ in range(times):
            await act()

    await asyncio.gather(*(work(3) for _ in range(in_flight)))
    each = max(1, total // in_flight)
    began = time.perf_counter()
    await asyncio.gather(*(work(each) for _ in range(in_flight)))
    return each * in_flight / (time.perf_counter() - began)


async def posts_by_sunco(name: str, port: int, in_flight: int, total: int) -> float:
    """Posts a second by sunco."""
    async with sunco_client(name, port) as sunco:
        return await rate(lambda: sunco.messages.post("c1", "Hello!"), in_flight, total)


async def posts_by_httpx(port: int, in_flight: int, total: int) -> float:
    """Posts a second by a plain httpx client."""
    import httpx

    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", auth=KEY, limits=limits, timeout=300
    ) as client:

        async def post() -> Any:
            return (await client.post(PATH, json=BODY)).json()

        return await rate(post, in_flight, total)


async def posts_by_aiohttp(port: int, in_flight: int, total: int) -> float:
    """Posts a second by a plain aiohttp session."""
    import aiohttp

    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}",
        auth=aiohttp.BasicAuth(*KEY),
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
    ) as session:

        async def post() -> Any:
            headers = {"Content-Type": "application/json"}
            async with session.post(PATH, data=json.dumps(BODY), headers=headers) as response:
                return json.loads(await response.read())

        return await rate(post, in_flight, total)


def posts_by_vendor(port: int, in_flight: int, total: int) -> float:
    """Posts per second by the vendor's package, in a number of threads."""
    package = importlib.import_module("sunshine_conversations_client")
    settings = package.Configuration(
        host=f"http://127.0.0.1:{port}", username=KEY[0], password=KEY[1]
    )
    settings.connection_pool_maxsize = max(in_flight, CONNECTIONS)
    messages = package.MessagesApi(package.ApiClient(settings))

    def work(times: int) -> None:
        for _ in range(times):
            content = package.Content(package.TextMessage(type="text", text="Hello!"))
            post = package.MessagePost(author=package.Author(type="business"), content=content)
            messages.post_message("a", "c1", post)

    def all_at_once(times: int) -> None:
        threads = [threading.Thread(target=work, args=(times,)) for _ in range(in_flight)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    all_at_once(3)
    each = max(1, total // in_flight)
    began = time.perf_counter()
    all_at_once(each)
    return each * in_flight / (time.perf_counter() - began)


def posts(name: str, port: int, in_flight: int, total: int) -> float:
    """Posts a second."""
    if name.startswith("sunco"):
        return asyncio.run(posts_by_sunco(name, port, in_flight, total))
    if name == "vendor":
        return posts_by_vendor(port, in_flight, total)
    by = posts_by_httpx if name == "httpx" else posts_by_aiohttp
    return asyncio.run(by(port, in_flight, total))


async def walk_by_sunco(name: str, port: int) -> float:
    """Messages a second, read by sunco."""
    async with sunco_client(name, port) as sunco:
        await sunco.messages.list("c1")
        began = time.perf_counter()
        count = 0
        async for _ in sunco.messages.list("c1"):
            count += 1
        return count / (time.perf_counter() - began)


async def walk_by_httpx(port: int) -> float:
    """Messages a second, read by a loop that only parses JSON."""
    import httpx

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", auth=KEY) as client:
        await client.get(PATH)
        began = time.perf_counter()
        count = 0
        cursor: str | None = ""
        while cursor is not None:
            params = {"page[before]": cursor} if cursor else {}
            document = json.loads((await client.get(PATH, params=params)).content)
            count += len(document["messages"])
            meta = document["meta"]
            cursor = meta["beforeCursor"] if meta["hasMore"] else None
        return count / (time.perf_counter() - began)


def walk(name: str, port: int) -> float:
    """Messages a second, read page by page."""
    by = walk_by_httpx(port) if name == "httpx" else walk_by_sunco(name, port)
    return asyncio.run(by)


def decode(name: str) -> float:
    """Pages of 100 messages a second."""
    content = server.page(0)
    act: Callable[[], object]
    if name == "json":
        act = lambda: json.loads(content)  # noqa: E731 - one of three
    elif name == "vendor":
        package = importlib.import_module("sunshine_conversations_client")
        client = package.ApiClient(package.Configuration())
        text = content.decode()
        act = lambda: client.deserialize(text, "MessageListResponse", "application/json")  # noqa: E731
    else:
        if name == "sunco":
            without_orjson()
        from sunco import codec
        from sunco.models import Message

        act = lambda: codec.decode(content, list[Message], key="messages")  # noqa: E731
    for _ in range(5):
        act()
    times = 100
    began = time.perf_counter()
    for _ in range(times):
        act()
    return times / (time.perf_counter() - began)


def importing(name: str) -> float:
    """Seconds that an import takes."""
    began = time.perf_counter()
    if name == "vendor":
        __import__("sunshine_conversations_client")
    elif name == "httpx":
        __import__("httpx")
    else:
        __import__("sunco").Sunco  # noqa: B018 - loads the class
    return time.perf_counter() - began


def main() -> None:
    """Compete."""
    discipline, name, *numbers = sys.argv[1:]
    disciplines: dict[str, Callable[..., float]] = {
        "posts": posts,
        "walk": walk,
        "decode": decode,
        "import": importing,
    }
    figure = disciplines[discipline](name, *map(int, numbers))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"figure": figure, "peak": peak}))


if __name__ == "__main__":
    main()
