from __future__ import annotations

from pathlib import Path

import pytest

from sunco.webhooks import Inbox, MemoryInbox
from webhooks.support import FakeClock, sqlite_inbox


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Inbox:
    """Every test that asks for an inbox runs with each."""
    if request.param == "memory":
        return MemoryInbox(clock=clock)
    return sqlite_inbox(tmp_path / "inbox.db", clock)
