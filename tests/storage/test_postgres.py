"""The PostgreSQL database: wrong settings, versions of the tables, broken connections."""

# ruff: noqa: S608
# pyright: reportPrivateUsage=false
from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from support import postgres

from sunco._storage import UnavailableError
from sunco._storage.postgres import (
    VERSION,
    PostgresDatabase,
    encodable,
    is_postgres,
)
from sunco.errors import ConfigurationError, StorageError


@pytest.fixture
def database(schema: str) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres.dsn(), schema=schema)
    yield opened
    opened.close_sync()


def select(database: PostgresDatabase, statement: str = "SELECT 1") -> Any:
    return database.run_sync(lambda c: c.execute(statement.encode()).fetchall())


def _nothing(_: object) -> None:
    """Work that needs a connection and does nothing with it."""


class TestVersions:
    def test_tables_are_created_only_in_an_empty_schema(
        self, database: PostgresDatabase, schema: str
    ) -> None:
        assert select(database, f"SELECT version FROM {schema}.meta") == [(VERSION,)]
        assert database.migrate() == (VERSION, VERSION)
        (PostgresDatabase(postgres.dsn(), schema=schema)).run_sync(_nothing)

    def test_a_schema_with_other_tables_is_rejected_and_not_touched(
        self, database: PostgresDatabase, schema: str
    ) -> None:
        with database._connect() as connection:
            connection.execute(f"CREATE SCHEMA {schema}".encode())
            connection.execute(f"CREATE TABLE {schema}.theirs (id int)".encode())
        for attempt in (lambda: select(database), database.migrate):
            with pytest.raises(ConfigurationError, match="not sunco's: use another schema"):
                attempt()

    def test_tables_of_another_version_are_rejected_with_advice(
        self, database: PostgresDatabase, schema: str
    ) -> None:
        select(database, f"UPDATE {schema}.meta SET version = {VERSION + 1} RETURNING 1")
        newer = PostgresDatabase(postgres.dsn(), schema=schema)
        for attempt in (lambda: select(newer), newer.migrate):
            with pytest.raises(StorageError, match="update sunco"):
                attempt()
        select(database, f"UPDATE {schema}.meta SET version = -1 RETURNING 1")
        with pytest.raises(StorageError, match="sunco postgres migrate"):
            select(PostgresDatabase(postgres.dsn(), schema=schema))

    def test_two_processes_that_create_the_tables_at_once(self, schema: str) -> None:
        async def main() -> None:
            async with anyio.create_task_group() as tasks:
                for _ in range(4):
                    database = PostgresDatabase(postgres.dsn(), schema=schema)
                    tasks.start_soon(database.run, _nothing)

        anyio.run(main)

    def test_an_old_server_is_rejected(
        self, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sunco._storage.postgres._OLDEST_SERVER", 990000)
        with pytest.raises(ConfigurationError, match="PostgreSQL 14 or newer"):
            select(database)

    def test_missing_tables_name_the_command(self, database: PostgresDatabase, schema: str) -> None:
        select(database)
        postgres.drop_schema(schema)
        with pytest.raises(StorageError, match="sunco postgres migrate"):
            select(database, f"SELECT * FROM {schema}.event")


class TestSettings:
    def test_a_wrong_password_is_a_configuration_error_and_not_shown(self) -> None:
        dsn = postgres.dsn().replace(postgres.PASSWORD, "secret-word")
        if "secret-word" not in dsn:
            pytest.skip("the server that SUNCO_TEST_POSTGRES names has another password")
        with pytest.raises(ConfigurationError, match="rejects the connection") as caught:
            select(PostgresDatabase(dsn))
        assert "secret-word" not in str(caught.value)
        assert caught.value.__context__ is None

    def test_an_address_that_leads_nowhere(self) -> None:
        address = f"postgresql://ada:secret-word@127.0.0.1:{postgres.free_port()}/app"
        database = PostgresDatabase(address)
        with pytest.raises(UnavailableError, match="cannot be reached") as caught:
            select(database)
        assert "secret-word" not in str(caught.value)
        assert "secret-word" not in repr(database)

    def test_a_user_without_rights(self, database: PostgresDatabase, schema: str) -> None:
        user = f"user_{schema}"
        select(database)
        with database._connect() as connection:
            connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'secret-word'".encode())
        try:
            scheme, rest = postgres.dsn().split("://")
            dsn = f"{scheme}://{user}:secret-word@{rest.rpartition('@')[2]}"
            with pytest.raises(ConfigurationError, match="denies access"):
                select(PostgresDatabase(dsn, schema=f"{schema}2"))
        finally:
            with database._connect() as connection:
                connection.execute(f"DROP ROLE {user}".encode())

    def test_a_read_only_database(self, schema: str) -> None:
        separator = "&" if "?" in postgres.dsn() else "?"
        dsn = f"{postgres.dsn()}{separator}options=-c%20default_transaction_read_only%3Don"
        with pytest.raises(UnavailableError, match="read-only"):
            select(PostgresDatabase(dsn, schema=schema))

    def test_a_full_disk_is_named(self, database: PostgresDatabase) -> None:
        statement = "DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$"
        with pytest.raises(UnavailableError, match="no disk space left"):
            select(database, statement)

    def test_other_errors_of_the_database(self, database: PostgresDatabase) -> None:
        with pytest.raises(StorageError, match="cannot do it: division by zero") as caught:
            select(database, "SELECT 1 / 0")
        assert not isinstance(caught.value, UnavailableError)
        assert select(database) == [(1,)]

    def test_the_password_is_removed_from_messages(self) -> None:
        database = PostgresDatabase("postgresql://ada:secret-word@db:6000/app")
        assert database._text(ValueError("a secret-word.")) == "a ***"
        assert database._text(ValueError("")) == ""
        assert PostgresDatabase("dbname=app")._text(ValueError("x")) == "x"

    def test_without_psycopg_the_extra_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(ConfigurationError, match=r"sunco\[postgres\]"):
            PostgresDatabase("postgresql://localhost/app")

    def test_what_a_database_shows(self) -> None:
        shown = {
            "postgresql://ada:secret-word@db:6000/app": "postgresql://db:6000/app",
            "postgresql://db/app": "postgresql://db/app",
            "dbname=app": "postgresql://localhost/app",
            "host=db": "postgresql://db/",
        }
        for dsn, location in shown.items():
            assert PostgresDatabase(dsn).location == location
        assert "not initialized" in repr(PostgresDatabase.__new__(PostgresDatabase))


class TestConnections:
    def test_a_broken_connection_is_replaced_once(self, database: PostgresDatabase) -> None:
        select(database)
        database._idle[0].close()
        assert select(database) == [(1,)]
        database._idle[0].close()
        with pytest.raises(UnavailableError):
            database.run_sync(lambda c: c.execute("SELECT 1"), repeat=False)

    def test_connections_in_use_at_once_are_kept_up_to_their_number(self, schema: str) -> None:
        database = PostgresDatabase(postgres.dsn(), schema=schema, connections=1)
        database.run_sync(lambda _: select(database))
        assert len(database._idle) == 1
        database.close_sync()

    def test_a_connection_within_a_transaction_is_not_reused(
        self, database: PostgresDatabase
    ) -> None:
        database.run_sync(lambda c: c.execute("BEGIN"))
        assert not database._idle

    def test_other_errors_pass_through(self, database: PostgresDatabase) -> None:
        def fail(_: object) -> None:
            raise LookupError

        with pytest.raises(LookupError):
            database.run_sync(fail)
        assert len(database._idle) == 1

    @pytest.mark.anyio
    async def test_cancelling_does_not_wait_for_the_database(
        self, database: PostgresDatabase
    ) -> None:
        with anyio.move_on_after(0.1) as scope:
            await database.run(lambda c: c.execute("SELECT pg_sleep(0.5)"))
        assert scope.cancelled_caught
        assert await database.run(lambda c: c.execute("SELECT 1").fetchall()) == [(1,)]
        await database.aclose()
        assert await database.run(lambda c: c.execute("SELECT 1").fetchall()) == [(1,)]


def test_addresses_of_databases_are_recognized() -> None:
    known = ["postgresql://x", "postgres://x"]
    assert [each for each in (*known, "inbox.db", None, 5) if is_postgres(each)] == known


def test_text_that_cannot_be_stored_is_escaped() -> None:
    assert encodable("a\0b \ud83d é 😀") == "a\\0b \\ud83d é 😀"
