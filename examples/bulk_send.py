"""Sends a message to many conversations, at a rate: `nox -s example -- bulk_send`.

For your account, set what `Sunco.from_env` reads, and name a CSV file with the columns `id`,
`conversation_id` and `text`. `{name}` in a text is replaced by the value of the column `name`.
Without a file it sends 200 messages to an emulator. `sunco send` does the same without any code.

Stop it when you like (Ctrl-C), and run it again with the same journal: it sends what is missing,
and nothing twice. A `postgresql://` address as the journal lets other machines join with
`bulk.work`.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
from pathlib import Path

from account import is_emulated, open_account

from sunco import ConfigurationError, RateLimiter, Sunco, bulk
from sunco.models import ParticipantUser

Row = dict[str, str]


async def made_up(sunco: Sunco) -> list[Row]:
    """Rows for an emulator that knows nobody yet."""
    user = await sunco.users.create(external_id="ada")
    conversations = [
        await sunco.conversations.create(
            "personal", participants=[ParticipantUser(user_id=user.id)]
        )
        for _ in range(5)
    ]
    return [
        {
            "id": str(number),
            "conversation_id": conversations[number % 5].id,
            "text": "Offer {id}",
        }
        for number in range(200)
    ]


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def send_all(
    sunco: Sunco, rows: list[Row], journal: str | None, stop_after_failures: int
) -> bulk.Report:
    async def send(row: Row) -> None:
        now = bulk.attempt()
        await sunco.messages.post_once(
            row["conversation_id"],
            row["text"].format_map(row),
            key=now.key,
            maybe_sent=now.maybe_done,
            since=now.since,
        )

    return await bulk.run(
        send,
        rows,
        key=lambda row: row["id"],
        journal=journal,
        progress=True,
        stop_after_failures=stop_after_failures,
        job="bulk_send",
    )


async def main(arguments: argparse.Namespace) -> None:
    async with open_account() as account:
        sunco = account.with_options(rate_limit=RateLimiter(arguments.rate, burst=10))
        if arguments.file is None and not is_emulated():
            raise ConfigurationError("Name a CSV file with id, conversation_id and text.")
        rows = read(arguments.file) if arguments.file else await made_up(account)
        report = await send_all(sunco, rows, arguments.journal, arguments.stop_after_failures)
    print(
        f"{report.done} sent in {report.seconds:.1f} s, {report.skipped} sent before, "
        f"{report.failed} failed, {report.uncertain} uncertain"
    )
    for problem in report.problems:
        print(f"  {problem.key}: {problem.error}")
    if report.stopped:
        print("Stopped: too many failures. Correct them, and run it again.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Send a message to many conversations.")
    parser.add_argument("file", nargs="?", type=Path, help="CSV: id, conversation_id, text")
    parser.add_argument("--rate", type=float, default=200, help="messages per second")
    parser.add_argument("--journal", help="file or database that records what was sent")
    parser.add_argument("--stop-after-failures", type=int, default=100, metavar="N")
    asyncio.run(main(parser.parse_args()))
