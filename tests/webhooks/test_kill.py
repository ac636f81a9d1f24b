"""A short form of `nox -s kill`."""

from __future__ import annotations

from pathlib import Path

import anyio

from webhooks.killing import Run


def test_no_acknowledged_event_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    run = Run(tmp_path, kills=2, conversations=8, events=25, seed=1, seconds=60)
    report = anyio.run(run.run)
    assert report.kills == 2
    assert report.acknowledged == 200
    assert report.lost == []
    assert report.out_of_order == []
    assert report.wrongly_repeated == []
    # Of each conversation one at most is under way.
    assert len(report.repeated) <= 2 * 8
