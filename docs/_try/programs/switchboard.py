"""A bot that hands a conversation to a human, and gets it back."""

import asyncio

from sunco import Sunco
from sunco.emulator import Emulator
from sunco.models import ParticipantUser
from sunco.testing import connect

# Its switchboard has two integrations: bot, which has control first, and agent.
emulator = Emulator()


async def in_control(sunco: Sunco, conversation_id: str) -> str | None:
    conversation = await sunco.conversations.get(conversation_id)
    integration = conversation.active_switchboard_integration
    return integration.name if integration else None


async def main() -> None:
    async with connect(emulator) as sunco:
        user = await sunco.users.create(external_id="ada")
        conversation = await sunco.conversations.create(
            "personal", participants=[ParticipantUser(user_id=user.id)]
        )
        emulator.say(user, "I would like to talk to a human.", conversation=conversation)
        print("in control:", await in_control(sunco, conversation.id))

        await sunco.messages.post(conversation.id, "One moment, I am fetching an agent.")
        await sunco.switchboard_actions.pass_control(
            conversation.id, "next", metadata={"reason": "asked for a human"}
        )
        print("in control:", await in_control(sunco, conversation.id))

        await sunco.messages.post(conversation.id, "Hello, this is Grace. What can I do?")
        emulator.say(user, "Thank you, I found it!", conversation=conversation)

        await sunco.switchboard_actions.pass_control(conversation.id, "bot")
        print("in control:", await in_control(sunco, conversation.id))
        await sunco.messages.post(conversation.id, "It is me again, the bot. Anything else?")


asyncio.run(main())
