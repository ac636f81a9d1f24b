"""Kills a bot with an inbox at random moments under load, and looks at what it has done.

Run it with `nox -s kill`. Conversations send one event after another, each after the one before was
acknowledged, and an event whose acknowledgement got lost again. When all are acknowledged and
handled, the bot's log must show that each was handled, in order, and that only those that were
under way at a kill were handled twice.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import attrs
import httpx

from webhooks.support import SECRET, Record, delivery, message

TESTS = Path(__file__).parent.parent


@attrs.frozen(kw_only=True)
class Report:
    """What came of a run.

    Attributes:
        kills: How often the bot was killed.
        acknowledged: How many events were acknowledged.
        sent_again: How many deliveries were sent again, because no answer came.
        lost: Acknowledged events that were not handled.
        out_of_order: Events that began before the one before them in their conversation had ended.
        repeated: Events that were begun more than once: under way at a kill.
        wrongly_repeated: Those among them that were not under way at the kill.
        seconds: How long it took.
    """

    kills: int
    acknowledged: int
    sent_again: int
    lost: list[str]
    out_of_order: list[str]
    repeated: list[str]
    wrongly_repeated: list[str]
    seconds: float


class Run:
    """One run.

    Args:
        folder: Where the inbox and the log are.
        kills: How often to kill.
        conversations: How many there are.
        events: How many events each sends.
        seed: What chance starts from.
        seconds: How long it may take.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kills: int,
        conversations: int,
        events: int,
        seed: int,
        seconds: float = 300,
    ) -> None:
        self._seconds = seconds
        self._inbox, self._log = folder / "inbox.db", folder / "log"
        self._kills, self._conversations, self._events = kills, conversations, events
        self._chance = random.Random(seed)  # noqa: S311 - to be repeatable
        self._acknowledged = Record()
        self._sent_again = 0
        self._killed = 0

    async def run(self) -> Report:
        """Send everything, kill now and then, and wait until all is handled."""
        began = time.monotonic()
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            with anyio.fail_after(self._seconds):
                async with anyio.create_task_group() as tasks:
                    for number in range(self._conversations):
                        tasks.start_soon(self._converse, address, number)
                    await self._kill_now_and_then(listener)
                    with self._bot(listener):
                        while not self._is_complete():  # noqa: ASYNC110 - another process is at it
                            await anyio.sleep(0.02)
        return self._judge(time.monotonic() - began)

    async def _converse(self, address: str, number: int) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=30) as http:
            for count in range(self._events):
                identity = f"c{number}-{count}"
                content = delivery(message(identity, f"c{number}"))
                while not await self._post(http, address, content):
                    self._sent_again += 1
                self._acknowledged.add(identity)

    async def _post(self, http: httpx.AsyncClient, address: str, content: bytes) -> bool:
        try:
            response = await http.post(address, content=content, headers={"X-API-Key": SECRET})
        except httpx.TransportError:
            return False
        return response.is_success

    async def _kill_now_and_then(self, listener: socket.socket) -> None:
        share = self._conversations * self._events // (self._kills + 1)
        for _ in range(self._kills):
            with self._bot(listener):
                goal = len(self._acknowledged.items) + self._chance.randint(1, share)
                await self._acknowledged.reach(goal, self._seconds)
                await anyio.sleep(self._chance.uniform(0, 0.01))
            self._killed += 1

    @contextmanager
    def _bot(self, listener: socket.socket) -> Generator[None]:
        # The socket outlives the bot: who asks while there is none waits for the next one.
        number = listener.fileno()
        program = ["-m", "webhooks.killed_bot", str(self._inbox), str(self._log), str(number)]
        command = [sys.executable, *program]
        path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": path}
        with subprocess.Popen(command, pass_fds=[number], env=environment) as process:
            try:
                yield
            finally:
                process.kill()

    def _is_complete(self) -> bool:
        total = self._conversations * self._events
        return len(self._acknowledged.items) == total and self._ended().issuperset(
            self._acknowledged.items
        )

    def _ended(self) -> set[str]:
        return {line[4:] for line in self._lines() if line.startswith("end ")}

    def _lines(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def _judge(self, seconds: float) -> Report:
        generation = 0
        begun: Counter[str] = Counter()
        ended: set[str] = set()
        newest: dict[str, tuple[int, str, int]] = {}
        out_of_order: list[str] = []
        wrongly_repeated: list[str] = []
        for line in self._lines():
            what, _, identity = line.partition(" ")
            if what == "start":
                generation += 1
            elif what == "end":
                ended.add(identity)
            else:
                conversation, _, number = identity.partition("-")
                count = int(number)
                before, last, when = newest.get(conversation, (-1, "", 0))
                begun[identity] += 1
                # Ended and not yet marked as handled is under way, too.
                if begun[identity] > 1 and (last != identity or when == generation):
                    wrongly_repeated.append(identity)
                previous = f"{conversation}-{count - 1}"
                if count < before or (count > 0 and previous not in ended):
                    out_of_order.append(identity)
                newest[conversation] = (count, identity, generation)
        return Report(
            kills=self._killed,
            acknowledged=len(self._acknowledged.items),
            sent_again=self._sent_again,
            lost=sorted(set(self._acknowledged.items) - ended),
            out_of_order=out_of_order,
            repeated=[identity for identity, times in begun.items() if times > 1],
            wrongly_repeated=wrongly_repeated,
            seconds=seconds,
        )


def main() -> None:
    """Run, and say what came of it."""
    parser = argparse.ArgumentParser(description="Kill a bot with an inbox, again and again.")
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--conversations", type=int, default=32)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311
    options = vars(parser.parse_args())
    sys.stdout.write(f"seed {options['seed']}\n")
    with tempfile.TemporaryDirectory() as folder:
        report = anyio.run(Run(Path(folder), **options).run)
    for name, value in attrs.asdict(report).items():
        shown = f"{value:g}" if isinstance(value, int | float) else f"{len(value)} {value[:5]}"
        sys.stdout.write(f"{name.replace('_', ' '):>16}: {shown}\n")
    if report.lost or report.out_of_order or report.wrongly_repeated:
        sys.exit("Not as it should be.")


if __name__ == "__main__":
    main()
