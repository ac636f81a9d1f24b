"""Short forms of the scale trials; `nox -s scale` runs the long ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import postgres, redis

from scale.trials import bulk_job, chaos, cut_off, limited


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgresServer]:
    own = postgres.PostgresServer()
    yield own
    own.remove()


def test_killed_workers_and_a_restart_of_the_server_lose_nothing_and_keep_the_order(
    server: postgres.PostgresServer,
) -> None:
    verdict = chaos(server, events=300, workers=2, kills=1, restarts=1)
    assert verdict.events == 300
    assert (verdict.lost, verdict.out_of_order, verdict.at_the_same_time) == (0, 0, 0)
    assert verdict.twice <= verdict.in_hand + 16


def test_a_worker_that_is_cut_off_never_works_beside_the_one_that_takes_over(
    server: postgres.PostgresServer,
) -> None:
    verdict = cut_off(server.dsn, server.port, times=1, events=200, seconds=0.2)
    assert verdict.events == 200
    assert (verdict.lost, verdict.out_of_order, verdict.at_the_same_time) == (0, 0, 0)


def test_a_killed_process_of_a_bulk_job_leaves_nothing_undone(
    server: postgres.PostgresServer,
) -> None:
    sent = bulk_job(server.dsn, workers=2, items=300, kills=1)
    assert sent.keys == 300
    # Without an idempotent function, what was in flight is done again.
    assert sent.twice <= 2 * 50


@pytest.mark.parametrize("engine", ["postgres", "redis"])
def test_processes_share_one_rate(server: postgres.PostgresServer, engine: str) -> None:
    url = redis.url() if engine == "redis" else ""
    shared = limited(server.dsn, rate=100, processes=2, seconds=2, redis=url)
    assert shared.busiest <= 104
    assert shared.mean <= 102
