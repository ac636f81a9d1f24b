"""PostgreSQL through synchronous psycopg in worker threads, so that every event loop can use it."""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, LiteralString, TypeAlias, TypeVar

import anyio

from sunco._storage import UnavailableError
from sunco._sync import in_thread
from sunco.errors import ConfigurationError, StorageError

if TYPE_CHECKING:
    import psycopg

__all__ = [
    "VERSION",
    "Connection",
    "LeaseExpiredError",
    "PostgresDatabase",
    "encodable",
    "is_postgres",
]

T = TypeVar("T")

Connection: TypeAlias = "psycopg.Connection[Any]"

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
VERSION: Final = 1
"""The version of the tables: the number of the last file in `migrations`."""

_OLDEST_SERVER: Final = 140000
_LOCK: Final = 0x53554E43
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Undefined tables, columns, functions and schemas.
_MISSING: Final = {"42P01", "42703", "42883", "3F000"}
# Unless the DSN says otherwise: an unreachable host is noticed within seconds.
_DEFAULTS: Final[Mapping[str, str]] = {
    "application_name": "sunco",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}


class LeaseExpiredError(StorageError):
    """The worker's lease has expired: what it held may be held by others."""


class PostgresDatabase:
    """A few connections to one database, used from worker threads.

    The schema is checked with the first connection: tables are created only in an empty schema, and
    tables of another version are rejected.

    Args:
        dsn: Where the database is, as libpq reads it.
        schema: The schema of sunco's tables.
        connections: How many connections to use at once.

    Raises:
        ConfigurationError: An argument is invalid, or psycopg is not installed.
    """

    def __init__(self, dsn: str, *, schema: str = "sunco", connections: int = 3) -> None:
        settings = _parse(dsn)
        # Not in the variables of any frame that an error shows.
        del dsn
        if isinstance(settings, ConfigurationError):
            raise settings
        if not _SCHEMA.fullmatch(schema):
            raise ConfigurationError(
                f"The schema's name {schema!r} is invalid: use lower-case letters, digits and "
                "underscores, at most 63."
            )
        if connections < 1:
            raise ConfigurationError(f"connections must be at least 1, not {connections!r}.")
        self.__setstate__((settings, schema, connections))

    def __getstate__(self) -> tuple[dict[str, str], str, int]:
        return self._settings, self.schema, self._size

    def __setstate__(self, state: tuple[dict[str, str], str, int]) -> None:
        self._settings, self.schema, self._size = state
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._checked = False
        self._limiter: anyio.CapacityLimiter | None = None
        weakref.finalize(self, _close_all, self._idle)

    @property
    def location(self) -> str:
        """The database's address without the password."""
        host, port, name = (self._settings.get(key) for key in ("host", "port", "dbname"))
        address = f"{host or 'localhost'}:{port}" if port else host or "localhost"
        return f"postgresql://{address}/{name or ''}"

    def __repr__(self) -> str:
        if not hasattr(self, "_limiter"):
            return "<PostgresDatabase, not initialized>"
        return f"PostgresDatabase({self.location!r}, schema={self.schema!r})"

    def sql(self, text: str) -> LiteralString:
        """A statement with the schema filled in."""
        # Safe to format: the schema's name was checked.
        statement: Any = text.replace("{schema}", self.schema)
        return statement  # type: ignore[no-any-return]

    async def run(self, work: Callable[[Connection], T], *, repeat: bool = True) -> T:
        """Run a function with a connection, in a worker thread. See `run_sync`.

        When it is cancelled, the function runs to its end in the background.
        """
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(self._size)
        return await in_thread(
            lambda: self.run_sync(work, repeat=repeat),
            abandon_on_cancel=True,
            limiter=self._limiter,
        )

    def run_sync(self, work: Callable[[Connection], T], *, repeat: bool = True) -> T:
        """Run a function with a connection in autocommit mode.

        Args:
            work: The function.
            repeat: Whether to run it again on a new connection, if the one that it was given turns
                out to be broken.

        Raises:
            UnavailableError: The database cannot be reached, or rejects work for the moment.
            StorageError: The database cannot do it.
            ConfigurationError: The settings are wrong.
        """
        with self._lock:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            return self._run_and_return(self.connect(), work)
        try:
            return self._run_and_return(connection, work)
        except StorageError:
            if not (repeat and connection.closed):
                raise
        # After a restart of the server, all are broken.
        self.close_sync()
        return self._run_and_return(self.connect(), work)

    def _run_and_return(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        try:
            return self.using(connection, work)
        finally:
            self._return(connection)

    def using(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        """Run a function with a connection from `connect`.

        Raises:
            StorageError: As `run_sync`.
            ConfigurationError: As `run_sync`.
        """
        failure: StorageError | ConfigurationError
        try:
            return work(connection)
        except _psycopg().Error as error:
            failure = self._explain(error)
        raise failure

    def connect(self) -> Connection:
        """Open a connection that is not shared; the caller closes it.

        Raises:
            UnavailableError: The database cannot be reached.
            ConfigurationError: The settings are wrong.
            StorageError: The tables are of another version.
        """
        connection = self._connect()
        if self._checked:
            return connection
        try:
            self.using(connection, self._check)
        except BaseException:
            connection.close()
            raise
        self._checked = True
        return connection

    def _connect(self) -> Connection:
        psycopg = _psycopg()
        failure: StorageError | ConfigurationError
        try:
            # Prepared statements do not pass PgBouncer in transaction mode.
            return psycopg.connect(  # type: ignore[no-any-return]
                autocommit=True, prepare_threshold=None, **self._settings
            )
        except psycopg.Error as error:
            failure = self._explain_connecting(error)
        raise failure

    def migrate(self) -> tuple[int, int]:
        """Bring the tables to this version.

        Returns:
            The version before (0 where there were none), and now.
        """
        connection = self._connect()
        try:
            return self.using(connection, self._migrate)
        finally:
            connection.close()

    def _migrate(self, connection: Connection) -> tuple[int, int]:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            before = self._version(connection)
            if before > VERSION:
                raise self._wrong_version(before)
            if not before:
                connection.execute(self.sql("CREATE SCHEMA IF NOT EXISTS {schema}"))
            for number in range(before + 1, VERSION + 1):
                text = (_MIGRATIONS / f"{number:04}.sql").read_text(encoding="utf-8")
                connection.execute(self.sql(text))
            connection.execute(
                self.sql(
                    "INSERT INTO {schema}.meta VALUES ('tables', %s)"
                    " ON CONFLICT (part) DO UPDATE SET version = excluded.version"
                ),
                (VERSION,),
            )
        return before, VERSION

    def _check(self, connection: Connection) -> None:
        if connection.info.server_version < _OLDEST_SERVER:
            raise ConfigurationError(
                f"PostgreSQL 14 or newer is needed, and {self.location} is "
                f"{connection.info.server_version // 10000}."
            )
        version = self._version(connection)
        if not version:
            version = self._migrate(connection)[1]
        if version != VERSION:
            raise self._wrong_version(version)

    def _version(self, connection: Connection) -> int:
        """The version of the tables; 0 where the schema is empty or missing."""
        found = connection.execute(
            "SELECT to_regclass(%s) IS NOT NULL, EXISTS (SELECT FROM pg_class"
            " WHERE relnamespace = to_regnamespace(%s))",
            (f"{self.schema}.meta", self.schema),
        ).fetchone()
        ours, used = found or (False, False)
        if not ours and used:
            raise ConfigurationError(
                f"The schema {self.schema!r} at {self.location} has tables that are not sunco's: "
                "use another schema."
            )
        if not ours:
            return 0
        row = connection.execute(
            self.sql("SELECT version FROM {schema}.meta WHERE part = 'tables'")
        ).fetchone()
        return int(row[0]) if row else 0

    def _wrong_version(self, version: int) -> StorageError:
        advice = (
            "update sunco"
            if version > VERSION
            else "run `sunco postgres migrate` with the same address"
        )
        return StorageError(
            f"The tables in schema {self.schema!r} at {self.location} have version {version}, and "
            f"this sunco needs {VERSION}: {advice}."
        )

    def _return(self, connection: Connection) -> None:
        psycopg = _psycopg()
        with self._lock:
            clean = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
            if clean and len(self._idle) < self._size:
                self._idle.append(connection)
                return
        connection.close()

    def close_sync(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle = list(self._idle)
            self._idle.clear()
        _close_all(idle)

    async def aclose(self) -> None:
        """Close the idle connections. The database can be used again afterwards."""
        self._limiter = None
        await in_thread(self.close_sync)

    def _explain_connecting(self, error: Exception) -> StorageError | ConfigurationError:
        text = self._text(error)
        if re.search(r"authentication failed|no password supplied|does not exist", text):
            return ConfigurationError(
                f"{self.location} rejects the connection: {text}. Check user, password and "
                "database name."
            )
        return UnavailableError(
            f"{self.location} cannot be reached: {text}. Check the address, and that the server "
            "runs and accepts connections from here."
        )

    def _explain(self, error: Exception) -> StorageError | ConfigurationError:
        psycopg = _psycopg()
        state = getattr(error, "sqlstate", None) or ""
        text = self._text(error)
        kind: type[StorageError | ConfigurationError] = StorageError
        message = f"{self.location} cannot do it: {text}."
        if state == "SU001":
            kind, message = LeaseExpiredError, "The lease of this process has expired."
        elif state == "42501":
            kind = ConfigurationError
            message = (
                f"{self.location} denies access: {text}. Grant the user the schema "
                f"{self.schema!r}, or have its owner run `sunco postgres migrate`."
            )
        elif state in _MISSING:
            self._checked = False
            message = (
                f"Tables are missing in schema {self.schema!r} at {self.location}: run "
                "`sunco postgres migrate` with the same address."
            )
        elif state == "25006":
            kind = UnavailableError
            message = (
                f"{self.location} is read-only: use the primary server, as with "
                "target_session_attrs=read-write."
            )
        elif state == "53100":
            kind, message = UnavailableError, f"{self.location} has no disk space left: {text}."
        elif isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            kind, message = UnavailableError, f"The connection to {self.location} failed: {text}."
        return kind(message)

    def _text(self, error: Exception) -> str:
        text = " ".join(str(error).split()).rstrip(".")
        password = self._settings.get("password")
        return text.replace(password, "***") if password else text


def encodable(text: str) -> str:
    """Text that PostgreSQL can store: NUL characters and lone surrogates are written as escapes."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")


def is_postgres(address: object) -> bool:
    """Whether an address is that of a PostgreSQL database."""
    return isinstance(address, str) and address.startswith(("postgresql://", "postgres://"))


def _parse(dsn: object) -> dict[str, str] | ConfigurationError:
    psycopg = _psycopg()
    if not isinstance(dsn, str) or not dsn.strip():
        return ConfigurationError("The database's address must be a str that is not empty.")
    try:
        given = psycopg.conninfo.conninfo_to_dict(dsn)
    except psycopg.Error:
        return ConfigurationError(
            "The database's address cannot be read: use postgresql://user:password@host/database, "
            "with special characters percent-encoded."
        )
    return {**_DEFAULTS, **{key: str(value) for key, value in given.items() if value is not None}}


def _psycopg() -> Any:
    try:
        psycopg: ModuleType = import_module("psycopg")
        import_module("psycopg.conninfo")
    except ImportError:
        message = "PostgreSQL needs an extra: pip install 'sunco[postgres]'."
    else:
        return psycopg
    raise ConfigurationError(message)


def _close_all(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()
