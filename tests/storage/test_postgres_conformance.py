"""The PostgreSQL inbox against the public conformance suite."""

# ruff: noqa: S608
# pyright: reportPrivateUsage=false
from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from support import postgres

from sunco._storage.postgres import PostgresDatabase
from sunco.testing import InboxCheck, InboxSubject, inbox_suite
from sunco.webhooks import Inbox, PostgresInbox


@pytest.fixture(scope="module")
def tables() -> Iterator[str]:
    """The name of a schema for all checks: each leaves its tables empty."""
    _, name = postgres.fresh_schema()
    yield name
    postgres.drop_schema(name)


@pytest.mark.anyio
@pytest.mark.parametrize("check", inbox_suite(), ids=lambda check: check.__name__)
async def test_conformance(check: InboxCheck, tables: str) -> None:
    await conform(check, postgres.dsn(), tables)


async def conform(check: InboxCheck, dsn: str, schema: str) -> None:
    """Check an inbox at an address."""
    made: list[PostgresInbox] = []
    database = PostgresDatabase(postgres.dsn(), schema=schema)

    def make() -> PostgresInbox:
        made.append(PostgresInbox(dsn, schema=schema, lease=7200))
        return made[-1]

    async def execute(*statements: str) -> None:
        def work(connection: object) -> None:
            for statement in statements:
                connection.execute(database.sql(statement))  # type: ignore[attr-defined]

        await database.run(work)

    async def advance(seconds: float) -> None:
        # The clock of the server is that of the machine, so the past is moved instead.
        shift = f"- make_interval(secs => {seconds})"
        await execute(
            f"UPDATE {{schema}}.queue SET ready = ready {shift}, blocked = blocked {shift},"
            f" changed = changed {shift}",
            f"UPDATE {{schema}}.event SET received = received {shift}, changed = changed {shift}",
            "SELECT {schema}.free_queues()",
        )

    async def expire(inbox: Inbox) -> None:
        assert isinstance(inbox, PostgresInbox)
        await execute(
            f"DELETE FROM {{schema}}.worker WHERE id = {inbox._worker}",
            "SELECT {schema}.free_queues()",
        )
        inbox._until = -math.inf

    try:
        await check(InboxSubject(make=make, advance=advance, expire=expire))
    finally:
        for each in made:
            await each.close()
        await execute(
            *(f"DELETE FROM {{schema}}.{table}" for table in ("event", "queue", "worker"))
        )
        await database.aclose()
