"""What is true of every transport is tested with every one, on all that it runs on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest
from support import server as servers

from sunco import HttpxTransport, Transport
from sunco.transport import AiohttpTransport

Made = Callable[..., AbstractAsyncContextManager[Transport]]


@pytest.fixture(
    params=[("asyncio", HttpxTransport), ("trio", HttpxTransport), ("asyncio", AiohttpTransport)],
    ids=["httpx-asyncio", "httpx-trio", "aiohttp"],
)
def combination(request: pytest.FixtureRequest) -> tuple[str, Callable[..., Transport]]:
    """What carries, and what it runs on."""
    chosen: tuple[str, Callable[..., Transport]] = request.param
    return chosen


@pytest.fixture
def anyio_backend(combination: tuple[str, object]) -> str:
    return combination[0]


@pytest.fixture
def transport(combination: tuple[object, Callable[..., Transport]]) -> Made:
    return partial(servers.transport, kind=combination[1])
