"""Export a long conversation and many small ones; kill and resume it, and compare the files.

    python -m bulk.exporting LONG SMALL KILLS

LONG messages are in one conversation, 20 in each of the SMALL. The time of the processor is
printed, too: it does not depend on what else goes on on the machine.
"""

from __future__ import annotations

import hashlib
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import anyio

from bulk.killing import TESTS
from bulk.talking_server import serving
from sunco import Sunco
from sunco.bulk import export_conversations


def ids(small: int) -> Iterator[str]:
    """The conversations that the server has."""
    yield "long"
    for number in range(small):
        yield f"small{number}"


def client(url: str) -> Sunco:
    return Sunco(app_id="a", key_id="k", key_secret="s", base_url=url)


def spent(began: tuple[float, float]) -> str:
    """Seconds since then, of the clock and of the processor, and the most memory ever in use."""
    took, used = time.perf_counter() - began[0], time.process_time() - began[1]
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{took:.1f} s, {used:.2f} s of the processor, {most:.0f} MB"


async def export(url: str, small: int, to: str) -> None:
    """Export all of them."""
    async with client(url) as sunco:
        began = time.perf_counter(), time.process_time()
        report = await export_conversations(sunco, conversations=ids(small), to=to)
    kept = f", skipped {report.skipped}" if report.skipped else ""
    sys.stdout.write(
        f"exported {report.exported}{kept}, {report.messages} messages in {spent(began)}\n"
    )
    sys.exit(0 if report.ok else 1)


async def read(url: str, small: int) -> None:
    """Read the same, in the same way, and write nothing."""
    messages = 0
    conversations = ids(small)
    async with client(url) as sunco:
        began = time.perf_counter(), time.process_time()

        async def work() -> None:
            nonlocal messages
            for identity in conversations:
                await sunco.conversations.get(identity)
                await sunco.participants.list(identity).collect()
                async for page in sunco.messages.list(identity).pages():
                    messages += len(page)

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(work)
    sys.stdout.write(f"read {messages} messages in {spent(began)}\n")


def digests(folder: Path) -> dict[str, str]:
    """What the files of an export hold."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*.jsonl"))
    }


def compare(
    long: int, small: int, kills: int, place: Path, *, timed: bool = False
) -> Iterator[str]:
    """Export at once, and again with kills; yields what happens, and ends with the comparison.

    If it is `timed`, everything is read without being exported first.
    """
    with serving(long) as url:

        def command(*arguments: object) -> list[str]:
            return [sys.executable, "-m", "bulk.exporting", *map(str, arguments)]

        def output(*arguments: object) -> str:
            return subprocess.run(
                command(*arguments), cwd=TESTS, stdout=subprocess.PIPE, text=True, check=True
            ).stdout.strip()

        if timed:
            yield output("read", url, small)
        yield output("export", url, small, place / "whole")
        chance = random.Random(3)  # noqa: S311 - moments, no secrets
        killed = place / "killed"
        for moment in sorted(chance.randint(1, max(1, small - 1)) for _ in range(kills)):
            with subprocess.Popen(
                command("export", url, small, killed), cwd=TESTS, stdout=subprocess.DEVNULL
            ) as job:
                while len(list(killed.glob("*.jsonl"))) < moment and job.poll() is None:
                    time.sleep(0.005)
                job.kill()
            there = len(list(killed.glob("*.jsonl")))
            yield f"killed with {there} files and {len(list(killed.glob('*.part')))} parts"
        yield output("export", url, small, killed)
        same = digests(place / "whole") == digests(killed)
        left = len(list(killed.glob("*.part")))
        yield f"{len(digests(killed))} files, {left} parts: {'identical' if same else 'DIFFERENT'}"


def main() -> None:
    """Do what is asked for."""
    if sys.argv[1] == "read":
        anyio.run(read, sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "export":
        anyio.run(export, sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        long, small, kills = map(int, sys.argv[1:4])
        line = ""
        with tempfile.TemporaryDirectory() as place:
            for line in compare(long, small, kills, Path(place), timed=True):
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        sys.exit(0 if line.endswith("identical") else 1)


if __name__ == "__main__":
    main()
