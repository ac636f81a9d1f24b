"""Kills bots that share an inbox at random moments under load, and checks what they have done.

Run it with `nox -s kill -- KILLS`. Conversations send one event after another, each after the one
before was acknowledged, and repeat an event whose acknowledgement was lost. Handlers of some events
fail at first in every known way; others never succeed, or end their process. When all events are
acknowledged and processed, the log of the bots and the emulated conversations must show that each
event was processed, in order, repeated only when its process had ended, and replied to once.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import attrs
import httpx

from sunco import Sunco
from sunco.models import ParticipantUser
from sunco.webhooks import SQLiteInbox
from webhooks.killed_bot import KINDS, MAX_ATTEMPTS, NEVER
from webhooks.support import SECRET, delivery, message

TESTS = Path(__file__).parent.parent
BOTS = 3


@attrs.frozen(kw_only=True)
class Report:
    """The result of a run.

    Attributes:
        kills: How often a bot was killed.
        exits: How often a handler ended its process.
        acknowledged: The number of events that were acknowledged.
        delivered_again: The number of deliveries that were repeated, because no response came.
        dead_lettered: The number of events in the dead-letter list.
        repeated: Events that were processed again after their process had ended.
        lost: Acknowledged events that were neither processed nor rightly dead-lettered.
        out_of_order: Events that began before the one before them was processed.
        overlapping: Events that two processes processed at the same time.
        wrongly_repeated: Events that were processed again although their process went on.
        replies_missing: Processed events without a reply.
        replies_sent_twice: Events with more than one reply.
        seconds: The duration.
    """

    kills: int
    exits: int
    acknowledged: int
    delivered_again: int
    dead_lettered: int
    repeated: Sequence[str]
    lost: Sequence[str]
    out_of_order: Sequence[str]
    overlapping: Sequence[str]
    wrongly_repeated: Sequence[str]
    replies_missing: Sequence[str]
    replies_sent_twice: Sequence[str]
    seconds: float

    @property
    def violations(self) -> Sequence[str]:
        """All events with which something is wrong."""
        return [
            *self.lost,
            *self.out_of_order,
            *self.overlapping,
            *self.wrongly_repeated,
            *self.replies_missing,
            *self.replies_sent_twice,
        ]


@contextmanager
def emulator() -> Generator[Mapping[str, str]]:
    """An emulator in a process of its own, and the environment of its bots."""
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline() for _ in range(4)]
            settings = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
            yield {**settings, "SUNCO_WEBHOOK_SECRET": SECRET}
        finally:
            process.kill()


class Run:
    """One run.

    Args:
        folder: The folder of the inbox and the log.
        kills: How often to kill a bot.
        conversations: The number of conversations.
        events: The number of events of each.
        poisonous: The number of events that end their process, each `MAX_ATTEMPTS` times.
        seed: The seed of the random numbers.
        bots: The number of bots.
        seconds: The maximum duration.
    """

    def __init__(
        self,
        folder: Path,
        *,
        kills: int,
        conversations: int,
        events: int,
        poisonous: int,
        seed: int,
        bots: int = BOTS,
        seconds: float = 600,
    ) -> None:
        self._seconds = seconds
        self._slots = range(bots)
        self._inbox, self._log = folder / "inbox.db", folder / "log"
        self._kills, self._conversations, self._events = kills, conversations, events
        self._random = random.Random(seed)  # noqa: S311 - to be repeatable
        self._kinds = {
            (conversation, number): self._random.choice(KINDS)
            for conversation in range(conversations)
            for number in range(events)
        }
        never = self._random.sample(sorted(self._kinds), 2 * poisonous)
        for place, kind in zip(never, itertools.cycle(NEVER), strict=False):
            self._kinds[place] = kind
        self._poisonous = poisonous
        self._names = itertools.count()
        self._bots: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
        self._killed: set[str] = set()
        self._exited: set[str] = set()
        self._ids: dict[str, str] = {}
        self._acknowledged: list[str] = []
        self._delivered_again = 0
        self._is_complete = False

    async def run(self) -> Report:
        """Send all events, kill bots meanwhile, and wait until everything is processed."""
        began = time.monotonic()
        with emulator() as environment, socket.create_server(("127.0.0.1", 0), backlog=512) as at:
            base_url = environment["SUNCO_BASE_URL"]
            async with Sunco(
                app_id=environment["SUNCO_APP_ID"],
                key_id=environment["SUNCO_KEY_ID"],
                key_secret=environment["SUNCO_KEY_SECRET"],
                base_url=base_url,
            ) as sunco:
                await self._create_conversations(sunco)
                with anyio.fail_after(self._seconds):
                    await self._process_all(at, environment)
                replies = await self._count_replies(sunco)
        inbox = SQLiteInbox(self._inbox)
        await inbox.open(handles=False)
        failed = {each.event.id or "" for each in await inbox.failed(10_000)}
        await inbox.close()
        return self._judge(failed, replies, time.monotonic() - began)

    async def _create_conversations(self, sunco: Sunco) -> None:
        user = await sunco.users.create(external_id="killing")
        for number in range(self._conversations):
            conversation = await sunco.conversations.create(
                "personal", participants=[ParticipantUser(user_id=user.id)]
            )
            self._ids[f"c{number}"] = conversation.id

    async def _process_all(self, at: socket.socket, environment: Mapping[str, str]) -> None:
        address = f"http://127.0.0.1:{at.getsockname()[1]}/"
        try:
            async with anyio.create_task_group() as tasks:
                for slot in self._slots:
                    tasks.start_soon(self._keep_running, slot, at, environment)
                async with anyio.create_task_group() as work:
                    for number in range(self._conversations):
                        work.start_soon(self._converse, address, number)
                    work.start_soon(self._kill_now_and_then)
                await self._wait_until_processed()
                tasks.cancel_scope.cancel()
        finally:
            for _, process in self._bots.values():
                process.kill()
                process.wait()

    async def _keep_running(
        self, slot: int, at: socket.socket, environment: Mapping[str, str]
    ) -> None:
        """Start a bot, and another one whenever it has ended."""
        path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        # The socket outlives the bots: a client that connects while there is none waits.
        number = at.fileno()
        while True:
            name = f"b{next(self._names)}"
            paths = [str(self._inbox), str(self._log)]
            program = ["-m", "webhooks.killed_bot", name, *paths, str(number)]
            process = subprocess.Popen(  # noqa: ASYNC220 - it only starts
                [sys.executable, *program],
                pass_fds=[number],
                env={**os.environ, **environment, "PYTHONPATH": path},
            )
            self._bots[slot] = name, process
            while process.poll() is None:  # noqa: ASYNC110 - processes send no event
                await anyio.sleep(0.01)
            if name not in self._killed:
                self._exited.add(name)
                assert len(self._exited) <= self._poisonous * MAX_ATTEMPTS, "A bot does not start."

    async def _converse(self, address: str, number: int) -> None:
        limits = httpx.Limits(max_keepalive_connections=0)
        conversation = self._ids[f"c{number}"]
        async with httpx.AsyncClient(limits=limits, trust_env=False, timeout=30) as http:
            for count in range(self._events):
                identity = f"c{number}-{count}"
                text = self._kinds[number, count]
                content = delivery(message(identity, conversation, text))
                while not await self._post(http, address, content):
                    self._delivered_again += 1
                self._acknowledged.append(identity)

    async def _post(self, http: httpx.AsyncClient, address: str, content: bytes) -> bool:
        try:
            response = await http.post(address, content=content, headers={"X-API-Key": SECRET})
        except httpx.TransportError:
            return False
        return response.is_success

    async def _kill_now_and_then(self) -> None:
        total = self._conversations * self._events
        share = max(total // (self._kills + 1), 1)
        for _ in range(self._kills):
            goal = min(self._count_ended() + self._random.randint(1, share), total * 9 // 10)
            while self._count_ended() < goal:  # noqa: ASYNC110 - as above
                await anyio.sleep(0.01)
            await anyio.sleep(self._random.uniform(0, 0.01))
            name, process = self._random.choice(list(self._bots.values()))
            self._killed.add(name)
            process.kill()

    async def _wait_until_processed(self) -> None:
        inbox = SQLiteInbox(self._inbox)
        await inbox.open(handles=False)
        while (await inbox.stats()).pending:  # noqa: ASYNC110 - as above
            await anyio.sleep(0.05)
        await inbox.close()

    async def _count_replies(self, sunco: Sunco) -> Counter[str]:
        replies: Counter[str] = Counter()
        for conversation in self._ids.values():
            async for each in sunco.messages.list(conversation):
                text = getattr(each.content, "text", "")
                replies[text.removeprefix("reply to ")] += 1
        return replies

    def _count_ended(self) -> int:
        return len({line[2] for line in self._lines() if line[0] == "end"})

    def _lines(self) -> list[tuple[str, str, str]]:
        if not self._log.exists():
            return []
        lines = self._log.read_text().splitlines()
        return [(what, name, identity) for what, name, identity in map(str.split, lines)]

    def _judge(self, failed: set[str], replies: Counter[str], seconds: float) -> Report:
        lines = self._lines()
        ended = {identity for what, _, identity in lines if what == "end"}
        never = {
            f"c{conversation}-{number}"
            for (conversation, number), kind in self._kinds.items()
            if kind in NEVER
        }
        found = _Findings(lines, self._killed | self._exited, never)
        return Report(
            kills=self._kills,
            exits=len(self._exited),
            acknowledged=len(self._acknowledged),
            delivered_again=self._delivered_again,
            dead_lettered=len(failed),
            repeated=found.repeated,
            lost=sorted({*self._acknowledged} - ended - never | failed ^ never),
            out_of_order=found.out_of_order,
            overlapping=found.overlapping,
            wrongly_repeated=found.wrongly_repeated,
            replies_missing=sorted(identity for identity in ended if not replies[identity]),
            replies_sent_twice=sorted(text for text, count in replies.items() if count > 1),
            seconds=seconds,
        )


class _Findings:
    """What the log of the bots says.

    Args:
        lines: The lines: begin, fail or end, the bot, the event.
        gone: The bots that were killed, or ended by a handler.
        never: Events that never succeed.
    """

    def __init__(
        self, lines: Sequence[tuple[str, str, str]], gone: set[str], never: set[str]
    ) -> None:
        self.out_of_order: list[str] = []
        self.overlapping: list[str] = []
        self.wrongly_repeated: list[str] = []
        self.repeated: list[str] = []
        ended: dict[str, str] = {}
        latest: dict[str, tuple[str, str, str]] = {}
        last_of_bot: dict[tuple[str, str], int] = {
            (bot, identity.partition("-")[0]): place
            for place, (_, bot, identity) in enumerate(lines)
        }
        last_begin = {
            identity: place for place, (what, _, identity) in enumerate(lines) if what == "begin"
        }
        for place, (what, bot, identity) in enumerate(lines):
            conversation, _, number = identity.partition("-")
            if what == "begin":
                before = [f"{conversation}-{each}" for each in range(int(number))]
                # An attempt is recorded before the handler is called, and need not be in the log.
                if not all(
                    each in ended or (each in never and last_begin.get(each, -1) < place)
                    for each in before
                ):
                    self.out_of_order.append(identity)
                previous = latest.get(conversation)
                if previous is not None and previous[0] == "begin" and previous[1] != bot:
                    is_gone = previous[1] in gone
                    if not is_gone or last_of_bot[previous[1], conversation] > place:
                        self.overlapping.append(identity)
                if identity in ended:
                    by = ended[identity]
                    self.repeated.append(identity)
                    if by not in gone or last_of_bot[by, conversation] > place:
                        self.wrongly_repeated.append(identity)
            elif what == "end":
                ended[identity] = bot
            latest[conversation] = what, bot, identity


def main() -> None:
    """Run, and print the report."""
    parser = argparse.ArgumentParser(description="Kill bots with an inbox, again and again.")
    parser.add_argument("kills", type=int, nargs="?", default=30)
    parser.add_argument("--conversations", type=int, default=32)
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--poisonous", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311
    options = vars(parser.parse_args())
    sys.stdout.write(f"seed {options['seed']}\n")
    with tempfile.TemporaryDirectory() as folder:
        report = anyio.run(Run(Path(folder), **options).run)
    for name, value in attrs.asdict(report, recurse=False).items():
        shown = f"{value:g}" if isinstance(value, int | float) else f"{len(value)} {value[:5]}"
        sys.stdout.write(f"{name.replace('_', ' '):>18}: {shown}\n")
    if report.violations:
        sys.exit("Not as it should be.")


if __name__ == "__main__":
    main()
