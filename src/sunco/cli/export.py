"""`sunco export`: conversations to a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import attrs

from sunco.bulk import export_conversations
from sunco.cli.exit_codes import client
from sunco.cli.input import opened
from sunco.cli.report import say

__all__ = ["Exporting", "export_all"]


@attrs.frozen(kw_only=True)
class Exporting:
    """What is to be exported, and how."""

    users: Sequence[str]
    conversations: Sequence[str]
    source: str | None
    by_user: bool
    to: Path
    format: Literal["jsonl", "parquet"]
    rate: float | None
    concurrency: int


async def export_all(exporting: Exporting) -> int:
    """Export them, and return the command's exit code."""
    ids = exporting.users or exporting.conversations
    if exporting.source is not None:
        ids = list(_ids_in(exporting.source))
    async with client(rate=exporting.rate, concurrency=exporting.concurrency) as sunco:
        report = await export_conversations(
            sunco,
            users=ids if exporting.by_user else None,
            conversations=None if exporting.by_user else ids,
            to=exporting.to,
            format=exporting.format,
            concurrency=exporting.concurrency,
            progress=True,
        )
    return say(report.job, "exported", skipped=report.skipped)


def _ids_in(source: str) -> Iterator[str]:
    with opened(source) as file:
        for line in file:
            if identity := line.decode("utf-8-sig", errors="backslashreplace").strip():
                yield identity
