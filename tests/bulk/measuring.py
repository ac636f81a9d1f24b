"""Measure bulk jobs: the rate against a bare loop, and the memory by how many items there are.

python -m bulk.measuring rate POSTS
python -m bulk.measuring memory
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from bulk.killing import TESTS, faulty_server
from sunco import Sunco
from sunco.bulk import SQLiteJournal, run

CONCURRENCY = 64
ROUNDS = 20


async def bare(post: Callable[[int], Awaitable[Any]], posts: int) -> None:
    """What people write: so many workers over one iterator."""
    numbers = iter(range(posts))

    async def work() -> None:
        for number in numbers:
            await post(number)

    async with anyio.create_task_group() as tasks:
        for _ in range(CONCURRENCY):
            tasks.start_soon(work)


async def rates(url: str, posts: int) -> None:
    """Print the rates of a bare loop, of a job, and of a job with a journal.

    They take turns many times, so that what else the machine does befalls all three alike.
    """
    async with Sunco(app_id="a", key_id="k", key_secret="s", base_url=url) as sunco:

        async def post(number: int) -> None:
            await sunco.messages.post(f"c{number % 1000}", f"message {number}")

        wall, processor = [0.0] * 4, [0.0] * 4
        share = posts // ROUNDS
        await bare(post, share)
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as place:
                journal = Path(place) / "j.sqlite"
                for way, work in enumerate(
                    (
                        bare(post, share),
                        run(post, range(share), key=str),
                        run(post, range(share), key=str, journal=journal),
                        run(
                            post,
                            range(share),
                            key=str,
                            journal=SQLiteJournal(Path(place) / "n.sqlite", synchronous="normal"),
                        ),
                    )
                ):
                    began, busy = time.perf_counter(), time.process_time()
                    await work
                    wall[way] += time.perf_counter() - began
                    processor[way] += time.process_time() - busy
    for name, spent in (("time", wall), ("the client's processor time", processor)):
        loop, job, journalled, normal = spent
        sys.stdout.write(
            f"{posts} posts, {CONCURRENCY} in flight, by {name}: bare loop {posts / loop:,.0f}/s, "
            f"job {loop / job:.2f} of that, with a journal {loop / journalled:.2f}, "
            f'with synchronous="normal" {loop / normal:.2f}\n'
        )


async def fill(items: int, journal: Path | None) -> None:
    """A job of so many items that cost nothing, and the most memory that it took."""

    def rows() -> Iterator[dict[str, str]]:
        for number in range(items):
            yield {"id": f"row-{number}", "text": "x" * 200}

    async def nothing(_: dict[str, str]) -> None:
        await anyio.lowlevel.checkpoint()

    report = await run(nothing, rows(), key=lambda row: row["id"], journal=journal)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{report.done:>9,} items: {most:6.1f} MB in {report.seconds:5.1f} s\n")


def memory() -> None:
    """Print the memory of jobs of several lengths, each in a process of its own."""
    for title, journalled in (("with a journal", "1"), ("without", "")):
        sys.stdout.write(f"{title}:\n")
        sys.stdout.flush()
        for items in (1_000, 100_000, 1_000_000):
            command = [sys.executable, "-m", "bulk.measuring", "fill", str(items), journalled]
            subprocess.run(command, cwd=TESTS, check=True)


def main() -> None:
    """Measure what is asked for."""
    what = sys.argv[1]
    if what == "rate":
        with faulty_server(faults=0) as url:
            anyio.run(rates, url, int(sys.argv[2]))
    elif what == "memory":
        memory()
    else:
        with tempfile.TemporaryDirectory() as place:
            journal = Path(place) / "j.sqlite" if sys.argv[3] else None
            anyio.run(fill, int(sys.argv[2]), journal)


if __name__ == "__main__":
    main()
