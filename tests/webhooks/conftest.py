from __future__ import annotations

from pathlib import Path

import pytest

from sunco.webhooks import Inbox, MemoryInbox, SQLiteInbox
from webhooks.support import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Inbox:
    """Every test that asks for an inbox runs with each."""
    if request.param == "memory":
        return MemoryInbox(clock=clock)
    # The flushing that "full" asks for is the operating system's to do, and slow.
    return SQLiteInbox(tmp_path / "inbox.db", clock=clock, synchronous="normal")
