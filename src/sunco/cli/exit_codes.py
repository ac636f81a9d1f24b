"""How commands end: exit codes that scripts can rely on, and errors in one line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Final

import anyio
import click

from sunco import APIConnectionError, APIStatusError, ConfigurationError, Sunco, SuncoError

__all__ = ["EXIT_CODES", "INCOMPLETE", "client", "one_line_errors", "run_async"]

INCOMPLETE: Final = 1
_CONFIGURATION: Final = 3
_REFUSED: Final = 4
_NO_ANSWER: Final = 5
_INTERRUPTED: Final = 130

EXIT_CODES: Final = """\b
Exit codes:
  0    all is done
  1    not all is done: see the report
  2    the command or its input cannot be understood; nothing was sent
  3    settings are missing or wrong; nothing was sent
  4    the API said no
  5    the API did not answer
  130  interrupted
"""


@contextmanager
def one_line_errors() -> Generator[None]:
    """Tell errors in one line on standard error, and end the process with their exit code."""
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        _end("Interrupted.", _INTERRUPTED)
    except click.ClickException as error:
        # What has several lines is the help, for a command that was given nothing.
        if "\n" in error.format_message():
            error.show()
            raise SystemExit(error.exit_code) from None
        _end(error.format_message(), error.exit_code)
    except SuncoError as error:
        _end(str(error), _code_of(error))
    except (ModuleNotFoundError, OSError, TimeoutError) as error:
        _end(str(error), _CONFIGURATION)


def _code_of(error: SuncoError) -> int:
    match error:
        case ConfigurationError():
            return _CONFIGURATION
        case APIStatusError():
            return _REFUSED
        case APIConnectionError():
            return _NO_ANSWER
        case _:
            return INCOMPLETE


def _end(text: str, code: int) -> None:
    line = " ".join(text.split())
    click.echo(f"sunco: {line}", err=True)
    raise SystemExit(code)


def run_async(function: Callable[[], Awaitable[int]]) -> None:
    """Run a command's work, and end the process with the exit code that it returns."""
    with one_line_errors():
        code = anyio.run(function)
    raise SystemExit(code)


def client(*, rate: float | None = None, concurrency: int = 64) -> Sunco:
    """A client from the environment, which is the only place for credentials.

    Args:
        rate: Requests per second.
        concurrency: How many requests may be under way.
    """
    return Sunco.from_env(rate_limit=rate, max_connections=max(concurrency, 1))
