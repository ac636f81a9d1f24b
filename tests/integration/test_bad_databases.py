"""Databases that cannot be used: an error with advice, before anything is called or sent."""

# ruff: noqa: S608
from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import psycopg
import pytest
from cli.conftest import Commands, commands
from support import postgres
from webhooks.support import SECRET, Platform, message

from sunco import ConfigurationError, StorageError, SuncoError
from sunco._storage.postgres import VERSION, PostgresDatabase
from sunco.bulk import PostgresJournal, run, work
from sunco.models.events import Event
from sunco.ratelimit import PostgresRateLimiter
from sunco.webhooks import PostgresInbox, WebhookRouter

__all__ = ["commands"]

WRONG_PASSWORD = "open-sesame"


def option(dsn: str, text: str) -> str:
    return f"{dsn}{'&' if '?' in dsn else '?'}{text}"


def with_user(user: str) -> str:
    scheme, rest = postgres.dsn().split("://")
    return f"{scheme}://{user}:{WRONG_PASSWORD}@{rest.rpartition('@')[2]}"


def prepare(schema: str, *statements: str) -> None:
    """Create the tables, and change them."""
    PostgresDatabase(postgres.dsn(), schema=schema).migrate()
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.replace("{schema}", schema).encode())


def nowhere(_: str) -> str:
    return f"postgresql://ada:{WRONG_PASSWORD}@127.0.0.1:{postgres.free_port()}/app"


def unreadable(_: str) -> str:
    return f"postgresql://ada:{WRONG_PASSWORD}@[::1/app"


def wrong_password(_: str) -> str:
    return with_user("postgres")


def unknown_database(_: str) -> str:
    return option(postgres.dsn(), f"dbname=missing_{uuid.uuid4().hex}")


def newer_tables(schema: str) -> str:
    prepare(schema, f"UPDATE {{schema}}.meta SET version = {VERSION + 1}")
    return postgres.dsn()


def older_tables(schema: str) -> str:
    prepare(schema, "UPDATE {schema}.meta SET version = -1")
    return postgres.dsn()


def other_tables(schema: str) -> str:
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        connection.execute(f"CREATE TABLE {schema}.theirs (id int)".encode())
    return postgres.dsn()


def read_only(schema: str) -> str:
    prepare(schema)
    return option(postgres.dsn(), "options=-c%20default_transaction_read_only%3Don")


Case = tuple[Callable[[str], str], type[SuncoError], str]
CASES: list[Case] = [
    (nowhere, StorageError, "cannot be reached"),
    (unreadable, ConfigurationError, "use postgresql://user:password@host/database"),
    (wrong_password, ConfigurationError, "Check user, password and database name"),
    (unknown_database, ConfigurationError, "Check user, password and database name"),
    (newer_tables, StorageError, "update sunco"),
    (older_tables, StorageError, "run `sunco postgres migrate`"),
    (other_tables, ConfigurationError, "use another schema"),
    (read_only, StorageError, "use the primary server"),
]
cases = pytest.mark.parametrize(
    ("make", "kind", "advice"), CASES, ids=[make.__name__ for make, _, _ in CASES]
)


async def open_inbox(dsn: str, schema: str, _: Callable[[Any], Awaitable[None]]) -> None:
    router = WebhookRouter(SECRET, inbox=PostgresInbox(dsn, schema=schema))
    async with router.running():
        pytest.fail("The router runs.")


async def run_job(dsn: str, schema: str, send: Callable[[Any], Awaitable[None]]) -> None:
    await run(send, [1], key=str, job="j", journal=PostgresJournal(dsn, schema=schema))


async def join_job(dsn: str, schema: str, send: Callable[[Any], Awaitable[None]]) -> None:
    await work(send, job="j", journal=PostgresJournal(dsn, schema=schema))


async def share_rate(dsn: str, schema: str, _: Callable[[Any], Awaitable[None]]) -> None:
    limiter = PostgresRateLimiter(dsn, rate=5, name="app", schema=schema)
    try:
        await limiter.acquire()
    finally:
        await limiter.aclose()


@pytest.mark.anyio
@cases
@pytest.mark.parametrize("use", [open_inbox, run_job, join_job], ids=lambda use: use.__name__)
async def test_an_error_has_advice_and_nothing_is_called(
    schema: str, make: Callable[[str], str], kind: type[SuncoError], advice: str, use: Any
) -> None:
    called: list[Any] = []

    async def send(item: Any) -> None:
        called.append(item)

    dsn = await anyio.to_thread.run_sync(make, schema)
    with anyio.fail_after(120), pytest.raises(kind) as caught:
        await use(dsn, schema, send)
    assert advice in str(caught.value)
    for secret in (WRONG_PASSWORD, postgres.PASSWORD):
        assert secret not in f"{caught.value} {caught.value!r}"
    assert called == []


@cases
def test_a_command_reports_it_in_one_line(
    commands: Commands, schema: str, make: Callable[[str], str], kind: type[SuncoError], advice: str
) -> None:
    del kind
    arguments = (make(schema), "--schema", schema)
    assert commands("inbox", "stats", *arguments) in ({0} if make is read_only else {3})
    if make is not read_only:
        assert advice in commands.errors
        assert commands.errors.count("\n") == 1
    for secret in (WRONG_PASSWORD, postgres.PASSWORD):
        assert secret not in commands.output + commands.errors


@pytest.mark.anyio
@pytest.mark.parametrize(
    "make", [wrong_password, unknown_database, newer_tables, other_tables],
    ids=lambda make: make.__name__,
)  # fmt: skip
async def test_a_limiter_does_not_wait_for_what_waiting_cannot_mend(
    schema: str, make: Callable[[str], str]
) -> None:
    dsn = await anyio.to_thread.run_sync(make, schema)
    with anyio.fail_after(120), pytest.raises(SuncoError):
        await share_rate(dsn, schema, anyio.sleep)


@pytest.mark.parametrize(
    "make",
    [
        PostgresInbox,
        PostgresJournal,
        partial(PostgresRateLimiter, rate=5, name="app"),
    ],
    ids=["inbox", "journal", "limiter"],
)
def test_no_frame_of_an_error_has_the_password(make: Callable[[str], object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make(unreadable(""))
    # The first frame is that of this test.
    shown = [str(each.frame.f_locals) for each in caught.traceback[1:]]
    assert shown
    assert not [each for each in shown if WRONG_PASSWORD in each]


FULL = """
CREATE FUNCTION {schema}.no_space() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$
"""


@pytest.mark.anyio
async def test_a_full_database_makes_the_platform_deliver_again(
    schema: str, caplog: pytest.LogCaptureFixture
) -> None:
    def fill() -> None:
        on = "BEFORE INSERT ON {schema}.event EXECUTE FUNCTION {schema}.no_space()"
        trigger = f"CREATE TRIGGER no_space {on}"
        prepare(schema, FULL, trigger)

    await anyio.to_thread.run_sync(fill)
    router = WebhookRouter(SECRET, inbox=PostgresInbox(postgres.dsn(), schema=schema))

    @router.on()
    async def handle(_: Event) -> None:
        pytest.fail("Nothing was stored.")

    async with router.running():
        assert await Platform(router).post(message()) == 500
    assert "has no disk space left" in caplog.text


@pytest.mark.anyio
async def test_a_job_without_its_function_and_one_with_another_are_rejected(
    schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sunco.bulk.shared._POLL_SECONDS", 0.005)
    called: list[Any] = []

    async def first(item: Any) -> None:
        called.append(item)

    async def second(item: Any) -> None:
        called.append(item)

    def journal() -> PostgresJournal:
        return PostgresJournal(postgres.dsn(), schema=schema)

    with pytest.raises(StorageError, match="There is no job 'j'"):
        await work(first, job="j", journal=journal())
    await run(first, [1], key=str, job="j", journal=journal())
    rejected = r"has the function .*first.*another name"
    with pytest.raises(StorageError, match=rejected):
        await run(second, [2], key=str, job="j", journal=journal())
    with pytest.raises(StorageError, match=rejected):
        await work(second, job="j", journal=journal())
    assert called == [1]
