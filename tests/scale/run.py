"""The scale trials with their bars, in one run: python -m scale.run [--short] [SECTION ...]."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import anyio
from support import postgres, redis

from scale.trials import (
    bulk_job,
    chaos,
    cut_off,
    limited,
    processed_per_second,
    stored_per_second,
)
from sunco.webhooks import PostgresInbox, SQLiteInbox

Row: TypeAlias = tuple[str, str, str, bool]
"""What, the bar, the figure, and whether it is met."""

SHORT = "--short" in sys.argv


def size(full: int) -> int:
    return max(1, full // 10) if SHORT else full


@contextmanager
def server() -> Generator[postgres.PostgresServer]:
    """A server with fsync on, as in production."""
    started = postgres.PostgresServer(fsync=True)
    try:
        yield started
    finally:
        started.remove()


def ratio(what: str, bar: float, figure: float) -> Row:
    return what, f">= {bar:g}x", f"{figure:.2f}x", figure >= bar


def storing() -> Iterator[Row]:
    """Storing against SQLiteInbox, and against itself without group commit."""
    events = size(20_000)
    with server() as own, tempfile.TemporaryDirectory() as folder:

        async def rates() -> tuple[float, float, float]:
            shared = PostgresInbox(own.dsn)
            alone = PostgresInbox(own.dsn, name="alone")
            return (
                await stored_per_second(SQLiteInbox(Path(folder, "inbox.db")), events=events),
                await stored_per_second(shared, events=events),
                await stored_per_second(alone, events=events // 10, tasks=1),
            )

        sqlite, postgresql, one = anyio.run(rates)
    yield ratio("storing against SQLiteInbox", 0.4, postgresql / sqlite)
    yield ratio("storing, 64 tasks against 1 (group commit)", 5, postgresql / one)


def processing() -> Iterator[Row]:
    """Processing with one, two and four workers."""
    with server() as own:
        one, two, four = (
            processed_per_second(own.dsn, workers=workers, events=size(3000) * workers)
            for workers in (1, 2, 4)
        )
    yield ratio("processing, 20 ms handler, 2 workers against 1", 1.8, two / one)
    yield ratio("processing, 20 ms handler, 4 workers against 1", 3.0, four / one)


def kills() -> Iterator[Row]:
    """Killed workers and restarts of the server."""
    with server() as own:
        found = chaos(own, events=size(20_000), workers=4, kills=size(10), restarts=size(20) // 10)
    text = (
        f"{found.events} events: lost {found.lost}, out of order {found.out_of_order}, "
        f"at the same time {found.at_the_same_time}, twice {found.twice} of {found.in_hand} in hand"
    )
    whole = not (found.lost or found.out_of_order or found.at_the_same_time)
    yield "chaos", "0, 0, 0, twice <= in hand", text, whole and found.twice <= found.in_hand


def cut() -> Iterator[Row]:
    """A worker that is cut off from the database."""
    with server() as own:
        times = size(5)
        found = cut_off(own.dsn, own.port, times=times, events=size(3000))
    text = (
        f"{times} times, {found.events} events: lost {found.lost}, out of order "
        f"{found.out_of_order}, at the same time {found.at_the_same_time}"
    )
    whole = not (found.lost or found.out_of_order or found.at_the_same_time)
    yield "worker cut off from the database", "0, 0, 0", text, whole


def bulk() -> Iterator[Row]:
    """A bulk job with one, two and four workers, and with one that is killed."""
    with server() as own:
        one, two, four = (
            bulk_job(own.dsn, workers=workers, items=size(4000) * workers) for workers in (1, 2, 4)
        )
        killed = bulk_job(own.dsn, workers=4, items=size(10_000), kills=1)
    yield ratio("bulk, 2 workers against 1", 1.7, two.rate / one.rate)
    yield ratio("bulk, 4 workers against 1", 2.6, four.rate / one.rate)
    text = f"{killed.keys} keys called, {killed.twice} of them twice (for post_once to look up)"
    yield "bulk, one kill -9", "all keys", text, killed.keys == size(10_000)


def limiter() -> Iterator[Row]:
    """One rate for four processes, with both engines."""
    with server() as own:
        for engine, url in (("PostgreSQL", ""), ("Valkey", redis.url())):
            for rate in (200, 2000):
                found = limited(
                    own.dsn, rate=rate, processes=4, seconds=3 if SHORT else 10, redis=url
                )
                text = (
                    f"mean {found.mean:.1f}, busiest second {found.busiest}, "
                    f"{found.calls_per_turn:.3f} calls per turn"
                )
                met = (
                    abs(found.mean / rate - 1) <= 0.01
                    and found.busiest <= rate * 1.02 + 2
                    and found.calls_per_turn <= 0.15
                )
                yield f"limiter on {engine}, {rate}/s", "1 %, 2 % + 2, 0.15", text, met


SECTIONS: dict[str, Callable[[], Iterator[Row]]] = {
    each.__name__: each for each in (storing, processing, bulk, limiter, kills, cut)
}


def main() -> None:
    """Run the sections and print the table."""
    chosen = [name for name in sys.argv[1:] if name in SECTIONS] or list(SECTIONS)
    missed = 0
    sys.stdout.write(f"{os.cpu_count()} cores, run {uuid.uuid4().hex[:6]}\n")
    for name in chosen:
        for what, bar, figure, met in SECTIONS[name]():
            missed += not met
            sys.stdout.write(f"{'met   ' if met else 'MISSED'} {what}: {figure} (bar: {bar})\n")
            sys.stdout.flush()
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
