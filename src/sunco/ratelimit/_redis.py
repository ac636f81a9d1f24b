"""A rate limiter whose state is a hash in Redis or Valkey."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from sunco.errors import ConfigurationError, StorageError
from sunco.ratelimit._shared import CATCH_UP, OnOutage, Reservation, SharedRateLimiter
from sunco.ratelimit.base import COOLDOWN, MIN_SHARE, RECOVERY

__all__ = ["RedisRateLimiter"]


class RedisRateLimiter(SharedRateLimiter):
    """One rate limit for all processes that use the same name on a Redis or Valkey server.

    ```python
    async with RedisRateLimiter("redis://cache:6379", rate=50, name="app") as limiter:
        sunco = Sunco.from_env(rate_limit=limiter)
    ```

    Turns are reserved on the server's clock, at most 50 ms ahead. A crash wastes no more than that.

    Args:
        url: `redis://`, `rediss://` or `unix://`; it may contain a password.
        rate: Requests per second of all processes together.
        burst: Requests that may be sent at once after an idle period.
        name: The name of the limit.
        on_outage: What happens while the server cannot be reached: `"wait"`, or `"local"`, where
            each process uses the rate on its own.

    Raises:
        ConfigurationError: An argument is invalid, or `sunco[redis]` is not installed.
    """

    def __init__(
        self, url: str, *, rate: float, burst: float = 1, name: str, on_outage: OnOutage = "wait"
    ) -> None:
        pool: Any = None
        problem: ConfigurationError | None = None
        try:
            self._redis = _driver()
            pool = self._redis.ConnectionPool.from_url(
                url, socket_timeout=5, socket_connect_timeout=5
            )
        except ConfigurationError as error:
            problem = error.with_traceback(None)
        except (TypeError, ValueError):
            problem = ConfigurationError(
                "The URL of the rate limit's server is invalid: use redis://host:port/database, "
                "rediss:// for TLS, or unix://path."
            )
        # Not in the variables of any frame that an error shows.
        del url
        if problem is not None:
            raise problem
        super().__init__(rate=rate, burst=burst, name=name, on_outage=on_outage)
        self._connecting = threading.Lock()
        self._client = self._redis.Redis(connection_pool=pool)
        script = Path(__file__).with_name("reserve.lua").read_text(encoding="utf-8")
        self._script = self._client.register_script(script)

    def _call_engine(self, count: int, pause: float | None) -> Reservation:
        problem: StorageError | ConfigurationError
        try:
            delay, current, now = self._script(
                keys=[f"sunco:rate:{self._name}"],
                args=[
                    self._rate,
                    self._burst,
                    count,
                    -1 if pause is None else pause,
                    RECOVERY,
                    COOLDOWN,
                    MIN_SHARE,
                    CATCH_UP,
                ],
            )
            return Reservation(float(delay), float(current), float(now))
        except self._redis.AuthenticationError:
            problem = ConfigurationError("The Redis server rejects the password of the rate limit.")
        except self._redis.RedisError as error:
            problem = StorageError(f"The Redis server cannot be used: {type(error).__name__}.")
        raise problem

    def _disconnect(self) -> None:
        self._client.close()
        self._client.connection_pool.disconnect()


def _driver() -> Any:
    try:
        return import_module("redis")
    except ModuleNotFoundError:
        message = "RedisRateLimiter needs an extra: pip install 'sunco[redis]'."
    raise ConfigurationError(message)
