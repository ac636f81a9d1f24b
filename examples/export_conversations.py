"""Exports users' conversations, again and again: `nox -s example -- export_conversations`.

For your account, set what `Sunco.from_env` reads, and name users by id or external id. Without one,
a conversation is made up on an emulator.

Run it every night: the first run writes a file for each conversation, later ones add what is new.
A file exists only when it is complete. With `--table`, all of the folder is also written to one
Parquet file (`sunco[parquet]`), for DuckDB, polars, pandas and others.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from account import is_emulated, open_account

from sunco import ConfigurationError, Sunco, bulk
from sunco.models import ParticipantUser, Reply, TextMessage


async def make_up(sunco: Sunco) -> str:
    """Have a conversation on an emulator that knows nobody yet."""
    user = await sunco.users.create(external_id="ada")
    conversation = await sunco.conversations.create(
        "personal", participants=[ParticipantUser(user_id=user.id)]
    )
    await sunco.messages.post(conversation.id, "Hello, Ada!")
    question = TextMessage("How can we help?", actions=[Reply("Talk", payload="TALK")])
    await sunco.messages.post(conversation.id, question)
    return user.id


async def main(arguments: argparse.Namespace) -> int:
    """Export, and return the exit code."""
    async with open_account() as sunco:
        users: list[str] = arguments.users
        if not users and not is_emulated():
            raise ConfigurationError("Name users, by id or external id.")
        report = await bulk.export_conversations(
            sunco,
            users=users or [await make_up(sunco)],
            to=arguments.to,
            update=True,
            attachments=arguments.attachments,
            progress=True,
        )
    print(
        f"{report.exported} exported, {report.updated} updated, {report.unchanged} unchanged, "
        f"{report.messages} messages, {report.job.failed} failed"
    )
    for problem in report.job.problems:
        print(f"  {problem.key}: {problem.error}")
    if arguments.table is not None:
        rows = await bulk.write_table(arguments.to, arguments.table)
        print(f"{rows} rows in {arguments.table}")
    return 0 if report.ok else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Export users' conversations to a folder.")
    parser.add_argument("users", nargs="*", help="the ids or external ids of users")
    parser.add_argument("--to", type=Path, default=Path("exported"), help="the folder")
    parser.add_argument("--table", type=Path, help="also write all of the folder to this file")
    parser.add_argument("--attachments", action="store_true", help="also download files")
    raise SystemExit(asyncio.run(main(parser.parse_args())))
