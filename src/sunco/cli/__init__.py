"""The command line, `sunco`: `sunco[cli]` installs what it needs."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command that the process was given."""
    try:
        from sunco.cli.commands import program  # noqa: PLC0415 - as above
        from sunco.cli.exit_codes import one_line_errors  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.exit("The command line needs click and rich: pip install 'sunco[cli]'")
    with one_line_errors():
        program(standalone_mode=False)
