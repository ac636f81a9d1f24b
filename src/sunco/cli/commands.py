"""The program and its commands; what each does stands in a file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from sunco import __version__
from sunco.cli.exit_codes import EXIT_CODES, one_line_errors, run_async
from sunco.cli.postgres import jobs, postgres
from sunco.cli.worker import worker

__all__ = ["program"]


_SETTINGS = """Settings and credentials come from the environment alone: SUNCO_SUBDOMAIN (or
SUNCO_BASE_URL), SUNCO_APP_ID, SUNCO_KEY_ID and SUNCO_KEY_SECRET."""

_rate = click.option(
    "--rate", type=click.FloatRange(0, min_open=True), help="Requests per second at most."
)


@click.group(
    help=f"Work with Sunshine Conversations.\n\n{_SETTINGS}",
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, package_name="sunco")
def program() -> None:
    """Work with Sunshine Conversations."""


@program.command(epilog=EXIT_CODES)
@click.argument("file")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="By FILE's name.")
@click.option("--journal", type=click.Path(path_type=Path), help="Remember what was sent, in here.")
@_rate
@click.option("--concurrency", type=click.IntRange(1, 1000), default=64, show_default=True)
@click.option("--settle", type=click.FloatRange(0, 3600), default=10.0, show_default=True)
@click.option("--stop-after-failures", type=click.IntRange(1), metavar="N")
@click.option("--dry-run", is_flag=True, help="Check the input, send nothing.")
def send(  # noqa: PLR0917 - click passes them by name
    file: str,
    form: str | None,
    journal: Path | None,
    rate: float | None,
    concurrency: int,
    settle: float,
    stop_after_failures: int | None,
    dry_run: bool,  # noqa: FBT001 - as above
) -> None:
    """Send the messages of FILE, each exactly once; `-` is standard input.

    A CSV has a header, JSON Lines have an object a line, with conversation_id, and text, or content
    as the API has it; key and metadata if you like. A key makes a row this row, and no two rows may
    have the same; without one, that is all that the row says. All of FILE is checked before
    anything is sent, but for standard input.

    With --journal, running the same command again sends what has not been sent. Without, each
    conversation is looked through for the message first.
    """
    from sunco.cli.send import Sending, send_all  # noqa: PLC0415 - as below

    sending = Sending(
        file=file,
        format=form or ("csv" if file.lower().endswith(".csv") else "jsonl"),
        journal=journal,
        rate=rate,
        concurrency=concurrency,
        settle=settle,
        stop_after_failures=stop_after_failures,
        dry_run=dry_run,
    )
    run_async(lambda: send_all(sending))


@program.command(epilog=EXIT_CODES)
@click.option("--user", "users", multiple=True, metavar="ID", help="A user; can be repeated.")
@click.option("--conversation", "conversations", multiple=True, metavar="ID", help="Likewise.")
@click.option("--from", "source", metavar="FILE", help="Ids, one a line; `-` is standard input.")
@click.option(
    "--by", type=click.Choice(["user", "conversation"]), default="conversation", show_default=True,
    help="What the ids in FILE are of.",
)  # fmt: skip
@click.option("--to", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--format", "form", type=click.Choice(["jsonl", "parquet"]), default="jsonl")
@_rate
@click.option("--concurrency", type=click.IntRange(1, 100), default=8, show_default=True)
def export(  # noqa: PLR0917 - click passes them by name
    users: Sequence[str],
    conversations: Sequence[str],
    source: str | None,
    by: str,
    to: Path,
    form: Literal["jsonl", "parquet"],
    rate: float | None,
    concurrency: int,
) -> None:
    """Write conversations to a folder: a file each, complete or absent.

    Running it again goes on where it was stopped.
    """
    from sunco.cli.export import Exporting, export_all  # noqa: PLC0415 - as below

    if sum(map(bool, (users, conversations, source))) != 1:
        raise click.UsageError("Pass one of --user, --conversation and --from.")
    exporting = Exporting(
        users=users,
        conversations=conversations,
        source=source,
        by_user=bool(users) or (source is not None and by == "user"),
        to=to,
        format=form,
        rate=rate,
        concurrency=concurrency,
    )
    run_async(lambda: export_all(exporting))


@program.command(epilog=EXIT_CODES)
@click.argument("method", metavar="METHOD")
@click.argument("path", metavar="PATH")
@click.option("--query", "-q", multiple=True, metavar="NAME=VALUE", help="Can be repeated.")
@click.option("--json", "body", metavar="JSON", help="The body; @FILE reads it, `-` as well.")
@click.option("--all", "everything", is_flag=True, help="Follow the pages of a list.")
def request(
    method: str,
    path: str,
    query: Sequence[str],
    body: str | None,
    everything: bool,  # noqa: FBT001 - click passes it by name
) -> None:
    """Call any endpoint, and print what it answers.

    {app_id} in PATH stands for SUNCO_APP_ID: sunco request GET "/v2/apps/{app_id}".
    """
    from sunco.cli.request import Asking, ask  # noqa: PLC0415 - as below

    asking = Asking(method=method, path=path, query=query, body=body, everything=everything)
    run_async(lambda: ask(asking))


@program.command(epilog=EXIT_CODES)
def doctor() -> None:
    """Check the settings, and what the API makes of them."""
    from sunco.cli.doctor import examine  # noqa: PLC0415 - commands load what they need

    run_async(examine)


@program.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulator(arguments: Sequence[str]) -> None:
    """Serve an emulated Sunshine Conversations; --help tells how."""
    with one_line_errors():
        from sunco.emulator.__main__ import main  # noqa: PLC0415 - an extra

        main(arguments)


for _command in (jobs, postgres, worker):
    program.add_command(_command)
