"""The commands and their options; what each does is in the module of its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from sunco import __version__
from sunco.cli.exit_codes import EXIT_CODES
from sunco.cli.inbox import inbox
from sunco.cli.postgres import jobs, postgres
from sunco.cli.runtime import reporting_errors, run_async
from sunco.cli.worker import worker

__all__ = ["program"]

_SETTINGS = """Settings and credentials come from the environment: SUNCO_SUBDOMAIN (or
SUNCO_BASE_URL), SUNCO_APP_ID, SUNCO_KEY_ID and SUNCO_KEY_SECRET. `sunco doctor` checks them."""

_rate = click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="The maximum number of requests per second. By default there is none.",
)
_burst = click.option(
    "--burst",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="With --rate: the number of requests that can be sent at once after a pause.",
)


def _concurrency(default: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--concurrency",
        type=click.IntRange(1, 1000),
        default=default,
        show_default=True,
        metavar="N",
        help="The maximum number of items in flight.",
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
@click.argument("file", required=False, default="")
@click.option(
    "--format",
    type=click.Choice(["csv", "jsonl"]),
    help="The format of FILE. By default csv for a name that ends in .csv, else jsonl.",
)
@click.option(
    "--template",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The message of all rows: a text, or (*.json) content or a WhatsApp template.",
)
@click.option("--ignore-columns", is_flag=True, help="Accept columns that nothing uses.")
@click.option(
    "--journal",
    metavar="FILE",
    help="Record in FILE what was sent, so that the same command resumes the job. With the "
    "address of a database, postgresql://..., other machines can --join.",
)
@click.option(
    "--join",
    metavar="JOB",
    help="Instead of FILE: work on a job that another process has started in --journal.",
)
@click.option(
    "--job",
    metavar="NAME",
    help="The name of the job in the journal. By default the name of FILE and the app.",
)
@_rate
@_burst
@_concurrency(64)
@click.option(
    "--grace-period",
    type=click.FloatRange(0, 3600),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Seconds after which a message that was sent can no longer arrive.",
)
@click.option(
    "--stop-after-failures",
    type=click.IntRange(1),
    metavar="N",
    help="Start no more messages after N failures.",
)
@click.option("--dry-run", is_flag=True, help="Check the input, send nothing.")
@click.option(
    "--preview",
    type=click.IntRange(1),
    metavar="N",
    help="Print the first N messages, send nothing.",
)
def send(**options: Any) -> None:
    """Send the messages of FILE, each exactly once; `-` is standard input.

    A CSV file has a header (separated by `,`, `;` or tabs), JSON Lines have one object per line:
    conversation_id, and text or content (in the API's form), and optionally key and metadata. In a
    text or template, {name} is replaced by the value of the column `name`; `{{` is a brace. The key
    identifies a row; by default it is derived from the row. All of FILE is checked before anything
    is sent, except for standard input.

    Without --journal, each conversation is searched for the message before it is sent.
    """
    from sunco.cli.send import SendCommand  # noqa: PLC0415 - commands load what they need

    if bool(options["file"]) == bool(options["join"]):
        raise click.UsageError("Pass FILE, or --join with the name of a job.")
    run_async(SendCommand(**options).run)


@program.command(epilog=EXIT_CODES)
@click.option(
    "--user", "users", multiple=True, metavar="ID",
    help="A user, by id or external id. Can be repeated.",
)  # fmt: skip
@click.option(
    "--conversation", "conversations", multiple=True, metavar="ID",
    help="A conversation. Can be repeated.",
)  # fmt: skip
@click.option(
    "--from", "source", metavar="FILE", help="A file of ids, one per line; `-` is standard input."
)
@click.option(
    "--by",
    type=click.Choice(["user", "conversation"]),
    default="conversation",
    show_default=True,
    help="What the ids in --from identify.",
)
@click.option(
    "--to",
    required=True,
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="The folder, which is created if necessary, or a URL such as s3://bucket/folder.",
)
@click.option(
    "--format",
    type=click.Choice(["jsonl", "parquet"]),
    default="jsonl",
    show_default=True,
    help="The format of the files; parquet needs sunco[parquet].",
)
@click.option(
    "--update", is_flag=True, help="Add what is new to conversations that were exported before."
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]),
    metavar="TIME",
    help="Export only messages from this time on (UTC unless it has an offset).",
)
@click.option("--attachments", is_flag=True, help="Also download the files of the messages.")
@click.option(
    "--table",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Then write all of the folder to one Parquet file.",
)
@_rate
@_burst
@_concurrency(8)
def export(**options: Any) -> None:
    """Export conversations to a folder: a file each, complete or absent.

    Running the same command again resumes an export. Conversations that have a file are kept as
    they are; --update adds what is new to them.
    """
    from sunco.cli.export import ExportCommand  # noqa: PLC0415 - commands load what they need

    run_async(ExportCommand(**options).run)


@program.command(epilog=EXIT_CODES)
@click.argument("method", metavar="METHOD")
@click.argument("path", metavar="PATH")
@click.option(
    "--query", "-q", multiple=True, metavar="NAME=VALUE", help="A query parameter. Can be repeated."
)
@click.option(
    "--json", "body", metavar="JSON", help="The body. `@FILE` reads a file, `-` standard input."
)
@click.option("--all", "everything", is_flag=True, help="Follow the pages of a list.")
def request(**options: Any) -> None:
    """Send a request to any endpoint, and print the response as JSON.

    {app_id} in PATH is replaced by SUNCO_APP_ID: sunco request GET "/v2/apps/{app_id}".
    """
    from sunco.cli.request import RequestCommand  # noqa: PLC0415 - commands load what they need

    run_async(RequestCommand(**options).run)


@program.command(epilog=EXIT_CODES)
def doctor() -> None:
    """Check the settings, the connection, the credentials and the clock."""
    from sunco.cli.doctor import examine  # noqa: PLC0415 - commands load what they need

    run_async(examine)


@program.command(epilog=EXIT_CODES)
@click.option(
    "--write",
    is_flag=True,
    help="Also create a user, two conversations, 104 messages, an upload and a webhook, check "
    "them, and remove them.",
)
@_rate
def verify(**options: Any) -> None:
    """Check what sunco knows about the API against your account.

    Prints a report without personal data that can be pasted into a bug report. By default it sends
    10 requests per second.
    """
    from sunco.cli.verify import VerifyCommand  # noqa: PLC0415 - commands load what they need

    run_async(VerifyCommand(**options).run)


@program.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulator(arguments: Sequence[str]) -> None:
    """Serve an emulated Sunshine Conversations; see `sunco emulator --help`."""
    with reporting_errors():
        from sunco.emulator.__main__ import main  # noqa: PLC0415 - an extra

        main(arguments)


for _command in (inbox, jobs, postgres, worker):
    program.add_command(_command)
