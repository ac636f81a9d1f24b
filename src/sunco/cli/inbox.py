"""The commands that look into an inbox of webhook events, and clear its dead-letter list."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import anyio
import attrs
import click

from sunco import ConfigurationError
from sunco.cli.exit_codes import EXIT_CODES, ExitCode
from sunco.cli.output import write, write_json
from sunco.cli.runtime import run_async

if TYPE_CHECKING:
    from sunco.webhooks import Inbox, PostgresInbox, SQLiteInbox
    from sunco.webhooks.inbox.copying import CopyReport

__all__ = ["inbox"]

P = ParamSpec("P")
AnyInbox = TypeVar("AnyInbox", bound="Inbox")

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(text: str) -> float:
    """Seconds, or a number with a unit: `90`, `15m`, `12h`, `30d`."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    if not number.isdecimal():
        raise click.BadParameter(f"{text!r} is no duration such as 90, 15m, 12h or 30d.")
    return float(number) * _UNITS[unit]


@attrs.frozen
class _Location:
    """Where an inbox is.

    Attributes:
        address: A path, or a DSN.
        schema: The schema, for PostgreSQL.
        name: The inbox's name, for PostgreSQL.
    """

    address: str = attrs.field(repr=False)
    schema: str | None = None
    name: str | None = None

    @property
    def is_postgres(self) -> bool:
        return self.address.startswith(("postgresql://", "postgres://"))

    def inbox(self, *, create: bool = False) -> SQLiteInbox | PostgresInbox:
        if self.is_postgres:
            from sunco.webhooks.inbox.postgres import PostgresInbox  # noqa: PLC0415 - an extra

            schema = "sunco" if self.schema is None else self.schema
            name = "default" if self.name is None else self.name
            return PostgresInbox(self.address, schema=schema, name=name)
        from sunco.webhooks import SQLiteInbox  # noqa: PLC0415 - as above

        if not create and not Path(self.address).is_file():
            raise ConfigurationError(f"There is no inbox at {self.address}.")
        return SQLiteInbox(self.address)


_schema = click.option("--schema", metavar="NAME", help="The schema; by default sunco.")
_name = click.option("--name", metavar="NAME", help="The inbox's name; by default default.")


def _inbox(command: Callable[Concatenate[_Location, P], None]) -> Callable[..., None]:
    """A command on one inbox."""

    @click.argument("location", metavar="INBOX")
    @_schema
    @_name
    @wraps(command)
    def with_location(
        location: str, schema: str | None, name: str | None, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        found = _Location(location, schema, name)
        _check([found])
        command(found, *args, **kwargs)

    return with_location


def _check(locations: Sequence[_Location]) -> None:
    first = locations[0]
    if (first.schema, first.name) != (None, None) and not any(
        each.is_postgres for each in locations
    ):
        raise click.UsageError("--schema and --name are for inboxes in PostgreSQL.")


@click.group(epilog=EXIT_CODES)
def inbox() -> None:
    """Inspect the events of an inbox, and retry or delete dead-lettered ones.

    INBOX is the path of a SQLite inbox, or the DSN of a PostgreSQL inbox (postgresql://...), with
    its --schema and --name.
    """


@inbox.command(epilog=EXIT_CODES)
@_inbox
def stats(location: _Location) -> None:
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
@_inbox
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N")
def failed(location: _Location, limit: int) -> None:
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
@_inbox
@click.argument("keys", metavar="KEY...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead-lettered events.")
def retry(location: _Location, keys: Sequence[str], everything: bool) -> None:  # noqa: FBT001 - by name
    """Process dead-lettered events again, before later events of their conversations."""
    _change(location, keys, lambda opened: opened.retry, "retried", everything=everything)


@inbox.command(epilog=EXIT_CODES)
@_inbox
@click.argument("keys", metavar="KEY...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All dead-lettered events.")
def discard(location: _Location, keys: Sequence[str], everything: bool) -> None:  # noqa: FBT001 - by name
    """Delete dead-lettered events."""
    _change(location, keys, lambda opened: opened.discard, "discarded", everything=everything)


@inbox.command(epilog=EXIT_CODES)
@_inbox
@click.option(
    "--older-than", required=True, type=_duration, metavar="TIME",
    help="Only what has not changed for this long: 90 (seconds), 15m, 12h or 30d.",
)  # fmt: skip
def purge(location: _Location, older_than: float) -> None:
    """Delete old dead-lettered events, keys of handled events and state of idle conversations.

    The platform delivers events again for 15 minutes; purged ones would be processed again.
    """

    async def work(opened: Inbox) -> ExitCode:
        count = await opened.purge(older_than=older_than)
        write(f"{count:,} purged\n")
        return ExitCode.DONE

    _run(location, work)


@inbox.command(epilog=EXIT_CODES)
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@_schema
@_name
def copy(source: str, target: str, schema: str | None, name: str | None) -> None:
    """Copy an inbox, for instance from SQLite to PostgreSQL or back.

    Events in all states are copied in their order, with their attempts, and the state of
    conversations. Stop the processes that use FROM before. Events that TO knows are ignored, so a
    copy that was interrupted is completed by running it again. FROM stays as it is.
    """
    places = [_Location(source, schema, name), _Location(target, schema, name)]
    _check(places)
    if source == target:
        raise click.UsageError("FROM and TO are the same inbox.")

    async def run() -> ExitCode:
        from sunco.bulk import Report  # noqa: PLC0415 - loaded when needed
        from sunco.bulk.progress_bar import progress_bar  # noqa: PLC0415 - an extra
        from sunco.webhooks.inbox.copying import copy_inbox  # noqa: PLC0415 - as above

        old, began = places[0].inbox(), anyio.current_time()
        with progress_bar("Copying the inbox") as update:

            def show(found: CopyReport) -> None:
                seconds = anyio.current_time() - began
                update(
                    Report(
                        done=found.copied, skipped=found.known, total=found.total, seconds=seconds
                    )
                )

            async with _opened(old), _opened(places[1].inbox(create=True)) as new:
                stats = await old.stats()
                total = stats.pending + stats.failed + stats.handled
                done = await copy_inbox(old, new, total=total, progress=show)
        write(f"{done.copied:,} events copied, {done.known:,} were known, {done.states:,} states\n")
        return ExitCode.DONE

    run_async(run)


def _change(
    location: _Location,
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


def _run(location: _Location, work: Callable[[Inbox], Awaitable[ExitCode]]) -> None:
    async def run() -> ExitCode:
        async with _opened(location.inbox()) as opened:
            return await work(opened)

    run_async(run)


@asynccontextmanager
async def _opened(inbox: AnyInbox) -> AsyncGenerator[AnyInbox]:
    await inbox.open(handles=False)
    try:
        yield inbox
    finally:
        await inbox.close()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
