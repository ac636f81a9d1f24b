"""Short forms of the scale trials; `nox -s scale` runs the long ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import postgres, redis

from scale.network import proxy
from scale.trials import bulk_job, campaign, chaos, cut_off, limited


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.PostgresServer]:
    own = postgres.PostgresServer()
    yield own
    own.remove()


def test_killed_workers_and_a_restart_of_the_server_lose_nothing_and_keep_the_order(
    server: postgres.PostgresServer,
) -> None:
    # One worker is on asyncio, the other on trio.
    verdict = chaos(server, events=200, workers=2, kills=1, restarts=1, lease=5.0)
    assert verdict.events == 200
    assert (verdict.lost, verdict.out_of_order, verdict.at_the_same_time) == (0, 0, 0)
    # On a slow machine, the restart can outlast the lease.
    assert verdict.twice <= verdict.in_hand + 16


def test_a_worker_that_is_cut_off_never_works_beside_the_one_that_takes_over(
    server: postgres.PostgresServer,
) -> None:
    verdict = cut_off(server.dsn, server.port, proxy, times=1, events=200, seconds=0.2)
    assert verdict.events == 200
    assert (verdict.lost, verdict.out_of_order, verdict.at_the_same_time) == (0, 0, 0)


def test_a_killed_process_of_a_bulk_job_leaves_nothing_undone(
    server: postgres.PostgresServer,
) -> None:
    sent = bulk_job(server.dsn, workers=2, items=300, kills=1)
    assert sent.keys == 300
    # Without an idempotent function, what was in flight is done again.
    assert sent.twice <= 2 * 50


def test_a_campaign_takes_every_key_once_in_spite_of_faults_a_kill_and_a_restart(
    server: postgres.PostgresServer,
) -> None:
    found = campaign(
        server, items=400, workers=2, kills=1, restarts=1, rate=200, faults=0.01, lease=5.0
    )
    assert found.taken == {1: 400}
    assert found.faults


@pytest.mark.parametrize("engine", ["postgres", "redis"])
def test_processes_share_one_rate(server: postgres.PostgresServer, engine: str) -> None:
    url = redis.url() if engine == "redis" else ""
    shared = limited(server.dsn, rate=100, processes=2, seconds=2, redis=url)
    # Twice as many if they did not share it; a process that is held up can be late with a turn.
    assert shared.busiest <= 110
    assert shared.mean <= 110
