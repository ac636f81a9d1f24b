"""The scale trials with their bars, in one run: python -m scale.run [--short] [SECTION ...]."""

from __future__ import annotations

import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import attrs
from support import postgres, redis

from scale.network import has_namespaces, namespace, proxy
from scale.trials import (
    Campaign,
    Ungrouped,
    Verdict,
    bulk_job,
    campaign,
    chaos,
    cut_off,
    limited,
    processed_per_second,
    stored_per_second,
)
from sunco.webhooks import PostgresInbox, SQLiteInbox


@attrs.frozen
class Row:
    """A figure beside its bar."""

    what: str
    bar: str
    figure: str
    met: bool


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
    return Row(what, f">= {bar:g}x", f"{figure:.2f}x", figure >= bar)


def order(what: str, found: Verdict, *, repeats: bool = False) -> Row:
    """A trial in which nothing is lost, out of order, or in two places."""
    text = f"{found.lost}, {found.out_of_order}, {found.at_the_same_time} of {found.events} events"
    bar = "lost 0, out of order 0, at the same time 0"
    met = not (found.lost or found.out_of_order or found.at_the_same_time)
    if repeats:
        bar += ", twice <= in hand"
        text += f", twice {found.twice} of {found.in_hand} in hand"
        met = met and found.twice <= found.in_hand
    return Row(what, bar, text, met)


def storing() -> Iterator[Row]:
    """Storing against SQLiteInbox, and against itself without group commit."""
    events = size(20_000)
    with server() as own, tempfile.TemporaryDirectory() as folder:

        async def rates() -> tuple[float, float, float]:
            return (
                await stored_per_second(SQLiteInbox(Path(folder, "inbox.db")), events=events),
                await stored_per_second(PostgresInbox(own.dsn), events=events),
                await stored_per_second(Ungrouped(own.dsn, name="alone"), events=events // 5),
            )

        sqlite, grouped, ungrouped = anyio.run(rates)
    yield ratio("storing, against `SQLiteInbox`", 0.4, grouped / sqlite)
    yield ratio("storing, against itself without group commit", 5, grouped / ungrouped)


def processing() -> Iterator[Row]:
    """Processing with one, two and four workers."""
    with server() as own:
        one, two, four = (
            processed_per_second(own.dsn, workers=workers, events=size(4000) * workers)
            for workers in (1, 2, 4)
        )
    yield ratio("processing, 20 ms handler, 2 workers against 1", 1.8, two / one)
    yield ratio("processing, 20 ms handler, 4 workers against 1", 3.0, four / one)


def kills() -> Iterator[Row]:
    """Killed workers and restarts of the server."""
    kills, restarts = size(10), max(1, size(2))
    with server() as own:
        found = chaos(
            own, events=size(20_000), workers=4, kills=kills, restarts=restarts, lease=12.0
        )
    what = f"4 workers, 2 storers, {kills} `kill -9`, {restarts} restarts of PostgreSQL"
    yield order(what, found, repeats=True)


def loops() -> Iterator[Row]:
    """The same run on each event loop."""
    for backend in ("asyncio", "trio"):
        with server() as own:
            found = chaos(
                own,
                events=size(3000),
                workers=2,
                kills=2,
                restarts=1,
                lease=12.0,
                backends=[backend],
            )
        yield order(f"2 workers on {backend}, 2 `kill -9`, 1 restart", found, repeats=True)


def cut() -> Iterator[Row]:
    """A worker that is cut off from the database."""
    times = size(5)
    ways = {"proxy": proxy} | ({"network namespace": namespace} if has_namespaces() else {})
    for name, way in ways.items():
        with server() as own:
            found = cut_off(own.dsn, own.port, way, times=times, events=size(1500), lease=3.0)
        yield order(f"worker cut off from the database {times} times ({name})", found)


def bulk() -> Iterator[Row]:
    """A bulk job with one, two and four workers, and with one that is killed."""
    with server() as own:
        one, two, four = (
            bulk_job(own.dsn, workers=workers, items=size(4000) * workers) for workers in (1, 2, 4)
        )
        items = size(10_000)
        killed = campaign(
            own, items=items, workers=4, kills=1, restarts=0, rate=5000, faults=0, lease=3.0
        )
    yield ratio("bulk, 2 workers against 1", 1.7, two.rate / one.rate)
    yield ratio("bulk, 4 workers against 1", 2.6, four.rate / one.rate)
    yield taken("bulk, 4 workers, one `kill -9`", killed, items)


def taken(what: str, found: Campaign, items: int) -> Row:
    """Whether every key was taken exactly once."""
    times = found.taken
    twice = sum(keys for count, keys in times.items() if count > 1)
    text = f"{times.get(1, 0)} of {items} once, {twice} more often"
    return Row(what, "each once", text, times == {1: items})


def many() -> Iterator[Row]:
    """A campaign of four workers against a faulty platform, with kills and restarts."""
    items, kills, restarts, rate = size(100_000), size(6), 2, 1000.0
    with server() as own:
        found = campaign(
            own, items=items, workers=4, kills=kills, restarts=restarts, rate=rate, faults=0.002
        )
    what = f"campaign, {kills} `kill -9`, {restarts} restarts, {sum(found.faults.values())} faults"
    yield taken(what, found, items)
    text = f"mean {found.mean:.0f}, busiest second {found.busiest}"
    met = found.busiest <= rate * 1.02 + 2
    yield Row(f"campaign, rate {rate:g}/s", "busiest second <= rate + 2 % + 2", text, met)


def limiter() -> Iterator[Row]:
    """One rate for four processes, with both engines."""
    with server() as own:
        for engine, url in (("PostgreSQL", ""), ("Valkey", redis.url())):
            for rate in (200, 2000):
                found = limited(
                    own.dsn, rate=rate, processes=4, seconds=3 if SHORT else 10, redis=url
                )
                text = f"{found.mean:.1f}, {found.busiest}, {found.calls_per_turn:.3f}"
                met = (
                    abs(found.mean / rate - 1) <= 0.01
                    and found.busiest <= rate * 1.02 + 2
                    and found.calls_per_turn <= 0.15
                )
                bar = "mean +- 1 %, busiest second <= rate + 2 % + 2, calls per turn <= 0.15"
                yield Row(f"limiter on {engine}, 4 processes, {rate}/s", bar, text, met)


SECTIONS: dict[str, Callable[[], Iterator[Row]]] = {
    "storing": storing,
    "processing": processing,
    "bulk": bulk,
    "limiter": limiter,
    "chaos": kills,
    "loops": loops,
    "cut": cut,
    "campaign": many,
}


def run(name: str) -> Iterator[Row]:
    """The rows of a section; one that fails is a row, too."""
    try:
        yield from SECTIONS[name]()
    except Exception as error:  # noqa: BLE001 - the other sections still run
        text = " ".join(str(error).split())[-300:]
        yield Row(name, "runs to its end", f"{type(error).__name__}: {text}", met=False)


def stop(_number: int, _frame: object) -> None:
    """End with what was started."""
    sys.exit(1)


def main() -> None:
    """Run the sections and print the table."""
    signal.signal(signal.SIGTERM, stop)
    chosen = [name for name in sys.argv[1:] if name in SECTIONS] or list(SECTIONS)
    rows: list[Row] = []
    for name in chosen:
        began = time.monotonic()
        for row in run(name):
            rows.append(row)
            say(f"{'met   ' if row.met else 'MISSED'} {row.what}: {row.figure} (bar: {row.bar})")
        say(f"       {name}: {time.monotonic() - began:.0f} s")
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    say(f"\n{os.cpu_count()} cores, Python {platform.python_version()}, load average {load}\n")
    say("| what | bar | measured | |")
    say("| --- | --- | --- | --- |")
    for row in rows:
        say(f"| {row.what} | {row.bar} | {row.figure} | {'met' if row.met else 'missed'} |")
    sys.exit(0 if all(row.met for row in rows) else 1)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
