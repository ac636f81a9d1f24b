"""Exports and servers where no thread can be started, as at the limit of a system."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import anyio.to_thread
import pytest

from sunco import ConfigurationError, bulk
from sunco.emulator import Emulator
from sunco.ratelimit import RedisRateLimiter
from sunco.testing import connect
from sunco.webhooks import PostgresInbox

pytestmark = pytest.mark.anyio


async def no_threads(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("can't start new thread")


async def test_an_export_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with connect(Emulator()) as sunco:
        monkeypatch.setattr(anyio.to_thread, "run_sync", no_threads)
        with pytest.raises(ConfigurationError, match="needs a thread"):
            await bulk.export_conversations(sunco, users=["ada"], to=tmp_path)


async def test_a_shared_rate_limit_cannot_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter = RedisRateLimiter("redis://127.0.0.1:1", rate=5, name="app")
    monkeypatch.setattr(anyio.to_thread, "run_sync", no_threads)
    with pytest.raises(ConfigurationError, match="needs a thread"):
        await limiter.acquire()


async def test_a_database_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = PostgresInbox("postgresql://127.0.0.1:1/app")
    monkeypatch.setattr(anyio.to_thread, "run_sync", no_threads)
    with pytest.raises(ConfigurationError, match="needs a thread"):
        await inbox.open()
