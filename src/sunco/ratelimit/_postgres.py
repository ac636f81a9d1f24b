"""A rate limiter whose state is a row in PostgreSQL."""

from __future__ import annotations

from typing import Any

from sunco._storage import UnavailableError
from sunco._storage.postgres import PostgresDatabase
from sunco.errors import ConfigurationError
from sunco.ratelimit._shared import CATCH_UP, OnOutage, Reservation, SharedRateLimiter
from sunco.ratelimit.base import COOLDOWN, MIN_SHARE, RECOVERY

__all__ = ["PostgresRateLimiter"]

_RESERVE = """
SELECT delay, "current", now_at
FROM {schema}.reserve(%s, %s::float8, %s::float8, %s, %s::float8, %s::float8, %s::float8,
    %s::float8, %s::float8)
"""


class PostgresRateLimiter(SharedRateLimiter):
    """One rate limit for all processes that use the same name in a PostgreSQL database.

    ```python
    async with PostgresRateLimiter("postgresql://db/app", rate=50, name="app") as limiter:
        sunco = Sunco.from_env(rate_limit=limiter)
    ```

    Turns are reserved on the database's clock, at most 50 ms ahead. A crash wastes no more than
    that.

    Args:
        dsn: Where the database is, as libpq reads it; it may contain a password.
        rate: Requests per second of all processes together.
        burst: Requests that may be sent at once after an idle period.
        name: The name of the limit.
        schema: The schema of sunco's tables, which are created if it is empty.
        on_outage: What happens while the database cannot be reached: `"wait"`, or `"local"`, where
            each process uses the rate on its own.

    Raises:
        ConfigurationError: An argument is invalid, or `sunco[postgres]` is not installed.
    """

    _outage = UnavailableError

    def __init__(
        self,
        dsn: str,
        *,
        rate: float,
        burst: float = 1,
        name: str,
        schema: str = "sunco",
        on_outage: OnOutage = "wait",
    ) -> None:
        database: PostgresDatabase | ConfigurationError
        try:
            database = PostgresDatabase(dsn, schema=schema, connections=1)
        except ConfigurationError as error:
            database = error.with_traceback(None)
        # Not in the variables of any frame that an error shows.
        del dsn
        if isinstance(database, ConfigurationError):
            raise database
        super().__init__(rate=rate, burst=burst, name=name, on_outage=on_outage)
        self._database = database
        self._statement = self._database.sql(_RESERVE)

    def _call_engine(self, count: int, pause: float | None) -> Reservation:
        arguments = (
            self._name,
            self._rate,
            self._burst,
            count,
            pause,
            RECOVERY,
            COOLDOWN,
            MIN_SHARE,
            CATCH_UP,
        )

        def reserve(connection: Any) -> Reservation:
            return Reservation(*connection.execute(self._statement, arguments).fetchone())

        return self._database.run_sync(reserve)

    def _disconnect(self) -> None:
        self._database.close_sync()
