"""The conformance suite, for the inboxes of this package."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.metrics import Metrics

from sunco.testing import InboxCheck, InboxSubject, inbox_suite
from sunco.webhooks.inbox import sqlite
from sunco.webhooks.inbox.base import Inbox
from sunco.webhooks.inbox.memory import MemoryInbox
from sunco.webhooks.inbox.sqlite import SQLiteInbox
from webhooks.support import FakeClock, sqlite_inbox

pytestmark = pytest.mark.anyio


class Monotonic:
    """A monotonic clock that tests advance."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    clock = Monotonic()
    monkeypatch.setattr(sqlite, "monotonic", clock)
    return clock


@pytest.fixture(params=["memory", "metered", "sqlite"])
def subject(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, monotonic: Monotonic
) -> InboxSubject:
    if request.param != "sqlite":
        inbox: Inbox = MemoryInbox(clock=clock)
        if request.param == "metered":
            inbox = Metrics().switch.inbox(inbox)
        return InboxSubject(make=lambda: inbox, advance=clock.advance)

    async def expire(_: Inbox) -> None:
        monotonic.time += 20

    def make() -> SQLiteInbox:
        return sqlite_inbox(tmp_path / "inbox.db", clock)

    return InboxSubject(make=make, advance=clock.advance, expire=expire)


@pytest.mark.parametrize("check", inbox_suite(), ids=lambda check: check.__name__)
async def test_inboxes_conform(check: InboxCheck, subject: InboxSubject) -> None:
    await check(subject)
