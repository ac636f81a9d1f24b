"""A process that is stopped while it holds claims, as by a suspended container."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import httpx

from sunco import Sunco
from sunco.models import ParticipantUser
from sunco.webhooks import SQLiteInbox
from webhooks.killing import TESTS, emulator
from webhooks.support import SECRET, delivery, message

SECONDS = 60


def lines_of(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(SECONDS):
        while not condition():  # noqa: ASYNC110 - processes send no event
            await anyio.sleep(0.02)


def test_events_of_a_stopped_process_are_processed_elsewhere_and_once(tmp_path: Path) -> None:
    """Issue 12, row 11: nothing was processed while the process that led was stopped."""
    anyio.run(stop_a_process, tmp_path)


async def stop_a_process(folder: Path) -> None:
    path, log = folder / "inbox.db", folder / "log"
    with emulator() as environment:
        async with Sunco(
            app_id=environment["SUNCO_APP_ID"],
            key_id=environment["SUNCO_KEY_ID"],
            key_secret=environment["SUNCO_KEY_SECRET"],
            base_url=environment["SUNCO_BASE_URL"],
        ) as sunco:
            user = await sunco.users.create(external_id="frozen")
            participants = [ParticipantUser(user_id=user.id)]
            conversation = await sunco.conversations.create("personal", participants=participants)
            # The bot of the first socket stops itself; the other one takes over.
            with socket.create_server(("127.0.0.1", 0)) as first:
                frozen = start("frozen", path, log, first, environment)
                await post(first, "c0-0", conversation.id, "freeze")
                await until(lambda: lines_of(log) == ["begin frozen c0-0"])
                with socket.create_server(("127.0.0.1", 0)) as second:
                    other = start("other", path, log, second, environment)
                    try:
                        await post(second, "c0-1", conversation.id, "fine")
                        await until(lambda: "end other c0-1" in lines_of(log))
                        frozen.send_signal(signal.SIGCONT)
                        await post(second, "c0-2", conversation.id, "fine")
                        await post(first, "c0-3", conversation.id, "fine")
                        await until(lambda: any(each.endswith("c0-3") for each in ends(log)))
                        replies = [
                            getattr(each.content, "text", "")
                            async for each in sunco.messages.list(conversation.id)
                        ]
                    finally:
                        for process in (frozen, other):
                            process.kill()
                            process.wait()
    assert sorted(replies) == [f"reply to c0-{number}" for number in range(4)]
    before = [each.split()[2] for each in lines_of(log) if " other " in each]
    assert before[:4] == ["c0-0", "c0-0", "c0-1", "c0-1"]
    inbox = SQLiteInbox(path)
    await inbox.open(handles=False)
    stats = await inbox.stats()
    await inbox.close()
    # The last result may not be recorded when the processes are killed.
    assert stats.failed == 0
    assert stats.handled >= 3


def ends(log: Path) -> list[str]:
    return [each for each in lines_of(log) if each.startswith("end ")]


def start(
    name: str, path: Path, log: Path, listener: socket.socket, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    number = listener.fileno()
    program = ["-m", "webhooks.killed_bot", name, str(path), str(log), str(number)]
    python_path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, *program],
        pass_fds=[number],
        env={**os.environ, **environment, "PYTHONPATH": python_path},
    )


async def post(listener: socket.socket, identity: str, conversation: str, text: str) -> None:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    content = delivery(message(identity, conversation, text))
    async with httpx.AsyncClient(trust_env=False, timeout=SECONDS) as http:
        response = await http.post(address, content=content, headers={"X-API-Key": SECRET})
    assert response.is_success
