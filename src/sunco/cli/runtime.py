"""What all commands share: a client from the environment, and how they end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import anyio
import click

from sunco import RateLimiter, Sunco, SuncoError
from sunco.cli.exit_codes import ExitCode, exit_code_of
from sunco.cli.output import OutputError, complain
from sunco.ratelimit import Limiter

__all__ = ["client", "reporting_errors", "run_async"]


@contextmanager
def reporting_errors() -> Generator[None]:
    """Report errors in one line on standard error, and exit with their code."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        _exit("Interrupted.", ExitCode.INTERRUPTED)
    except click.ClickException as error:
        # Several lines are the help, for a command without arguments.
        if "\n" in error.format_message():
            error.show()
            raise SystemExit(error.exit_code) from None
        _exit(error.format_message(), error.exit_code)
    except SuncoError as error:
        _exit(str(error), exit_code_of(error))
    except OutputError as error:
        _exit(str(error), ExitCode.OUTPUT)
    except (ModuleNotFoundError, OSError) as error:
        _exit(str(error), ExitCode.SETTINGS)


def _exit(text: str, code: int) -> None:
    line = " ".join(text.split())
    complain(f"sunco: {line}")
    raise SystemExit(int(code))


def run_async(function: Callable[[], Awaitable[int]]) -> None:
    """Run a command, and exit with the code that it returns."""
    with reporting_errors():
        code = anyio.run(function)
    raise SystemExit(int(code))


def client(
    *,
    rate: float | None = None,
    burst: int = 1,
    concurrency: int = 64,
    limiter: Limiter | None = None,
) -> Sunco:
    """A client with the settings and credentials of the environment.

    Args:
        rate: The maximum number of requests per second.
        burst: The number of requests that can be sent at once after a pause.
        concurrency: The maximum number of requests in flight.
        limiter: A limiter that other processes share, instead of `rate`.
    """
    limit = limiter or (None if rate is None else RateLimiter(rate, burst=burst))
    return Sunco.from_env(rate_limit=limit, max_connections=max(concurrency, 1))
