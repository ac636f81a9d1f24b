"""A campaign that is killed and resumed, and nightly exports: `nox -s campaign`.

    python -m cli.campaign [ROWS]

Against an emulator in a process of its own. Every command is printed with its output.
"""

from __future__ import annotations

import csv
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import anyio

from sunco import Sunco
from sunco.models import ParticipantUser

USERS = 20
MAIN = "from sunco.cli import main; main()"


@contextmanager
def emulator() -> Generator[dict[str, str]]:
    """An emulator; the settings of a client."""
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().removeprefix("export ").strip() for _ in range(4)]
        try:
            yield dict(line.split("=", 1) for line in lines)
        finally:
            process.terminate()


async def conversations(settings: dict[str, str]) -> list[str]:
    """A conversation for each of some users."""
    async with client(settings) as sunco:
        made: list[str] = []
        for number in range(USERS):
            user = await sunco.users.create(external_id=f"user-{number}")
            conversation = await sunco.conversations.create(
                "personal", participants=[ParticipantUser(user_id=user.id)]
            )
            made.append(conversation.id)
        return made


async def times_sent(settings: dict[str, str], ids: list[str]) -> Counter[str]:
    """How often each text is in the conversations."""
    texts: Counter[str] = Counter()
    async with client(settings) as sunco:
        for identity in ids:
            async for message in sunco.messages.list(identity):
                texts[getattr(message.content, "text", "")] += 1
    return texts


async def say_good_night(settings: dict[str, str], conversation: str) -> None:
    """Post what the next export adds."""
    async with client(settings) as sunco:
        await sunco.messages.post(conversation, "Good night.")


def client(settings: dict[str, str]) -> Sunco:
    return Sunco(
        app_id=settings["SUNCO_APP_ID"],
        key_id=settings["SUNCO_KEY_ID"],
        key_secret=settings["SUNCO_KEY_SECRET"],
        base_url=settings["SUNCO_BASE_URL"],
    )


def sunco(environment: dict[str, str], *arguments: object, kill_after: int | None = None) -> int:
    """Run a command, and print it with its output; kill it when a number of rows is finished."""
    words = [str(argument) for argument in arguments]
    say(f"$ sunco {shlex.join(words)}")
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        if kill_after is not None:
            journal = Path(words[words.index("--journal") + 1])
            while process.poll() is None and done_in(journal) < kill_after:
                time.sleep(0.02)
            process.kill()
        assert process.stdout is not None
        say(process.stdout.read().rstrip())
    say(f"(exit code {process.returncode})\n")
    return process.returncode


def done_in(journal: Path) -> int:
    """An estimate from the size of the write-ahead log, without touching the database."""
    log = journal.with_name(f"{journal.name}-wal")
    return log.stat().st_size // 4096 if log.exists() else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def messages_in(table: Path) -> int:
    """The number of messages in the table of all; their median interval is printed."""
    parquet: Any = import_module("pyarrow.parquet")
    rows: list[dict[str, Any]] = parquet.read_table(table).to_pylist()
    times: dict[str, list[datetime]] = {}
    for row in rows:
        if row["kind"] == "message":
            times.setdefault(row["conversation_id"], []).append(row["received"])
    gaps = [
        (after - before).total_seconds()
        for moments in times.values()
        for before, after in pairwise(sorted(moments))
    ]
    count = sum(map(len, times.values()))
    say(f"{len(rows)} rows, {count} messages, median time between messages {median(gaps):.2f} s")
    return count


def campaign(rows: int, folder: Path, *, short: bool = False) -> bool:
    """Send, kill, resume, export, update; without the commands that change nothing if `short`.

    Returns:
        Whether every message was sent once and is in the table, and every command ended as it
        should.
    """
    codes: list[bool] = []
    with emulator() as settings:
        environment = {**os.environ, **settings}
        ids = anyio.run(conversations, settings)
        path, journal = folder / "offers.csv", folder / "offers.sqlite"
        template = folder / "offer.txt"
        template.write_text("Hello {name}, your code is {code}.\n", encoding="utf-8")
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(["conversation_id", "key", "name", "code"])
            writer.writerows(
                [ids[n % USERS], f"row-{n}", f"user-{n % USERS}", n] for n in range(rows)
            )
        send = ("send", path, "--template", template, "--journal", journal, "--concurrency", 32)
        if not short:
            codes.append(sunco(environment, *send, "--preview", 2) == 0)
            codes.append(sunco(environment, *send, "--dry-run") == 0)
        # On a slow machine it can end before it is killed.
        codes.append(sunco(environment, *send, kill_after=rows // 40) in {-9, 0})
        codes.append(sunco(environment, *send, "--grace-period", 5) == 0)
        if not short:
            codes.append(sunco(environment, *send) == 0)
        texts = anyio.run(times_sent, settings, ids)
        once = len(texts) == rows and set(texts.values()) == {1}
        say(f"{rows} rows, {len(texts)} texts, sent more than once: "
            f"{sum(count > 1 for count in texts.values())}\n")  # fmt: skip
        source = folder / "ids.txt"
        source.write_text("\n".join([*(f"user-{n}" for n in range(USERS)), "nobody"]))
        table = folder / "all.parquet"
        export = ("export", "--from", source, "--by", "user", "--to", folder / "nightly")
        # One user does not exist.
        codes.append(sunco(environment, *export) == 1)
        anyio.run(say_good_night, settings, ids[0])
        if not short:
            codes.append(sunco(environment, *export) == 1)
        codes.append(sunco(environment, *export, "--update", "--table", table) == 1)
        return once and all(codes) and messages_in(table) == rows + 1


def main() -> None:
    """Run it; exit with 1 if a message was lost or sent twice."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as place:
        ok = campaign(rows, Path(place))
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
