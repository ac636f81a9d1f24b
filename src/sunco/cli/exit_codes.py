"""Exit codes that scripts can rely on."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sunco import APIConnectionError, APIStatusError, ConfigurationError, StorageError, SuncoError
from sunco.cli.template import InputError

__all__ = ["EXIT_CODES", "ExitCode", "exit_code_of"]


class ExitCode(IntEnum):
    """The exit codes of all commands."""

    DONE = 0
    INCOMPLETE = 1
    USAGE = 2
    SETTINGS = 3
    API_ERROR = 4
    NO_RESPONSE = 5
    OUTPUT = 6
    INTERRUPTED = 130


EXIT_CODES: Final = """\b
Exit codes:
  0    done
  1    not everything was done; the output says what was not
  2    the command or its input is wrong; nothing was sent
  3    settings are missing or wrong; nothing was sent
  4    the API responded with an error
  5    the API did not respond; whether the request took effect is unknown
  6    the output could not be written; what was sent is sent
  130  interrupted
"""


def exit_code_of(error: SuncoError) -> ExitCode:
    """The exit code of a command that an error has ended."""
    from sunco.bulk import ExportError  # noqa: PLC0415 - commands load what they need

    match error:
        case InputError():
            return ExitCode.USAGE
        case ConfigurationError() | StorageError():
            return ExitCode.SETTINGS
        case APIStatusError():
            return ExitCode.API_ERROR
        case APIConnectionError():
            return ExitCode.NO_RESPONSE
        case ExportError():
            return ExitCode.OUTPUT
        case _:
            return ExitCode.INCOMPLETE
