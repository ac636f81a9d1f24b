"""Writes a user's conversations as JSON Lines: `nox -s example -- export_conversations`.

For your account, set what `Sunco.from_env` reads, and name a user by id or external id. Without
one, a conversation is made up on an emulator.

A line is `{"conversation": {...}}` or `{"message": {...}, "conversationId": "..."}`. A conversation
stands before its messages, which come newest first, a page at a time. What the API sends is written
as it came, also what sunco does not know.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import Any, TextIO

from account import is_emulated, open_account

from sunco import ConfigurationError, Sunco, codec
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


async def export(sunco: Sunco, user_id: str, out: TextIO) -> int:
    """Write all, and return how many messages there were."""
    count = 0
    async for conversation in sunco.conversations.list(user_id=user_id, page_size=100):
        write(out, conversation=conversation)
        async for message in sunco.messages.list(conversation.id):
            write(out, message=message, conversationId=conversation.id)
            count += 1
    return count


def write(out: TextIO, **fields: Any) -> None:
    out.write(codec.encode(fields).decode() + "\n")


async def main(user: str | None, out: TextIO) -> None:
    async with open_account() as sunco:
        if user is None and not is_emulated():
            raise ConfigurationError("Name a user, by id or external id.")
        known = await sunco.users.get(await make_up(sunco) if user is None else user)
        count = await export(sunco, known.id, out)
    summary = {"user": known.id, "messages": count}
    print(json.dumps(summary), file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a user's conversations as JSON Lines.")
    parser.add_argument("user", nargs="?", help="the user's id or external id")
    asyncio.run(main(parser.parse_args().user, sys.stdout))
