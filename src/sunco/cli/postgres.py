"""`sunco postgres` and `sunco jobs`: the tables of a PostgreSQL database, and the jobs in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import attrs
import click

from sunco.cli.output import write
from sunco.cli.runtime import reporting_errors, run_async

if TYPE_CHECKING:
    from sunco.bulk import JobSummary

__all__ = ["jobs", "postgres"]

_dsn = click.argument("dsn", envvar="SUNCO_POSTGRES")
_schema = click.option(
    "--schema", default="sunco", show_default=True, metavar="NAME", help="The schema of the tables."
)


@click.group()
def postgres() -> None:
    """Create and check the tables of a PostgreSQL database.

    DSN is the address as libpq reads it, postgresql://user@host/database; by default that of the
    environment variable SUNCO_POSTGRES. The password can be in PGPASSWORD or ~/.pgpass.
    """


@postgres.command()
@_dsn
@_schema
def migrate(dsn: str, schema: str) -> None:
    """Create the tables, or bring them to the version of this sunco."""
    from sunco._storage.postgres import PostgresDatabase  # noqa: PLC0415 - loaded when needed

    with reporting_errors():
        database = PostgresDatabase(dsn, schema=schema)
        before, after = database.migrate()
    done = "are up to date" if before == after else f"were migrated from version {before}"
    write(f"The tables in schema {schema!r} at {database.location} {done} (version {after}).\n")


@postgres.command()
@_dsn
@_schema
def check(dsn: str, schema: str) -> None:
    """Check the connection, the server and the version of the tables."""
    from sunco._storage.postgres import VERSION, PostgresDatabase  # noqa: PLC0415 - as above

    with reporting_errors():
        database = PostgresDatabase(dsn, schema=schema)
        version = database.run_sync(lambda connection: connection.info.server_version)
        database.close_sync()
    write(
        f"{database.location} is ready: PostgreSQL {version // 10000}, tables in schema "
        f"{schema!r} have version {VERSION}.\n"
    )


@click.command()
@click.option(
    "--journal", envvar="SUNCO_POSTGRES", required=True, metavar="DSN",
    help="The PostgreSQL database of the jobs. By default SUNCO_POSTGRES.",
)  # fmt: skip
@_schema
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
def jobs(journal: str, schema: str, *, as_json: bool) -> None:
    """List the bulk jobs of a PostgreSQL database with their progress."""
    from sunco.bulk import PostgresJournal  # noqa: PLC0415 - as above

    async def show() -> int:
        shared = PostgresJournal(journal, schema=schema)
        try:
            found = await shared.jobs()
        finally:
            await shared.close()
        for job in found:
            write(f"{json.dumps(attrs.asdict(job)) if as_json else _line(job)}\n")
        if not found and not as_json:
            write("There are no jobs.\n")
        return 0

    run_async(show)


def _line(job: JobSummary) -> str:
    state = "finished" if job.finished else f"{job.workers} workers"
    if not job.loaded:
        state += ", loading"
    return (
        f"{job.job}: {job.done:,} of {job.total:,} done, {job.failed:,} failed, "
        f"{job.uncertain:,} uncertain ({state})"
    )
