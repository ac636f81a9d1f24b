"""The progress bar on a terminal, and lines elsewhere."""

from __future__ import annotations

import builtins
import importlib
import io
import sys
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from sunco.bulk import Report, run
from sunco.bulk.progress_bar import progress_bar


def test_it_shows_counts_and_rate() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=140, _environ={"TERM": "xterm"})
    with progress_bar("campaign [of] 2026", console) as update:
        update(Report(total=1000, done=400, failed=1, uncertain=2, skipped=97, seconds=4.0))
    shown = out.getvalue()
    for text in (
        "campaign [of] 2026",
        "500/1000",
        "50%",
        "101/s",
        "1 failed",
        "2 uncertain",
        "97 skipped",
    ):
        assert text in shown


def test_it_shows_how_many_items_wait() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=140, _environ={"TERM": "xterm"})
    with progress_bar("campaign", console) as update:
        update(Report(total=1000, waiting=32))
    assert "32 waiting for their grace period" in out.getvalue()


def test_a_narrow_terminal_cuts_nothing_off() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=40, _environ={"TERM": "xterm"})
    with progress_bar("send offers.csv to app app_demo", console) as update:
        update(Report(total=1500, done=1, skipped=670, uncertain=2, waiting=32, seconds=1.0))
    assert "\u2026" not in out.getvalue()
    shown = " ".join(Text.from_ansi(out.getvalue()).plain.split())
    assert "app_demo: 3/s, 2 uncertain, 670 skipped, 32 waiting for their grace period" in shown
    assert "673/1500" in shown


def test_without_a_terminal_it_prints_a_line_every_few_seconds() -> None:
    out, now = io.StringIO(), 0.0
    with progress_bar("send [of] 2026", Console(file=out), clock=lambda: now) as update:
        update(Report(total=1000, done=1))
        now = 5.0
        update(Report(total=1000, done=400, failed=1, waiting=2, seconds=5.0))
        now = 9.0
        update(Report(total=1000, done=500))
        now = 10.0
        update(Report(done=600, seconds=10.0))
    assert out.getvalue().splitlines() == [
        "send [of] 2026: 401 of 1,000 finished, 1 failed, 2 waiting for their grace period, 80/s",
        "send [of] 2026: 600 finished, 60/s",
    ]


@pytest.mark.anyio
async def test_a_job_shows_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()

    def console(**_: Any) -> Console:
        return Console(file=out, force_terminal=True, width=140, _environ={"TERM": "xterm"})

    monkeypatch.setattr("sunco.bulk.progress_bar.Console", console)

    async def work(_: int) -> None:
        """Do nothing."""

    await run(work, range(7), key=str, progress=True, job="greetings")
    assert "greetings" in out.getvalue()
    assert "7/7" in out.getvalue()


def test_without_rich_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    find = builtins.__import__

    def without_rich(name: str, *args: Any, **options: Any) -> Any:
        if name.startswith("rich"):
            raise ModuleNotFoundError(name=name)
        return find(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without_rich)
    monkeypatch.delitem(sys.modules, "sunco.bulk.progress_bar")
    with pytest.raises(ModuleNotFoundError, match=r"sunco\[rich\]"):
        importlib.import_module("sunco.bulk.progress_bar")
