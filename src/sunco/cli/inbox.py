"""The commands that look into an inbox of webhook events, and clear its dead-letter list."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sunco import ConfigurationError
from sunco.cli.exit_codes import EXIT_CODES, ExitCode
from sunco.cli.output import write, write_json
from sunco.cli.runtime import run_async

if TYPE_CHECKING:
    from sunco.webhooks import Inbox

__all__ = ["inbox"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Duration(click.ParamType[float]):
    """Seconds, or a number with a unit: `90`, `15m`, `12h`, `30d`."""

    name = "duration"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number, unit = (value[:-1], value[-1]) if value[-1:] in _UNITS else (value, "s")
        if not number.isdecimal():
            self.fail(f"{value!r} is no duration such as 90, 15m, 12h or 30d.", param, ctx)
        return float(number) * _UNITS[unit]


_location = click.argument("location", metavar="INBOX")


@click.group(epilog=EXIT_CODES)
def inbox() -> None:
    """Inspect the events of an inbox, and retry or delete dead-lettered ones.

    INBOX is the path of a SQLite inbox, or the DSN of a PostgreSQL inbox (postgresql://...).
    """


@inbox.command(epilog=EXIT_CODES)
@_location
def stats(location: str) -> None:
    """Print counts, and the age of the oldest pending event in seconds, as JSON."""

    async def work(opened: Inbox) -> ExitCode:
        found = await opened.stats()
        write_json(
            json.dumps(
                {
                    "pending": found.pending,
                    "failed": found.failed,
                    "handled": found.handled,
                    "oldest_pending_seconds": found.oldest,
                }
            )
            + "\n"
        )
        return ExitCode.DONE

    _run(location, work)


@inbox.command(epilog=EXIT_CODES)
@_location
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N")
def failed(location: str, limit: int) -> None:
    """Print the dead-letter list, oldest first, as JSON Lines.

    The content of events is not printed.
    """

    async def work(opened: Inbox) -> ExitCode:
        for each in await opened.failed(limit):
            line = {
                "key": each.key,
                "type": each.event.type,
                "attempts": each.attempts,
                "received": _iso(each.received),
                "failed": _iso(each.failed),
                "error": each.error,
            }
            write_json(json.dumps(line, ensure_ascii=False) + "\n")
        return ExitCode.DONE

    _run(location, work)


@inbox.command(epilog=EXIT_CODES)
@_location
@click.argument("keys", metavar="KEY...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead-lettered events.")
def retry(location: str, keys: Sequence[str], everything: bool) -> None:  # noqa: FBT001 - by name
    """Process dead-lettered events again, before later events of their conversations."""
    _change(location, keys, lambda opened: opened.retry, "retried", everything=everything)


@inbox.command(epilog=EXIT_CODES)
@_location
@click.argument("keys", metavar="KEY...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead-lettered events.")
def discard(location: str, keys: Sequence[str], everything: bool) -> None:  # noqa: FBT001 - by name
    """Delete dead-lettered events."""
    _change(location, keys, lambda opened: opened.discard, "discarded", everything=everything)


@inbox.command(epilog=EXIT_CODES)
@_location
@click.option(
    "--older-than", required=True, type=_Duration(), metavar="TIME",
    help="Only what has not changed for this long: 90 (seconds), 15m, 12h or 30d.",
)  # fmt: skip
def purge(location: str, older_than: float) -> None:
    """Delete old dead-lettered events, keys of handled events and state of idle conversations.

    The platform delivers events again for 15 minutes; purged ones would be processed again.
    """

    async def work(opened: Inbox) -> ExitCode:
        count = await opened.purge(older_than=older_than)
        write(f"{count:,} purged\n")
        return ExitCode.DONE

    _run(location, work)


def _change(
    location: str,
    keys: Sequence[str],
    method: Callable[[Inbox], Callable[[str], Awaitable[bool]]],
    verb: str,
    *,
    everything: bool,
) -> None:
    if bool(keys) == everything:
        raise click.UsageError("Pass keys, or --all.")

    async def work(opened: Inbox) -> ExitCode:
        change = method(opened)
        chosen = keys or [each.key for each in await opened.failed((await opened.stats()).failed)]
        missing = [key for key in chosen if not await change(key)]
        write(f"{len(chosen) - len(missing):,} {verb}\n")
        for key in missing:
            write(f"  not in the dead-letter list: {key}\n")
        return ExitCode.INCOMPLETE if missing else ExitCode.DONE

    _run(location, work)


def _run(location: str, work: Callable[[Inbox], Awaitable[ExitCode]]) -> None:
    async def run() -> ExitCode:
        opened = _inbox_at(location)
        await opened.open(handles=False)
        try:
            return await work(opened)
        finally:
            await opened.close()

    run_async(run)


def _inbox_at(location: str) -> Inbox:
    if location.startswith(("postgresql://", "postgres://")):
        from sunco.webhooks.inbox.postgres import PostgresInbox  # noqa: PLC0415 - an extra

        return PostgresInbox(location)
    from sunco.webhooks import SQLiteInbox  # noqa: PLC0415 - as above

    if not Path(location).is_file():
        raise ConfigurationError(f"There is no inbox at {location}.")
    return SQLiteInbox(location)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
