from __future__ import annotations

import pytest


@pytest.fixture
def quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that share a job look for what others have done all the time."""
    monkeypatch.setattr("sunco.bulk.shared._POLL_SECONDS", 0.005)
