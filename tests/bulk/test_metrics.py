"""The metrics of a job, as OpenTelemetry's reader finds them."""

from __future__ import annotations

import pytest
from support.metrics import Metrics

from sunco.bulk import MemoryJournal, Report, run

pytestmark = pytest.mark.anyio


async def send(item: int) -> None:
    if item == 3:
        raise ValueError("no")
    if item == 4:
        raise TimeoutError


async def test_the_items_of_a_job_are_reported_by_state() -> None:
    metrics, journal, seen = Metrics(), MemoryJournal(), list[Report]()
    await run(send, [0], key=str, job="spring", journal=journal)
    update = metrics.switch.job("spring", callback=seen.append)
    await run(send, range(6), key=str, job="spring", journal=journal, progress=update)
    expected = {("done", "spring"): 4, ("failed", "spring"): 1, ("uncertain", "spring"): 1}
    assert metrics.read()["sunco.job.items"] == {**expected, ("left", "spring"): 0}
    assert seen[-1].finished == 6


def test_what_is_left_is_reported_where_the_total_is_known() -> None:
    metrics = Metrics()
    metrics.switch.job("a")(Report(done=2, total=5, in_flight=1))
    metrics.switch.job("b")(Report(done=2))
    assert metrics.read()["sunco.job.items"] == {
        ("done", "a"): 2,
        ("failed", "a"): 0,
        ("uncertain", "a"): 0,
        ("left", "a"): 3,
        ("done", "b"): 2,
        ("failed", "b"): 0,
        ("uncertain", "b"): 0,
    }
