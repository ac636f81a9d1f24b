"""What is retried, what is not, and what errors say."""

import asyncio

from sunco import APIConnectionError, NotFoundError
from sunco.emulator import Emulator
from sunco.models import ParticipantUser
from sunco.testing import connect

emulator = Emulator()


async def main() -> None:
    async with connect(emulator) as sunco:
        # Nothing was sent that could be repeated: the error says what to do.
        try:
            await sunco.conversations.get("gone")
        except NotFoundError as error:
            print(error)

        user = await sunco.users.create(external_id="ada")
        conversation = await sunco.conversations.create(
            "personal", participants=[ParticipantUser(user_id=user.id)]
        )

        # Too many requests: the client waits, and sends the message again.
        emulator.fail(path="*/messages", status=429, retry_after=0.2)
        await sunco.messages.post(conversation.id, "Your order is on its way.")
        print([entry.status for entry in emulator.requests(operation="PostMessage")])

        # The connection breaks after the request: has the message been posted?
        emulator.fail(path="*/messages", reset=True, applied=True)
        try:
            await sunco.messages.post(conversation.id, "It arrives tomorrow.")
        except APIConnectionError as error:
            print("maybe delivered:", error.maybe_delivered)

        # With a key, a message is posted exactly once: the client looks before it repeats.
        emulator.fail(path="*/messages", reset=True, applied=True)
        await sunco.messages.post_once(
            conversation.id, "It is at your door.", key="order-17", grace_period=0.2
        )
        print(emulator.texts(conversation).count("It is at your door."), "message")


asyncio.run(main())
