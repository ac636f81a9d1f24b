"""What is measured and proved with several processes; the short forms run in the ordinary suite."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
from support import postgres

from sunco.bulk import PostgresJournal
from sunco.webhooks import PostgresInbox
from sunco.webhooks.inbox.base import NewEvent

__all__ = [
    "bulk_job",
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
    folder: str = attrs.field(factory=lambda: tempfile.mkdtemp(prefix="sunco-scale-"))
    killed: dict[int, float] = attrs.field(factory=dict[int, float])
    processes: list[subprocess.Popen[bytes]] = attrs.field(factory=list[subprocess.Popen[bytes]])

    def start(self, role: str, **options: Any) -> subprocess.Popen[bytes]:
        settings = {"dsn": self.dsn, "schema": self.schema, "log": f"{self.folder}/log", **options}
        process = subprocess.Popen(
            [sys.executable, "-m", "scale.process", role, json.dumps(settings)],
            cwd=TESTS,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        self.killed[process.pid] = time.monotonic()

    def lines(self) -> list[list[Any]]:
        path = Path(self.folder, "log")
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]

    def count(self, what: str) -> int:
        return sum(line[2] == what for line in self.lines())

    def wait_for(self, what: str, number: int, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while (seen := self.count(what)) < number:
            assert time.monotonic() < deadline, f"{seen} of {number} {what} after {seconds:g} s"
            time.sleep(0.02)

    def pending(self) -> int:
        async def count() -> int:
            inbox = PostgresInbox(self.dsn, schema=self.schema)
            try:
                return (await inbox.stats()).pending
            finally:
                await inbox.close()

        return anyio.run(count)


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


def judge(trial: Trial) -> Verdict:
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
    in_hand = len(running)
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
    backends: Sequence[str] = ("asyncio", "trio"),
) -> Verdict:
    """Storers and workers, of which some are killed, on a server that is restarted."""
    chance = random.Random(3)  # noqa: S311 - moments, no secrets
    with trial(server.dsn) as shared:
        kinds = itertools.cycle(backends)
        options = {"concurrency": 8, "lease": 2.0, "seconds": seconds}

        def worker() -> subprocess.Popen[bytes]:
            return shared.start("process", backend=next(kinds), **options)

        alive = [worker()]
        shared.wait_for("ready", 1)
        alive += [worker() for _ in range(workers - 1)]
        storers = [shared.start("store", name=name, events=events // 2, keys=50) for name in "ab"]
        steps = ["kill"] * kills + ["restart"] * restarts
        chance.shuffle(steps)
        for number, step in enumerate(steps, 1):
            with contextlib.suppress(AssertionError):
                shared.wait_for("end", events * number // (len(steps) + 1), 120)
            if step == "kill":
                shared.kill(alive.pop(chance.randrange(len(alive))))
                alive.append(worker())
            else:
                server.stop("immediate")
                time.sleep(0.3)
                server.start()
        for storer in storers:
            storer.wait(300)
        deadline = time.monotonic() + 120
        while shared.pending() and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(0.2)
        for process in alive:
            shared.kill(process)
        return judge(shared)


class Proxy:
    """Forwards connections to a server, unless it is cut off: then nothing gets through."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connected = threading.Event()
        self.connected.set()
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, function: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=function, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with self._listener:
            while True:
                here, _ = self._listener.accept()
                if self._closed:
                    here.close()
                    return
                self._start(self._forward, here)

    def _forward(self, here: socket.socket) -> None:
        with here:
            self.connected.wait()
            with socket.create_connection(("127.0.0.1", self._target)) as there:
                back = threading.Thread(target=self._pump, args=(there, here))
                back.start()
                self._pump(here, there)
                back.join()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.connected.wait()
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closed = True
        self.connected.set()
        # Wakes the thread that accepts.
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join()


def cut_off(dsn: str, port: int, *, times: int, events: int, seconds: float = 0.3) -> Verdict:
    """One worker is cut off from the database several times, for longer than its lease."""
    with ExitStack() as stack:
        proxy = Proxy(port)
        stack.callback(proxy.close)
        # Its processes, and with them the connections, end first.
        shared = stack.enter_context(trial(dsn))
        options = {"concurrency": 8, "lease": 1.5, "seconds": seconds}
        cut = dsn.replace(f":{port}/", f":{proxy.port}/")
        shared.start("process", **{**options, "dsn": cut})
        shared.wait_for("ready", 1)
        shared.start("process", **options)
        shared.wait_for("ready", 2)
        storer = shared.start("store", name="a", events=events, keys=20)
        for number in range(1, times + 1):
            shared.wait_for("end", events * number // (times + 2), 120)
            proxy.connected.clear()
            time.sleep(3)
            proxy.connected.set()
            time.sleep(0.5)
        storer.wait(120)
        deadline = time.monotonic() + 120
        while shared.pending() and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(0.2)
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
    busiest, start = 0, 0
    for index, moment in enumerate(moments):
        while moments[start] <= moment - 1:
            start += 1
        busiest = max(busiest, index - start + 1)
    return Limited((len(within) - 1) / (within[-1] - within[0]), busiest, calls / len(moments))


def processed_per_second(dsn: str, *, workers: int, events: int, seconds: float = 0.02) -> float:
    """Events per second that a number of workers process."""
    with trial(dsn) as shared:
        shared.start("store", name="a", events=events, keys=200).wait(120)
        options = {"concurrency": 8, "lease": 15.0, "seconds": seconds}
        for _ in range(workers):
            shared.start("process", **options)
        shared.wait_for("end", events // 5, 120)
        began = [line[1] for line in shared.lines() if line[2] == "end"]
        shared.wait_for("end", events - events // 10, 240)
        ended = [line[1] for line in shared.lines() if line[2] == "end"]
        return (len(ended) - len(began)) / float(ended[-1] - began[-1])


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

        async def load() -> None:
            journal = PostgresJournal(dsn, schema=shared.schema, part_size=part)
            await journal.open("scale", "send", grace_period=0.5)
            await journal.start_loading()
            rows = [(str(number), str(number)) for number in range(items)]
            await journal.load(rows)
            await journal.finish_loading()
            await journal.close()

        anyio.run(load)
        options = {
            "seconds": seconds, "lease": 2.0, "concurrency": 8, "grace": 0.5, "part": part
        }  # fmt: skip
        alive = [shared.start("bulk", **options) for _ in range(workers)]
        shared.wait_for("sent", items // 10, 120)
        began = time.monotonic(), shared.count("sent")
        for number in range(kills):
            shared.wait_for("sent", items * (number + 2) // (kills + 3), 120)
            shared.kill(alive.pop(0))
            alive.append(shared.start("bulk", **options))
        shared.wait_for("sent", items * 9 // 10, 240)
        ended = time.monotonic(), shared.count("sent")
        for process in alive:
            assert process.wait(120) == 0
        calls = Counter(line[3] for line in shared.lines() if line[2] == "sent")
        twice = sum(count - 1 for count in calls.values())
        return Sent((ended[1] - began[1]) / (ended[0] - began[0]), len(calls), twice)


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
