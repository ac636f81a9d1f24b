"""Every code block of the README, the documentation and the docstrings does what it says."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from support.clock import quiet

import sunco
from sunco import models, webhooks
from sunco._clock import SystemClock
from sunco.emulator import Emulator
from sunco.testing import connect

from . import blocks

ROOT = Path(__file__).parent.parent.parent
SOURCE = Path(sunco.__file__).parent
SECRET = "a secret that is long enough for signing"
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if "_build" not in path.parts and "```python" in path.read_text(encoding="utf-8")
)
MODULES = sorted(
    path for path in SOURCE.rglob("*.py") if "```python" in path.read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def served() -> Iterator[dict[str, str]]:
    """What `python -m sunco.emulator` says to export, while it serves."""
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0", "--key-secret", SECRET]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip() for _ in range(4)]
            yield {
                **dict(line.removeprefix("export ").split("=", 1) for line in lines),
                "SUNCO_KEY_SECRET": SECRET,
            }
        finally:
            process.terminate()


@pytest.fixture
def names(
    served: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> dict[str, Any]:
    """What a reader has at hand: an account in the environment, a client, an emulator, a folder."""
    for name, value in served.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return {"__name__": "example", "emulator": (emulator := Emulator()), "sunco": connect(emulator)}


def taken_for_granted() -> dict[str, Any]:
    """What docstrings name without saying where it comes from."""

    async def anything(*_: Any) -> None: ...

    return {
        "app": Starlette(),
        "conversation_id": "5f74a0d52b5315fc007e79c5",
        "pytest": pytest,
        "row_id": str,
        "rows": ["1", "2"],
        "secret": "webhook-secret",
        "send": anything,
        "think": anything,
    }


def fixtures() -> dict[str, Any]:
    """What a test has at hand, new for every test."""
    return {"sunco_emulator": (emulator := Emulator()), "sunco": connect(emulator)}


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(), logging.getLogger("sunco")]
    before = [(each, each.level, list(each.handlers)) for each in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.fixture(autouse=True)
def bots_wait_for_nothing_but_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their clock is set forward as soon as all tasks wait."""
    skipped = [0.0]

    def monotonic(_: object) -> float:
        return time.monotonic() + skipped[0]

    async def sleep(clock: SystemClock, seconds: float) -> None:
        until = clock.monotonic() + seconds
        await quiet()
        skipped[0] += max(0.0, until - clock.monotonic())

    monkeypatch.setattr(SystemClock, "monotonic", monotonic)
    monkeypatch.setattr(SystemClock, "sleep", sleep)


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_pages_do_what_they_say(path: Path, names: dict[str, Any]) -> None:
    assert blocks.Reader(path, names, fixtures).run(
        blocks.blocks_in(path.read_text(encoding="utf-8"))
    )


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(SOURCE)) for path in MODULES])
def test_docstrings_do_what_they_say(path: Path, names: dict[str, Any]) -> None:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    everything = {
        **vars(sunco),
        **{name: getattr(models, name) for name in models.__all__},
        **{name: getattr(webhooks, name) for name in webhooks.__all__},
        **vars(module),
        **names,
        **taken_for_granted(),
    }
    for docstring, line in blocks.docstrings_in(path):
        assert blocks.Reader(path, everything, fixtures).run(blocks.blocks_in(docstring, line))
