"""Kill a bulk job at random moments, resume it, and count what the platform has taken.

python -m bulk.killing POSTS KILLS once|plain
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bulk.faulty_server import STORM_EVERY

FAULTS = 0.002
LONGEST_RUNS = 5
TESTS = Path(__file__).parent.parent


@contextmanager
def faulty_server(faults: float = FAULTS, storm_every: int = STORM_EVERY) -> Generator[str]:
    """A faulty platform in a process of its own; its URL."""
    program = str(TESTS / "bulk" / "faulty_server.py")
    command = [sys.executable, program, str(faults), str(storm_every)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.kill()


def tally(url: str) -> dict[str, Any]:
    """What the platform has taken."""
    with urllib.request.urlopen(f"{url}/tally", timeout=30) as response:  # noqa: S310 - our own
        counted: dict[str, Any] = json.load(response)
        return counted


def killed_and_resumed(url: str, posts: int, kills: int, way: str, journal: Path) -> Iterator[str]:
    """Start the job, kill it a number of times, let it finish; yields what happens."""
    command = [sys.executable, "-m", "bulk.sender", url, str(posts), str(journal), way]
    chance = random.Random(11)  # noqa: S311 - moments, no secrets
    # Moments by what was taken, not by the clock: so that each comes while the job is running.
    moments = sorted(chance.randint(posts // 50, posts - posts // 50) for _ in range(kills))
    for moment in moments:
        with subprocess.Popen(command, cwd=TESTS, stdout=subprocess.DEVNULL) as job:
            while tally(url)["texts"] < moment and job.poll() is None:
                time.sleep(0.01)
            job.kill()
        yield f"killed when {tally(url)['texts']} were taken"
    for _ in range(LONGEST_RUNS):
        result = subprocess.run(command, cwd=TESTS, stdout=subprocess.PIPE, text=True, check=False)
        yield result.stdout.strip()
        if result.returncode == 0:
            return


def main() -> None:
    """Do it, and print the count."""
    posts, kills, way = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place, faulty_server() as url:
        for line in killed_and_resumed(url, posts, kills, way, Path(place) / "j.sqlite"):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        counted = tally(url)
    times = {int(count): texts for count, texts in counted["times"].items()}
    sys.stdout.write(
        f"faults met: {counted['met']}\n"
        f"{posts} keys, {counted['texts']} taken, of these {times.get(1, 0)} once; "
        f"taken more than once: {sum(n for count, n in times.items() if count > 1)}; "
        f"{time.monotonic() - began:.0f} s\n"
    )
    if way == "once" and times != {1: posts}:
        sys.exit(1)


if __name__ == "__main__":
    main()
