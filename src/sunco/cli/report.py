"""What commands say at their end."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from sunco.bulk import Report
from sunco.cli.exit_codes import INCOMPLETE

__all__ = ["say"]

_MOST_SHOWN = 20


def say(report: Report, verb: str, *, skipped: int, where: dict[str, int] | None = None) -> int:
    """Tell what became of a job, and return the command's exit code.

    Args:
        report: The job's report.
        verb: What was done to its items.
        skipped: How many were done before.
        where: The lines of the items that were not done, by key.
    """
    console = Console(highlight=False, soft_wrap=True)
    parts = [f"{report.done:,} {verb}"]
    for count, word in (
        (skipped, "done before"),
        (report.failed, "failed"),
        (report.uncertain, "uncertain"),
    ):
        if count:
            parts.append(f"{count:,} {word}")
    mark = "[green]✓[/]" if report.ok else "[red]✗[/]"
    console.print(f"{mark} {', '.join(parts)} in {report.seconds:.1f} s")
    for problem in report.problems[:_MOST_SHOWN]:
        line = (where or {}).get(problem.key)
        place = f"line {line}" if line else problem.key
        text = f"{problem.status}: {place}: {problem.error}".replace(": : ", ": ")
        console.print(f"  {escape(' '.join(text.split()))}")
    hidden = report.failed + report.uncertain - min(len(report.problems), _MOST_SHOWN)
    if hidden:
        console.print(f"  and {hidden:,} more")
    if report.stopped:
        console.print("  It was stopped after so many failures.")
    return 0 if report.ok else INCOMPLETE
