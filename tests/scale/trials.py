"""What is measured and proved with several processes; the short forms run in the ordinary suite."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import psycopg
from bulk.killing import faulty_server, tally
from support import postgres

from scale.network import Network
from sunco.bulk import PostgresJournal
from sunco.webhooks import PostgresInbox
from sunco.webhooks.inbox.base import NewEvent

__all__ = [
    "Campaign",
    "Ungrouped",
    "Verdict",
    "bulk_job",
    "campaign",
    "chaos",
    "cut_off",
    "limited",
    "processed_per_second",
    "stored_per_second",
]

TESTS = Path(__file__).parent.parent


@attrs.define
class Trial:
    """Processes that share a schema, and the log that they write."""

    dsn: str
    schema: str = attrs.field(factory=lambda: f"scale_{uuid.uuid4().hex[:10]}")
    folder: Path = attrs.field(factory=lambda: Path(tempfile.mkdtemp(prefix="sunco-scale-")))
    killed: dict[int, float] = attrs.field(factory=dict[int, float])
    processes: list[subprocess.Popen[bytes]] = attrs.field(factory=list[subprocess.Popen[bytes]])
    _lines: list[list[Any]] = attrs.field(factory=list[list[Any]])
    _counts: Counter[str] = attrs.field(factory=Counter[str])
    _read: int = 0

    def start(
        self, role: str, *, command: Sequence[str] = (), **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start a process; `command` comes before its own."""
        settings = {"dsn": self.dsn, "schema": self.schema, "log": str(self._log), **options}
        with (self.folder / "errors").open("ab") as errors:
            process = subprocess.Popen(
                [*command, sys.executable, "-m", "scale.process", role, json.dumps(settings)],
                cwd=TESTS,
                stderr=errors,
            )
        self.processes.append(process)
        return process

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def start_together(
        self, number: int, role: str, **options: Any
    ) -> list[subprocess.Popen[bytes]]:
        """Start processes that begin when all of them are ready."""
        gate = self.folder / "gate"
        started = [self.start(role, gate=str(gate), **options) for _ in range(number)]
        self.wait_for("ready", number)
        gate.touch()
        return started

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        self.killed[process.pid] = time.monotonic()

    def claims_of(self, process: subprocess.Popen[bytes]) -> int:
        """The ordering keys that a process holds, as the database has them."""
        with psycopg.connect(
            self.dsn, autocommit=True, options=f"-c search_path={self.schema}"
        ) as connection:
            row = connection.execute(
                "SELECT count(*) FROM queue JOIN worker ON worker.id = queue.owner"
                " WHERE worker.name LIKE %s",
                (f"%:{process.pid}",),
            ).fetchone()
        return int(row[0]) if row else 0

    def lines(self) -> list[list[Any]]:
        """What the processes have written: process, time, what happened, ..."""
        if self._log.exists():
            with self._log.open("rb") as file:
                file.seek(self._read)
                whole, newline, _ = file.read().rpartition(b"\n")
            self._read += len(whole) + len(newline)
            new = [json.loads(line) for line in whole.splitlines()]
            self._lines += new
            self._counts.update(line[2] for line in new)
        return self._lines

    def count(self, what: str) -> int:
        self.lines()
        return self._counts[what]

    def times(self, what: str) -> list[float]:
        """When it happened, in order."""
        return sorted(line[1] for line in self.lines() if line[2] == what)

    def wait_for(
        self,
        what: str,
        number: int,
        seconds: float = 120,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        """Wait until something has happened this often.

        Raises:
            TimeoutError: It has not within `seconds`.
        """
        deadline = time.monotonic() + seconds
        while (seen := self.count(what)) < number:
            meanwhile()
            if time.monotonic() >= deadline:
                after = f"after {seconds:g} s. {self.errors()}"
                raise TimeoutError(f"{seen} of {number} {what} {after}")
            time.sleep(0.02)

    def errors(self) -> str:
        """The end of what the processes have written to standard error."""
        return (self.folder / "errors").read_text("utf-8", errors="replace")[-2000:]

    def drain(self, seconds: float = 120) -> None:
        """Wait until no event is pending."""

        async def pending() -> int:
            inbox = PostgresInbox(self.dsn, schema=self.schema)
            try:
                return (await inbox.stats()).pending
            finally:
                await inbox.close()

        deadline = time.monotonic() + seconds
        while anyio.run(pending):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"Events are pending after {seconds:g} s. {self.errors()}")
            time.sleep(0.2)


@contextmanager
def trial(dsn: str) -> Generator[Trial]:
    """A trial; what it has started is killed at its end."""
    started = Trial(dsn)
    try:
        yield started
    finally:
        for process in started.processes:
            process.kill()
            process.wait()
        shutil.rmtree(started.folder)


@attrs.frozen
class Verdict:
    """What a chaos trial has shown."""

    events: int
    lost: int
    out_of_order: int
    at_the_same_time: int
    twice: int
    in_hand: int


def judge(trial: Trial, in_hand: int = 0) -> Verdict:
    """Read the log of storers and workers."""
    stored: dict[str, set[int]] = defaultdict(set)
    ended: dict[str, list[int]] = defaultdict(list)
    intervals: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    running: dict[tuple[int, str, int], float] = {}
    for pid, at, what, *rest in trial.lines():
        if what == "stored":
            stored[rest[0]].add(rest[1])
        elif what == "start":
            running[pid, rest[0], rest[1]] = at
        elif what in {"end", "cancelled"}:
            intervals[rest[0]].append((running.pop((pid, rest[0], rest[1])), at, pid))
            if what == "end":
                ended[rest[0]].append(rest[1])
    for (pid, order, _), at in running.items():
        intervals[order].append((at, trial.killed.get(pid, at), pid))
    lost = sum(len(numbers - set(ended[order])) for order, numbers in stored.items())
    disorder = twice = 0
    for numbers in ended.values():
        first = list(dict.fromkeys(numbers))
        disorder += first != sorted(first)
        twice += len(numbers) - len(first)
    overlaps = sum(
        one[1] > two[0] and one[2] != two[2]
        for each in intervals.values()
        for one, two in itertools.pairwise(sorted(each))
    )
    events = sum(map(len, stored.values()))
    return Verdict(events, lost, disorder, overlaps, twice, in_hand)


def chaos(
    server: postgres.PostgresServer,
    *,
    events: int,
    workers: int,
    kills: int,
    restarts: int,
    seconds: float = 0.005,
    lease: float = 2.0,
    backends: Sequence[str] = ("asyncio", "trio"),
) -> Verdict:
    """Storers and workers, of which some are killed, on a server that is restarted."""
    chance = random.Random(3)  # noqa: S311 - moments, no secrets
    with trial(server.dsn) as shared:
        kinds = itertools.cycle(backends)
        options: dict[str, Any] = {"concurrency": 8, "lease": lease, "seconds": seconds}

        def worker() -> subprocess.Popen[bytes]:
            return shared.start("process", backend=next(kinds), **options)

        alive = [worker()]
        shared.wait_for("ready", 1)
        alive += [worker() for _ in range(workers - 1)]
        storers = [shared.start("store", name=name, events=events // 2, keys=100) for name in "ab"]
        # A process that cannot open its inbox ends.
        shared.wait_for("opened", 2)
        shared.wait_for("ready", workers)
        steps = ["kill"] * kills + ["restart"] * restarts
        chance.shuffle(steps)
        in_hand = 0
        for number, step in enumerate(steps, 1):
            shared.wait_for("end", events * number // (len(steps) + 1))
            if step == "kill":
                killed = alive.pop(chance.randrange(len(alive)))
                shared.kill(killed)
                in_hand += shared.claims_of(killed)
                alive.append(worker())
                workers += 1
                shared.wait_for("ready", workers)
            else:
                restart(server)
        for storer in storers:
            storer.wait(300)
        shared.drain()
        for process in alive:
            shared.kill(process)
        return judge(shared, in_hand)


def restart(server: postgres.PostgresServer) -> None:
    """Stop a server as a crash would, and start it again."""
    server.stop("immediate")
    time.sleep(0.3)
    server.start()


def cut_off(
    dsn: str,
    port: int,
    way: Callable[[int], AbstractContextManager[Network]],
    *,
    times: int,
    events: int,
    seconds: float = 0.3,
    lease: float = 5.0,
) -> Verdict:
    """One worker is cut off from the database several times, for longer than its lease."""
    # Its processes, and with them the connections, end first.
    with way(port) as network, trial(dsn) as shared:
        options: dict[str, Any] = {"concurrency": 8, "lease": lease, "seconds": seconds}
        cut = dsn.replace(f"127.0.0.1:{port}/", f"{network.address}/")
        shared.start("process", command=network.command, **{**options, "dsn": cut})
        shared.wait_for("ready", 1)
        shared.start("process", **options)
        shared.wait_for("ready", 2)
        storer = shared.start("store", name="a", events=events, keys=20)
        for number in range(1, times + 1):
            shared.wait_for("end", events * number // (times + 2))
            network.cut()
            time.sleep(lease * 1.6)
            network.restore()
            time.sleep(0.5)
        storer.wait(120)
        shared.drain()
        return judge(shared)


@attrs.frozen
class Limited:
    """How fast the processes of a rate limit were."""

    mean: float
    busiest: int
    calls_per_turn: float


def limited(dsn: str, *, rate: float, processes: int, seconds: float, redis: str = "") -> Limited:
    """Several processes take turns of one rate limit for a while."""
    with trial(dsn) as shared:
        name = uuid.uuid4().hex
        started = [
            shared.start("limit", rate=rate, name=name, seconds=seconds, redis=redis)
            for _ in range(processes)
        ]
        for process in started:
            assert process.wait(seconds + 60) == 0
        lines = shared.lines()
    moments = sorted(itertools.chain.from_iterable(line[3] for line in lines))
    calls = sum(line[4] for line in lines)
    # While all of them run.
    began = max(min(line[3]) for line in lines)
    ended = min(max(line[3]) for line in lines)
    within = [moment for moment in moments if began <= moment <= ended]
    mean = (len(within) - 1) / (within[-1] - within[0])
    return Limited(mean, busiest_second(moments), calls / len(moments))


def busiest_second(moments: Sequence[float]) -> int:
    """The largest number of moments, in order, within a second."""
    busiest, start = 0, 0
    for index, moment in enumerate(moments):
        while moments[start] <= moment - 1:
            start += 1
        busiest = max(busiest, index - start + 1)
    return busiest


def steady_rate(moments: Sequence[float]) -> float:
    """How many a second there were of moments, in order, between a tenth and nine tenths."""
    first, last = len(moments) // 10, len(moments) * 9 // 10
    return (last - first) / (moments[last] - moments[first])


def processed_per_second(dsn: str, *, workers: int, events: int, seconds: float = 0.02) -> float:
    """Events per second that a number of workers process."""
    with trial(dsn) as shared:
        shared.start("store", name="a", events=events, keys=200).wait(120)
        shared.start_together(workers, "process", concurrency=8, lease=15.0, seconds=seconds)
        shared.wait_for("end", events, 240)
        return steady_rate(shared.times("end"))


def load(shared: Trial, function: str, items: int, part: int = 200) -> None:
    """Load the items of a bulk job."""

    async def load_all() -> None:
        journal = PostgresJournal(shared.dsn, schema=shared.schema, part_size=part)
        await journal.open("scale", function, grace_period=0.5)
        await journal.start_loading()
        await journal.load([(str(number), str(number)) for number in range(items)])
        await journal.finish_loading()
        await journal.close()

    anyio.run(load_all)


@attrs.frozen
class Sent:
    """What several processes did of a bulk job."""

    rate: float
    keys: int
    twice: int


def bulk_job(
    dsn: str, *, workers: int, items: int, seconds: float = 0.02, kills: int = 0, part: int = 50
) -> Sent:
    """A bulk job that several processes share, of which some are killed."""
    with trial(dsn) as shared:
        load(shared, "send", items, part)
        options: dict[str, Any] = {
            "seconds": seconds, "lease": 6.0, "concurrency": 8, "grace": 0.5, "part": part
        }  # fmt: skip
        alive = shared.start_together(workers, "bulk", **options)
        for number in range(kills):
            shared.wait_for("sent", items * (number + 1) // (kills + 2))
            shared.kill(alive.pop(0))
            alive.append(shared.start("bulk", **options))
        wait_for_all(shared, alive)
        calls = Counter(line[3] for line in shared.lines() if line[2] == "sent")
        twice = sum(count - 1 for count in calls.values())
        return Sent(steady_rate(shared.times("sent")), len(calls), twice)


def wait_for_all(shared: Trial, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until processes have ended.

    Raises:
        RuntimeError: One of them has failed.
    """
    for process in processes:
        if process.wait(240):
            raise RuntimeError(f"A process ended with {process.returncode}. {shared.errors()}")


@attrs.frozen
class Campaign:
    """The results of a campaign.

    Attributes:
        taken: How many keys the platform has taken how often.
        faults: What went wrong at the platform.
        requests: How many turns of the rate limit were taken.
        mean: Turns per second.
        busiest: Turns in the busiest second.
    """

    taken: dict[int, int]
    faults: dict[str, int]
    requests: int
    mean: float
    busiest: int


def campaign(
    server: postgres.PostgresServer,
    *,
    items: int,
    workers: int,
    kills: int,
    restarts: int,
    rate: float,
    faults: float = 0.002,
    storm_every: int = 25_000,
    lease: float = 6.0,
) -> Campaign:
    """Messages that processes send at one rate to a faulty platform, while some are killed."""
    chance = random.Random(5)  # noqa: S311 - moments, no secrets
    with trial(server.dsn) as shared, faulty_server(faults, storm_every) as url:
        load(shared, "post", items)
        options: dict[str, Any] = {
            "url": url,
            "rate": rate,
            "lease": lease,
            "concurrency": 32,
            "grace": 0.5,
        }
        alive = shared.start_together(workers, "campaign", **options)
        failures: list[int] = []

        def supervise() -> None:
            # A process that cannot renew its lease in time ends; another one takes its place.
            for place, process in enumerate(alive):
                if process.poll():
                    failures.append(process.pid)
                    alive[place] = shared.start("campaign", **options)
            if len(failures) > restarts * workers + kills:
                raise RuntimeError(f"{len(failures)} processes have failed. {shared.errors()}")

        steps = ["kill"] * kills + ["restart"] * restarts
        chance.shuffle(steps)
        for number, step in enumerate(steps, 1):
            shared.wait_for("posted", items * number // (len(steps) + 1), 300, supervise)
            if step == "kill":
                shared.kill(alive.pop(chance.randrange(len(alive))))
                alive.append(shared.start("campaign", **options))
            else:
                restart(server)
        shared.wait_for("posted", items, 300, supervise)
        deadline = time.monotonic() + 120
        while any(process.poll() != 0 for process in alive):
            supervise()
            if time.monotonic() >= deadline:
                raise TimeoutError(f"The campaign does not end. {shared.errors()}")
            time.sleep(0.02)
        counted = tally(url)
        turns = shared.times("turn")
    return Campaign(
        taken={int(times): keys for times, keys in counted["times"].items()},
        faults=counted["met"],
        requests=len(turns),
        mean=len(turns) / (turns[-1] - turns[0]),
        busiest=busiest_second(turns),
    )


class Ungrouped(PostgresInbox):
    """An inbox that stores each delivery in a transaction of its own."""

    async def add(self, events: Sequence[NewEvent]) -> None:
        await self._add([events])


async def stored_per_second(inbox: Any, *, events: int, tasks: int = 64) -> float:
    """Events per second that an inbox stores, each a delivery of its own."""
    content = json.dumps({"type": "conversation:message", "text": "x" * 600}).encode()
    numbers = iter(range(events))

    async def store() -> None:
        for number in numbers:
            order = f"k{number % 500}"
            await inbox.add([NewEvent(key=str(number), ordering_key=order, content=content)])

    await inbox.open(handles=False)
    began = time.monotonic()
    async with anyio.create_task_group() as group:
        for _ in range(tasks):
            group.start_soon(store)
    elapsed = time.monotonic() - began
    await inbox.close()
    return events / elapsed
