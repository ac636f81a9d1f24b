"""A complete conversation in one program: run it with `nox -s demo`.

With `SUNCO_SUBDOMAIN`, `SUNCO_APP_ID`, `SUNCO_KEY_ID` and `SUNCO_KEY_SECRET` set it talks to the
real API, otherwise the demo starts an emulator. It creates two users and deletes them at the end.
Linking a client needs a Twilio integration: set its id in `SUNCO_DEMO_TWILIO_ID`, and a phone
number that may receive a message in `SUNCO_DEMO_PHONE`.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import uuid
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sunco import NotFoundError, Sunco, SuncoError
from sunco.models import (
    Confirmation,
    Conversation,
    Link,
    ParticipantUser,
    Profile,
    Reply,
    TextMessage,
    TwilioMatchCriteria,
    User,
)

MESSAGES = 250
AT_ONCE = 32

console = Console(highlight=False)


def step(title: str) -> None:
    console.print(f"\n[bold cyan]{title}[/]")


def done(text: str) -> None:
    console.print(f"  [green]✓[/] {text}")


async def post_many(sunco: Sunco, conversation: Conversation) -> None:
    """Post messages concurrently, with at most `AT_ONCE` in flight."""
    turn = asyncio.Semaphore(AT_ONCE)
    progress = Progress(
        TextColumn("  [cyan]→[/]"),
        BarColumn(bar_width=40),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
    bar = progress.add_task("posting", total=MESSAGES)

    async def post(number: int) -> None:
        async with turn:
            await sunco.messages.post(
                conversation.id, f"Message {number} of {MESSAGES}", metadata={"number": number}
            )
        progress.advance(bar)

    with progress:
        async with asyncio.TaskGroup() as tasks:
            for number in range(1, MESSAGES + 1):
                tasks.create_task(post(number))
    done(f"{MESSAGES} messages posted, {AT_ONCE} at a time")


async def read_all(sunco: Sunco, conversation: Conversation) -> None:
    """Read the messages back, newest first, following the API's cursors."""
    numbers: set[int] = set()
    times: list[datetime] = []
    async for message in sunco.messages.list(conversation.id):
        if message.received:
            times.append(message.received)
        numbers.add((message.metadata or {})["number"])
    pages = [len(page) async for page in sunco.messages.list(conversation.id).pages()]
    newest_first = all(later >= earlier for later, earlier in itertools.pairwise(times))
    complete = numbers == set(range(1, MESSAGES + 1))
    if not (complete and newest_first and len(times) == MESSAGES):
        raise SystemExit(f"Read {len(times)} messages back, and they are not the ones posted.")
    done(f"{len(times)} messages read back, newest first, none missing, none twice")
    done(f"in {len(pages)} pages of {', '.join(map(str, pages))}")


async def join_and_leave(sunco: Sunco, host: User, guest: User) -> None:
    group = await sunco.conversations.create(
        "sdkGroup",
        participants=[ParticipantUser(user_id=host.id, subscribe_sdk_client=False)],
        display_name="Planning",
    )
    await sunco.participants.join(group.id, user_id=guest.id, subscribe_sdk_client=False)
    together = await sunco.participants.list(group.id).collect()
    done(f"the guest joined “{group.display_name}”: {len(together)} take part")
    await sunco.participants.leave(group.id, user_id=guest.id)
    alone = await sunco.participants.list(group.id).collect()
    done(f"the guest left again: {len(alone)} takes part")
    await sunco.conversations.delete(group.id)


async def pass_control(sunco: Sunco, conversation: Conversation) -> None:
    def in_control(now: Conversation) -> str:
        integration = now.active_switchboard_integration
        return integration.name or "someone" if integration else "nobody"

    before = await sunco.conversations.get(conversation.id)
    await sunco.switchboard_actions.pass_control(
        conversation.id, "next", metadata={"reason": "the user asked for a person"}
    )
    after = await sunco.conversations.get(conversation.id)
    done(f"control passed from “{in_control(before)}” to “{in_control(after)}”")


async def link_client(sunco: Sunco, user: User, conversation: Conversation) -> None:
    integration_id = os.environ.get("SUNCO_DEMO_TWILIO_ID")
    if not integration_id:
        console.print("  [yellow]–[/] left out: SUNCO_DEMO_TWILIO_ID names no integration")
        return
    client = await sunco.clients.create(
        user.id,
        TwilioMatchCriteria(
            integration_id=integration_id,
            phone_number=os.environ.get("SUNCO_DEMO_PHONE", "+1 212-555-2368"),
        ),
        confirmation=Confirmation("immediate"),
        conversation_id=conversation.id,
    )
    done(f"a client of type “{client.type}” is {client.status}")


async def meet_an_error(sunco: Sunco) -> None:
    try:
        await sunco.conversations.get("no-such-conversation")
    except NotFoundError as error:
        text = f"[red]✗[/] [bold]{type(error).__name__}[/]: {escape(str(error))}"
        console.print(Padding(text, (0, 2)))
        done(f"caught: status {error.status}, code “{error.code}”")


async def converse(sunco: Sunco, host: User, guest: User) -> None:
    step("A conversation")
    conversation = await sunco.conversations.create(
        "personal",
        participants=[ParticipantUser(user_id=host.id)],
        metadata={"topic": "quickstart"},
    )
    done(f"{conversation.type} conversation {conversation.id}")

    step("Many messages")
    await post_many(sunco, conversation)
    await read_all(sunco, conversation)

    step("A message with buttons")
    await sunco.messages.post(
        conversation.id,
        TextMessage(
            "Shall we continue?",
            actions=[Reply("Yes", payload="YES"), Link("Read more", uri="https://example.org")],
        ),
    )
    newest = (await sunco.messages.list(conversation.id).collect(limit=1))[0]
    if isinstance(newest.content, TextMessage):
        buttons = [a.text for a in newest.content.actions or () if isinstance(a, (Reply, Link))]
        labels = " ".join(f"[{button}]" for button in buttons)
        done(escape(f"“{newest.content.text}” {labels}"))

    step("Joining and leaving")
    await join_and_leave(sunco, host, guest)

    step("The switchboard")
    await pass_control(sunco, conversation)

    step("Another channel")
    await link_client(sunco, host, conversation)

    step("An error, on purpose")
    await meet_an_error(sunco)


async def main() -> None:
    async with Sunco.from_env() as sunco:
        step("Two users")
        host, guest = [
            await sunco.users.create(
                external_id=f"quickstart-{name}-{uuid.uuid4()}",
                profile=Profile(given_name=name.capitalize()),
            )
            for name in ("ada", "grace")
        ]
        done(f"Ada is {host.id}, Grace is {guest.id}")
        try:
            await converse(sunco, host, guest)
        finally:
            step("Cleaning up")
            for user in (host, guest):
                await sunco.users.delete(user.id)
            done("both users deleted, with their conversations")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except SuncoError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None
