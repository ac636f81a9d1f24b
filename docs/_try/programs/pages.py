"""The API returns messages in pages of 100. The client follows the cursors."""

import asyncio

from sunco.emulator import Emulator
from sunco.models import ParticipantUser
from sunco.testing import connect

emulator = Emulator()


async def main() -> None:
    async with connect(emulator) as sunco:
        user = await sunco.users.create(external_id="ada")
        conversation = await sunco.conversations.create(
            "personal", participants=[ParticipantUser(user_id=user.id)]
        )
        for number in range(1, 131):
            await sunco.messages.post(conversation.id, f"Parcel {number} has left")

        # One item after the other, over all pages, the newest first.
        messages = sunco.messages.list(conversation.id)
        print(sum([1 async for _ in messages]), "messages")

        # Page by page.
        async for page in messages.pages():
            print("a page of", len(page), "and more" if page.has_more else "and no more")

        # Only as many pages as necessary.
        for message in await messages.collect(limit=3):
            print(message.content)


asyncio.run(main())
