"""`sunco send`: the messages of a file, each exactly once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs
import click

from sunco import SuncoError
from sunco.bulk import attempt, run
from sunco.bulk._key_set import KeySet
from sunco.cli.exit_codes import client
from sunco.cli.input import AnyRow, BadRow, InputError, Row, key_of, opened, read_rows
from sunco.cli.report import say

__all__ = ["Sending", "send_all"]

_MOST_SHOWN: Final = 20
_BAD_INPUT: Final = 2


@attrs.frozen(kw_only=True)
class Sending:
    """What is to be sent, and how."""

    file: str
    format: str
    journal: Path | None
    rate: float | None
    concurrency: int
    settle: float
    stop_after_failures: int | None
    dry_run: bool


async def send_all(sending: Sending) -> int:
    """Send them, and return the command's exit code."""
    checks = sending.dry_run or sending.file != "-"
    total = None
    try:
        total = _check(sending) if checks else None
    except InputError as error:
        click.echo(f"sunco: {error}", err=True)
        return _BAD_INPUT
    if sending.dry_run:
        click.echo(f"{total:,} messages could be sent. Nothing was sent.")
        return 0
    lines: dict[str, int] = {}
    async with client(rate=sending.rate, concurrency=sending.concurrency) as sunco:

        async def send(row: AnyRow) -> Any:
            this = attempt()
            assert isinstance(row, Row)  # noqa: S101 - others have no key, and come not here
            try:
                return await sunco.messages.post_once(
                    row.conversation,
                    row.content,
                    key=row.key,
                    metadata=row.metadata,
                    grace_period=sending.settle,
                    maybe_sent=this.maybe_done,
                    since=this.since,
                )
            except SuncoError:
                if len(lines) < _MOST_SHOWN:
                    lines[row.key] = row.line
                raise

        with opened(sending.file) as file:
            report = await run(
                send,
                read_rows(file, sending.format),
                key=key_of,
                concurrency=sending.concurrency,
                journal=sending.journal,
                progress=True,
                stop_after_failures=sending.stop_after_failures,
                job=f"send {Path(sending.file).name} to app {os.environ.get('SUNCO_APP_ID')}",
                grace_period=sending.settle,
                total=total,
            )
    return say(report, "sent", skipped=report.skipped, where=lines)


def _check(sending: Sending) -> int:
    """How many rows there are.

    Raises:
        InputError: Some cannot be sent; the message shows which.
    """
    total, problems, shown = 0, 0, list[str]()
    with opened(sending.file) as file:
        for row in _with_duplicates(read_rows(file, sending.format)):
            total += 1
            if isinstance(row, BadRow):
                problems += 1
                if len(shown) < _MOST_SHOWN:
                    shown.append(f"\n  line {row.line}: {row.reason}")
    if not problems:
        return total
    more = f"\n  and {problems - len(shown):,} more" if problems > len(shown) else ""
    raise InputError(
        f"{problems:,} of {total:,} rows cannot be sent, so nothing was sent:{''.join(shown)}{more}"
    )


def _with_duplicates(rows: Iterator[AnyRow]) -> Iterator[AnyRow]:
    keys = KeySet()
    for row in rows:
        if isinstance(row, BadRow) or keys.add(row.key):
            yield row
        else:
            yield BadRow(row.line, f"another row has the same key, {row.key}")
