"""The progress bar, on a terminal and elsewhere."""

from __future__ import annotations

import builtins
import importlib
import io
import sys
from typing import Any

import pytest
from rich.console import Console

from sunco.bulk import Report, run
from sunco.bulk.progress_bar import progress_bar


def test_it_shows_how_far_the_job_is() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=140, _environ={"TERM": "xterm"})
    with progress_bar("campaign [of] 2026", console) as watch:
        assert watch is not None
        watch(Report(total=1000, done=400, failed=1, uncertain=2, skipped=97, seconds=4.0))
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


def test_it_is_quiet_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    with progress_bar("campaign", Console(file=out)) as watch:
        assert watch is None
    assert out.getvalue() == ""


@pytest.mark.anyio
async def test_a_job_shows_it_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()

    def console(**_: Any) -> Console:
        return Console(file=out, force_terminal=True, width=140, _environ={"TERM": "xterm"})

    monkeypatch.setattr("sunco.bulk.progress_bar.Console", console)

    async def work(_: int) -> None:
        """Nothing."""

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
