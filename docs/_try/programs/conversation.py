"""A user, a conversation, and messages in both directions."""

import asyncio

from sunco.emulator import Emulator
from sunco.models import ParticipantUser, Profile
from sunco.testing import connect

emulator = Emulator()


async def main() -> None:
    # With an account of your own: Sunco.from_env() instead of connect(emulator).
    async with connect(emulator) as sunco:
        user = await sunco.users.create(profile=Profile(given_name="Ada"))
        conversation = await sunco.conversations.create(
            "personal", participants=[ParticipantUser(user_id=user.id)]
        )
        await sunco.messages.post(conversation.id, "Hello, Ada! How can we help?")
        emulator.say(user, "Where is my order?")
        await sunco.messages.post(conversation.id, "It arrives tomorrow.")

        async for message in sunco.messages.list(conversation.id):
            print(message.received, message.content)


asyncio.run(main())
