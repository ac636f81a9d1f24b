"""All contenders in all disciplines, side by side; writes docs/benchmarks.md.

Every measurement is a process of its own, the contenders take turns, and the best of each counts:
what else goes on on a machine only slows, and slows one thread more than sixty-four. What is
compared are ratios: the figures themselves are the machine's.

    python benchmarks/run.py [repeats]
"""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
import os
import platform
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

HERE: Final = Path(__file__).parent
TABLE: Final = HERE.parent / "docs" / "benchmarks.md"
IN_FLIGHT: Final = (1, 8, 16, 64, 256, 512)
POSTS: Final = 4000
SLOW_POSTS: Final = 400
MANY: Final = 100
NAMES: Final = {
    "sunco": "sunco",
    "sunco[speed]": "sunco[speed] over aiohttp",
    "httpx": "stock httpx",
    "aiohttp": "bare aiohttp",
    "vendor": "the vendor's package 17.0.1",
    "json": "json.loads alone",
}


class Result(NamedTuple):
    """What a contender reached.

    Attributes:
        figure: How often a second, or how many seconds.
        peak: Megabytes of memory at most.
    """

    figure: float
    peak: float


@contextmanager
def serving() -> Generator[str]:
    """The server, in a process of its own; its port."""
    command = [sys.executable, str(HERE / "server.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


def measure(discipline: str, name: str, *numbers: object) -> Result:
    """One measurement."""
    command = [sys.executable, str(HERE / "contender.py"), discipline, name, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return Result(**json.loads(done.stdout.splitlines()[-1]))


def compete(
    repeats: int, discipline: str, names: Sequence[str], *numbers: object
) -> dict[str, Result]:
    """The best that contenders reach, who take turns."""
    results: dict[str, list[Result]] = {name: [] for name in names}
    for _ in range(repeats):
        for name in names:
            # A contender that is far slower gets less to do: what counts is the rate.
            total = (SLOW_POSTS if name == "httpx" else POSTS,) if discipline == "posts" else ()
            results[name].append(measure(discipline, name, *numbers, *total))
    best = min if discipline == "import" else max
    return {
        name: Result(best(one.figure for one in got), max(one.peak for one in got))
        for name, got in results.items()
    }


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def posts(
    port: str, repeats: int, names: Sequence[str]
) -> tuple[str, dict[int, dict[str, Result]]]:
    """Posting messages."""
    reached = {
        in_flight: compete(repeats, "posts", names, port, in_flight) for in_flight in IN_FLIGHT
    }
    rows = [
        [
            NAMES[name],
            *(f"{reached[in_flight][name].figure:,.0f}" for in_flight in IN_FLIGHT),
            f"{reached[64][name].peak:.0f} MB",
        ]
        for name in names
    ]
    header = ["posts per second, by requests in flight", *map(str, IN_FLIGHT), "memory at 64"]
    return table(header, rows), reached


def others(discipline: str, reached: dict[str, Result], unit: str) -> str:
    """A discipline with one figure."""

    def ratio(result: Result) -> str:
        return f"{reached['sunco'].figure / result.figure:.2f}"

    rows = [
        [NAMES[name], f"{result.figure:,.{0 if result.figure > MANY else 3}f}", ratio(result)]
        for name, result in reached.items()
    ]
    return table([discipline, unit, "sunco against it"], rows)


def targets(
    posted: dict[int, dict[str, Result]],
    walked: dict[str, Result],
    decoded: dict[str, Result],
) -> str:
    """What was to be reached, and what was."""
    at_64 = {name: result.figure for name, result in posted[64].items()}
    wanted: list[tuple[str, float, float]] = [
        ("sunco against stock httpx, 64 in flight", 8, at_64["sunco"] / at_64["httpx"]),
        (
            "sunco, 512 against 16 in flight",
            0.9,
            posted[512]["sunco"].figure / posted[16]["sunco"].figure,
        ),
        (
            "sunco[speed] against bare aiohttp, 64 in flight",
            0.65,
            at_64["sunco[speed]"] / at_64["aiohttp"],
        ),
        (
            "reading 30,000 messages, against httpx that only parses JSON",
            0.85,
            walked["sunco"].figure / walked["httpx"].figure,
        ),
    ]
    if "vendor" in at_64:
        wanted += [
            (
                "sunco against the vendor's package in 64 threads",
                2.3,
                at_64["sunco"] / at_64["vendor"],
            ),
            (
                "decoding a page of 100 messages, against the vendor's package",
                13,
                decoded["sunco"].figure / decoded["vendor"].figure,
            ),
        ]
    rows = [[what, f"{least:g}", f"{got:.2f}"] for what, least, got in wanted]
    return table(["ratio", "target", "measured"], rows)


def main() -> None:
    """Run everything."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    vendor = ["vendor"] if importlib.util.find_spec("sunshine_conversations_client") else []
    load_before = os.getloadavg()[0]
    with serving() as port:
        post_table, posted = posts(
            port, repeats, ["sunco", "sunco[speed]", "httpx", "aiohttp", *vendor]
        )
        walked = compete(repeats, "walk", ["sunco", "sunco[speed]", "httpx"], port)
    decoded = compete(repeats, "decode", ["sunco", "sunco[speed]", *vendor, "json"])
    imported = compete(repeats, "import", ["sunco", "httpx", *vendor])
    now = dt.datetime.now(dt.UTC)
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores"
    load = f"load average {load_before:.2f} before and {os.getloadavg()[0]:.2f} after"
    text = f"""# Benchmarks

Measured on {now:%Y-%m-%d} with `nox -s bench`: {machine}, {load}, the best of {repeats} runs in
turn. Client and server are separate processes on the same machine, and the server sends prepared
responses. Compare the ratios; the absolute figures depend on the machine. Other load on the machine
affects single-threaded clients more than the vendor's package with 64 threads.

{targets(posted, walked, decoded)}
## Posting a message

The vendor's package uses one thread per post in flight. `sunco`, httpx and aiohttp use up to 100
connections. All of them encode and decode the bodies.

{post_table}
## Reading a conversation of 30,000 messages

Of the 100 messages of a page, 60 are plain text. The others are texts with replies or links,
images, files, carousels and forms.

{others("messages per second", walked, "figure")}
## Decoding a page of 100 messages

{others("pages per second", decoded, "figure")}
## Importing

{others("seconds", imported, "figure")}
## Where the time goes

In a profile of a post over the default transport, h11, httpcore, anyio and asyncio take half of the
time, the transport a tenth, and the rest of sunco (building the request, policy, decoding) a tenth.
The remainder is built-in functions that the profiler does not attribute. With aiohttp, its parser
and writer take the largest part.

Without any transport, a post costs about 27 microseconds of processor time: a third writes the
body, a quarter builds the request and checks the arguments, a quarter is policy, and the rest
reads the response. A bare aiohttp loop only writes and parses JSON, so the ratio to it is bounded
by these microseconds. Getting closer would require a parser and models in C.

Decoding a page of 100 messages takes 6.8 million instructions (counted with callgrind), and about
a third of the time is json.loads. Most of the rest sets the fields of about 500 objects, each
validated. There is no call left between a field and the function that was compiled for its
objects: an object costs its creation, the lookup of its keys, one call, and one line per field.
The httpx column of "Reading a conversation" only parses JSON and creates no objects. Getting
closer would require lazy fields, or objects created in C.
"""
    # What another session measures stays.
    _, heading, rest = TABLE.read_text(encoding="utf-8").partition("\n## Several machines\n")
    TABLE.write_text(text + heading + rest, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
