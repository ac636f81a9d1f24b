"""The summary at the end of a job, complete or interrupted."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

import anyio

from sunco.bulk import Report
from sunco.bulk.progress_bar import progress_bar
from sunco.cli.exit_codes import ExitCode
from sunco.cli.output import complain, mark, printable, write

__all__ = ["progress_of", "summarize"]

_MAX_SHOWN = 20


@contextmanager
def progress_of(title: str, resume: str) -> Generator[Callable[[Report], None]]:
    """Show the progress of a job; when it is interrupted, print how far it came.

    Args:
        title: The description of the job.
        resume: What to do after an interruption.
    """
    last = Report()
    with progress_bar(title) as update:

        def track(report: Report) -> None:
            nonlocal last
            last = report
            update(report)

        try:
            yield track
        except anyio.get_cancelled_exc_class():
            complain(f"{_counts(last, 'done')}. {resume}")
            raise


def summarize(
    report: Report,
    verb: str,
    *,
    counts: Mapping[str, int],
    lines: Mapping[str, int] | None = None,
) -> ExitCode:
    """Print the result of a job, and return the exit code.

    Args:
        report: The report of the job.
        verb: The past participle of what was done to the items.
        counts: More counts to print, by their words.
        lines: The line numbers of items that were not done, by key.
    """
    parts = [_counts(report, verb), *(f"{n:,} {word}" for word, n in counts.items() if n)]
    write(f"{mark(ok=report.ok)} {', '.join(parts)} in {report.seconds:.1f} s\n")
    for problem in report.problems[:_MAX_SHOWN]:
        line = (lines or {}).get(problem.key)
        place = f"line {line}" if line else problem.key
        text = f"{problem.status}: {place}: {problem.error}".replace(": : ", ": ")
        write(f"  {printable(' '.join(text.split()))}\n")
    hidden = report.failed + report.uncertain - min(len(report.problems), _MAX_SHOWN)
    if hidden:
        write(f"  and {hidden:,} more\n")
    if report.stopped:
        write("  Stopped because of --stop-after-failures.\n")
    return ExitCode.DONE if report.ok else ExitCode.INCOMPLETE


def _counts(report: Report, verb: str) -> str:
    parts = [f"{report.done:,} {verb}"]
    parts += [
        f"{count:,} {word}"
        for count, word in (
            (report.skipped, "done before"),
            (report.failed, "failed"),
            (report.uncertain, "uncertain"),
        )
        if count
    ]
    return ", ".join(parts)
