"""A progress bar on a terminal, and a line every few seconds elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from time import monotonic
from typing import Final

from sunco.bulk.outcome import Report
from sunco.bulk.progress import ProgressCallback

try:
    from rich.console import Console, RenderableType
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "The progress bar needs rich: install it with pip install 'sunco[rich]'", name=_error.name
    ) from _error

__all__ = ["progress_bar"]

_SECONDS_BETWEEN_LINES: Final = 5.0


@contextmanager
def progress_bar(
    title: str, console: Console | None = None, *, clock: Callable[[], float] = monotonic
) -> Generator[ProgressCallback]:
    """Show the progress of a job while the context lasts.

    Args:
        title: The description of the job.
        console: Where to show it; by default standard error.
        clock: Seconds, for the lines that are printed where there is no terminal.

    Yields:
        The callback for the job.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield _line_printer(title, console, clock)
        return
    progress = _Bar(
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        expand=True,
    )
    heading = f"[bold]{escape(title)}[/]"
    task = progress.add_task(heading, total=None)

    def update(report: Report) -> None:
        counts = [f"[{style}]{count:,} {word}[/]" for count, style, word in _counts(report)]
        progress.update(
            task,
            completed=report.finished,
            total=report.total,
            description=", ".join([f"{heading}: {report.rate:,.0f}/s", *counts]),
        )

    with progress:
        yield update


class _Bar(Progress):
    """Title and counts above the bar, where they wrap; beside it, they would be cut off."""

    def get_renderables(self) -> Iterable[RenderableType]:
        for task in self.tasks:
            yield Text.from_markup(task.description)
        yield self.make_tasks_table(self.tasks)


def _line_printer(title: str, console: Console, clock: Callable[[], float]) -> ProgressCallback:
    last = clock()

    def print_line(report: Report) -> None:
        nonlocal last
        now = clock()
        if now - last < _SECONDS_BETWEEN_LINES:
            return
        last = now
        total = "" if report.total is None else f" of {report.total:,}"
        counts = "".join(f", {count:,} {word}" for count, _, word in _counts(report))
        console.print(
            f"{title}: {report.finished:,}{total} finished{counts}, {report.rate:,.0f}/s",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    return print_line


def _counts(report: Report) -> list[tuple[int, str, str]]:
    shown = [
        (report.failed, "red", "failed"),
        (report.uncertain, "yellow", "uncertain"),
        (report.skipped, "dim", "skipped"),
        (report.waiting, "yellow", "waiting for their grace period"),
    ]
    return [each for each in shown if each[0]]
