from __future__ import annotations

import os
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
import uvicorn

from sunco.emulator import Emulator, server

if TYPE_CHECKING:
    from playwright.async_api import Browser

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


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
def address(emulator: Emulator) -> Iterator[str]:
    """Where the emulator is served, in a thread of its own."""
    with server.listen("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            emulator.app, log_level="warning", lifespan="on", timeout_graceful_shutdown=1
        )
        served = uvicorn.Server(config)
        thread = threading.Thread(target=served.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
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
