from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio
import uvicorn

from sunco.emulator import Emulator, server

if TYPE_CHECKING:
    from playwright.async_api import Browser
    from starlette.types import Receive, Scope, Send

CHROMIUM = os.environ.get("SUNCO_CHROMIUM") or shutil.which("chromium") or ""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class ServedEmulator(Emulator):
    """Acts in the event loop of its server, since it belongs to one loop, from any thread."""

    def __init__(self) -> None:
        self._time = datetime(2025, 2, 3, 16, 21, tzinfo=UTC)
        super().__init__(clock=self._tick)
        self._loop: asyncio.AbstractEventLoop | None = None

    def _tick(self) -> datetime:
        # Slower than any machine, so that nothing expires while a test waits for it.
        self._time += timedelta(milliseconds=1)
        return self._time

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        await self.app(scope, receive, send)

    def control(self, name: str, /, **arguments: Any) -> Any:
        return self._in_loop(super().control, name, **arguments)

    def _perform(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        performed: dict[str, Any] = self._in_loop(super()._perform, name, body)
        return performed

    def _in_loop(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        async def perform() -> Any:
            return call(*arguments, **named)

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(perform(), self._loop).result(60)


@pytest.fixture
def emulator() -> Emulator:
    return ServedEmulator()


@pytest.fixture
def address(emulator: ServedEmulator) -> Iterator[str]:
    """Where the emulator is served, in a thread of its own."""
    with server.listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            emulator.serve,
            interface="asgi3",
            log_level="warning",
            lifespan="on",
            timeout_graceful_shutdown=1,
        )
        served = uvicorn.Server(config)
        thread = threading.Thread(target=served.run, args=([listener],))
        thread.start()
        # The first response shows that the loop runs.
        port = listener.getsockname()[1]
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=60).raise_for_status()
        yield f"http://127.0.0.1:{port}"
        served.should_exit = True
        thread.join()


@pytest_asyncio.fixture
async def browser(address: str) -> AsyncIterator[Browser]:
    # The pages are closed before the server, which would wait for their event streams.
    del address
    reason = "playwright is not installed: nox -s browser installs it"
    playwright = pytest.importorskip("playwright.async_api", reason=reason)
    if not CHROMIUM:
        pytest.skip("no Chromium is found; SUNCO_CHROMIUM names one")
    async with playwright.async_playwright() as library:
        launched = await library.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        await launched.close()
