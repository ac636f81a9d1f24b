"""A progress bar on a terminal."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from sunco.bulk.outcome import Report
from sunco.bulk.progress import Watcher

try:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "The progress bar needs rich: install it with pip install 'sunco[rich]'", name=_error.name
    ) from _error

__all__ = ["bar"]


@contextmanager
def bar(title: str, console: Console | None = None) -> Generator[Watcher | None]:
    """Show a progress bar while the context lasts; nothing where there is no terminal.

    Args:
        title: What is done.
        console: Where; by default standard error.

    Yields:
        What is to be told of the progress, if anything.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    progress = Progress(
        TextColumn("[bold]{task.description}", markup=True),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[problems]}"),
        TimeRemainingColumn(compact=True),
        console=console,
        expand=True,
    )
    task = progress.add_task(escape(title), total=None, rate="", problems="")

    def watch(report: Report) -> None:
        progress.update(
            task,
            completed=report.ended,
            total=report.total,
            rate=f"{report.rate:,.0f}/s",
            problems=_problems(report),
        )

    with progress:
        yield watch


def _problems(report: Report) -> str:
    shown = [
        (report.failed, "red", "failed"),
        (report.uncertain, "yellow", "uncertain"),
        (report.skipped, "dim", "skipped"),
    ]
    return " ".join(f"[{style}]{count:,} {word}[/]" for count, style, word in shown if count)
