"""The command line, `sunco`; it needs the extra `sunco[cli]`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command in `sys.argv`."""
    try:
        from sunco.cli.commands import program  # noqa: PLC0415 - an extra
        from sunco.cli.output import OutputError  # noqa: PLC0415 - an extra
        from sunco.cli.runtime import reporting_errors  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.exit("The command line needs click and rich: pip install 'sunco[cli]'")
    with reporting_errors():
        try:
            program(standalone_mode=False)
        except OSError as error:
            # Commands report their own errors: this is the help.
            raise OutputError(f"The output cannot be written: {error.strerror}.") from error
