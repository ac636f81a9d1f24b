"""`sunco export`: conversations to a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import attrs
import click

from sunco.bulk import export_conversations, write_table
from sunco.cli.exit_codes import ExitCode
from sunco.cli.input import opened
from sunco.cli.output import write
from sunco.cli.report import progress_of, summarize
from sunco.cli.runtime import client

__all__ = ["ExportCommand"]


@attrs.frozen(kw_only=True)
class ExportCommand:
    """The arguments of `sunco export`; see its help."""

    users: Sequence[str]
    conversations: Sequence[str]
    source: str | None
    by: str
    to: str
    format: Literal["jsonl", "parquet"]
    update: bool
    since: datetime | None
    attachments: bool
    table: Path | None
    rate: float | None
    burst: int
    concurrency: int

    async def run(self) -> int:
        """Export the conversations, and return the exit code."""
        if sum(map(bool, (self.users, self.conversations, self.source))) != 1:
            raise click.UsageError("Pass exactly one of --user, --conversation and --from.")
        ids = self.users or self.conversations
        if self.source is not None:
            ids = list(_ids_in(self.source))
        by_user = bool(self.users) or (self.source is not None and self.by == "user")
        title = f"export to {self.to}"
        resume = "Run the same command again to resume."
        async with client(rate=self.rate, burst=self.burst, concurrency=self.concurrency) as sunco:
            with progress_of(title, resume) as progress:
                report = await export_conversations(
                    sunco,
                    users=ids if by_user else None,
                    conversations=None if by_user else ids,
                    to=self.to,
                    format=self.format,
                    update=self.update,
                    since=self.since and _aware(self.since),
                    attachments=self.attachments,
                    concurrency=self.concurrency,
                    progress=progress,
                )
        # Of the items that are done, some were updated or had nothing new.
        job = attrs.evolve(report.job, done=report.exported)
        code = summarize(
            job,
            "exported",
            counts={
                "updated": report.updated,
                "unchanged": report.unchanged,
                "kept as they were": report.skipped,
                "messages": report.messages,
                "attachments": report.attachments,
                "attachments missing": report.missing_attachments,
            },
        )
        if report.skipped:
            write("  Existing files were kept as they were; --update adds what is new.\n")
        if self.table is not None:
            rows = await write_table(self.to, self.table)
            write(f"  {rows:,} rows in {self.table}\n")
        return code if report.ok else ExitCode.INCOMPLETE


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _ids_in(source: str) -> Iterator[str]:
    with opened(source) as file:
        for line in file:
            if identity := line.decode("utf-8-sig", errors="backslashreplace").strip():
                yield identity
