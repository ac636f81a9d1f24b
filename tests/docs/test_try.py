"""The programs of the live page, and the part of the page in Python."""

from __future__ import annotations

import asyncio
import json
import runpy
import selectors
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import runner
import timer_loop

from sunco import emulator

PROGRAMS = sorted((Path(__file__).parents[2] / "docs/_try/programs").glob("*.py"))
EXPECTED = {
    "buttons": ["ordered: Sencha"],
    "conversation": ["Hello, Ada! How can we help?", "Where is my order?", "It arrives tomorrow."],
    "echo": ["received: TextMessage(text='Hello!')", "received: ImageMessage("],
    "errors": ["404 conversation_not_found", "[429, 201]", "maybe delivered: True", "1 message"],
    "pages": ["130 messages", "a page of 100 and more", "a page of 30 and no more"],
    "switchboard": ["in control: bot\nin control: agent\nin control: bot"],
}


WAITING = """\
import asyncio

from sunco.emulator import Emulator
from sunco.testing import connect

emulator = Emulator()


async def main():
    async with connect(emulator) as sunco:
        user = await sunco.users.create()
        emulator.say(user, "One")
        await asyncio.sleep(0.001)
        emulator.say(user, "Two")


asyncio.run(main())
"""


class Shown:
    def __init__(self) -> None:
        self.printed = ""
        self.conversations: list[list[dict[str, Any]]] = []

    def write(self, text: str) -> None:
        self.printed += text

    def show(self, conversations: str) -> None:
        self.conversations.append(json.loads(conversations))

    def run(self, source: str) -> bool:
        return runner.run(source, self.write, self.show)

    @property
    def texts(self) -> list[str]:
        [conversation] = self.conversations[-1]
        return [message["content"].get("text", "") for message in conversation["messages"]]


@pytest.fixture(autouse=True)
def time_passes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program has sockets or threads: nothing can happen while it sleeps."""
    slept, select = [0.0], selectors.DefaultSelector.select

    def now(_: object) -> float:
        return time.monotonic() + slept[0]

    def sleep(seconds: float) -> None:
        slept[0] += seconds

    def select_at_once(self: selectors.DefaultSelector, timeout: float | None = None) -> Any:
        ready = select(self, timeout and 0.0)
        if timeout and not ready:
            sleep(timeout)
        return ready

    monkeypatch.setattr(asyncio.BaseEventLoop, "time", now)
    monkeypatch.setattr(selectors.DefaultSelector, "select", select_at_once)
    monkeypatch.setattr(timer_loop, "time", SimpleNamespace(sleep=sleep))


def test_there_are_six_programs() -> None:
    assert [path.stem for path in PROGRAMS] == sorted(EXPECTED)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_runs_as_a_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    assert [text for text in EXPECTED[path.stem] if text not in printed] == []


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_runs_in_the_page(path: Path) -> None:
    shown = Shown()
    assert shown.run(path.read_text(encoding="utf-8")), shown.printed
    assert [text for text in EXPECTED[path.stem] if text not in shown.printed] == []
    [conversation] = shown.conversations[-1]
    assert len(conversation["messages"]) >= 2
    assert {message["author"] for message in conversation["messages"]} <= {"user", "business"}


def test_a_conversation_is_shown_while_its_program_waits() -> None:
    shown = Shown()
    assert shown.run(WAITING), shown.printed
    counts = [len(messages["messages"]) for [messages] in shown.conversations]
    assert (counts[0], counts[-1]) == (1, 2)
    assert shown.texts == ["One", "Two"]


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        pytest.param(
            "def fail():\n    return {}['no such key']\n\nfail()\n",
            'Traceback (most recent call last):\n  File "program.py", line 4, in <module>\n'
            "    fail()\n",
            id="an error",
        ),
        pytest.param("print(1\n", "SyntaxError: '(' was never closed\n", id="a syntax error"),
        pytest.param(
            "import asyncio\nasyncio.run(asyncio.Event().wait())\n",
            "RuntimeError: The program waits for something that cannot happen any more.\n",
            id="a deadlock",
        ),
        pytest.param("raise SystemExit\n", None, id="an end"),
    ],
)
def test_an_error_is_reported_with_the_lines_of_the_program(
    source: str, printed: str | None
) -> None:
    shown = Shown()
    assert shown.run(source) == (printed is None)
    assert (printed or "") in shown.printed
    assert "runner.py" not in shown.printed


def test_the_output_is_limited() -> None:
    shown = Shown()
    assert shown.run("for _ in range(300):\n    print('.' * 1000)\n")
    assert runner.MAX_CHARACTERS < len(shown.printed) < runner.MAX_CHARACTERS + 100
    assert shown.printed.endswith("\n[more output]\n")


def test_the_emulator_and_the_event_loop_are_the_ordinary_ones_afterwards() -> None:
    before = emulator.Emulator, asyncio.new_event_loop
    assert Shown().run("from sunco.emulator import Emulator\nEmulator()\n")
    assert (emulator.Emulator, asyncio.new_event_loop) == before


def test_the_loop_has_timers_and_tasks_and_no_sockets() -> None:
    async def main() -> list[str]:
        done: list[str] = []

        async def wait(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            done.append(name)

        await asyncio.gather(wait(0.002, "late"), wait(0, "early"))
        with pytest.raises(OSError, match="no sockets"):
            asyncio.get_running_loop().add_reader(0, print)
        return done

    with timer_loop.installed():
        assert asyncio.run(main()) == ["early", "late"]
