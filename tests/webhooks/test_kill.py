"""A short form of `nox -s kill`."""

from __future__ import annotations

from pathlib import Path

import anyio

from webhooks.killing import Run


def test_killed_bots_lose_no_event_and_send_no_reply_twice(tmp_path: Path) -> None:
    run = Run(
        tmp_path, kills=1, conversations=6, events=8, poisonous=0, seed=1, bots=2, seconds=100
    )
    report = anyio.run(run.run)
    assert report.kills == 1
    assert report.exits == 0
    assert report.acknowledged == 48
    assert report.dead_lettered == 0
    assert report.violations == []
    # At most one event of each conversation was in flight.
    assert len(report.repeated) <= 6
