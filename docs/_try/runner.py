"""Runs a program, and shows the conversations of its emulators: the part of the page in Python."""

from __future__ import annotations

import contextlib
import io
import json
import linecache
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

import timer_loop

import sunco.emulator
from sunco.emulator import Emulator

NAME = "program.py"
MAX_CHARACTERS = 100_000
MAX_MESSAGES = 200

# What programs import is part of the snapshot.
for _name in ("sunco.models", "sunco.testing", "sunco.webhooks"):
    import_module(_name)


def run(source: str, write: Callable[[str], object], show: Callable[[str], object]) -> bool:
    """Run a program as `__main__`, and return whether it ended without an error.

    Args:
        source: The program.
        write: Receives what it prints.
        show: Receives the conversations as JSON, whenever the program waits, and at its end.
    """
    emulators: list[Emulator] = []

    class Watched(Emulator):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            emulators.append(self)

    def show_all() -> None:
        show(json.dumps([shown for each in emulators for shown in conversations(each)]))

    Watched.__name__ = Emulator.__name__
    linecache.cache[NAME] = len(source), None, source.splitlines(keepends=True), NAME
    printed = _Output(write)
    try:
        sunco.emulator.Emulator = Watched  # type: ignore[misc]
        with (
            timer_loop.installed(before_waiting=show_all),
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
        ):
            exec(compile(source, NAME, "exec"), {"__name__": "__main__"})  # noqa: S102
    except SystemExit:
        return True
    except BaseException as error:  # noqa: BLE001 - the program is the reader's
        printed.write(report(error))
        return False
    else:
        return True
    finally:
        sunco.emulator.Emulator = Emulator  # type: ignore[misc]
        show_all()


def conversations(emulator: Emulator) -> list[dict[str, Any]]:
    """The conversations of an emulator, as the page shows them."""
    return [
        {
            "title": each["title"],
            "control": each["control"],
            "messages": [
                {"author": message["author"]["type"], "content": message["content"]}
                for message in emulator.messages(each["id"])[-MAX_MESSAGES:]
            ],
        }
        for each in emulator.control("overview")["conversations"]
    ]


def report(error: BaseException) -> str:
    """A traceback with the lines of the program only."""
    described = traceback.TracebackException.from_exception(error)
    described.stack[:] = [frame for frame in described.stack if frame.filename == NAME]
    return "".join(described.format(chain=False))


class _Output(io.TextIOBase):
    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._left = MAX_CHARACTERS

    def write(self, text: str, /) -> int:
        if self._left > 0:
            self._write(
                text if len(text) < self._left else text[: self._left] + "\n[more output]\n"
            )
            self._left -= len(text)
        return len(text)
