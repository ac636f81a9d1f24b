"""Quick replies, a carousel, and what a bot receives when they are tapped."""

import asyncio

from sunco.emulator import Emulator
from sunco.models import (
    CarouselMessage,
    ConversationMessageEvent,
    ConversationPostbackEvent,
    CustomIntegration,
    Item,
    Postback,
    Reply,
    TextMessage,
    Webhook,
)
from sunco.testing import connect
from sunco.webhooks import Context, WebhookRouter, payload_is, text_matches

emulator = Emulator()
TRIGGERS = ["conversation:message", "conversation:postback"]


async def main() -> None:
    async with connect(emulator) as sunco:
        webhook = Webhook("https://bot.test/", triggers=TRIGGERS)
        integration = await sunco.integrations.create(CustomIntegration(webhooks=[webhook]))
        [registered] = await sunco.webhooks.list(integration.id or "")
        router = WebhookRouter(registered.secret or "", client=sunco)

        @router.on(ConversationMessageEvent, where=payload_is("TEA"))
        async def show_teas(_: ConversationMessageEvent, ctx: Context) -> None:
            teas = [
                Item(name, description=taste, actions=[Postback("Order", payload=name)])
                for name, taste in (("Assam", "Strong and malty"), ("Sencha", "Fresh and green"))
            ]
            await ctx.reply(CarouselMessage(items=teas))

        @router.on(ConversationPostbackEvent, where=payload_is("Assam", "Sencha"))
        async def order(event: ConversationPostbackEvent, ctx: Context) -> None:
            if event.payload.postback:
                tea = event.payload.postback.payload
                print("ordered:", tea)
                await ctx.reply(f"A cup of {tea} is on its way.")

        @router.on(ConversationMessageEvent, where=text_matches("hello"))
        async def welcome(_: ConversationMessageEvent, ctx: Context) -> None:
            choices = [Reply("Tea", payload="TEA"), Reply("Nothing", payload="NOTHING")]
            await ctx.reply(TextMessage("What would you like?", actions=choices))

        emulator.deliver_to(router, raise_errors=True)
        user = await sunco.users.create(external_id="ada")

        emulator.say(user, "Hello!")
        await emulator.drain()
        conversation = emulator.conversation(user)
        question = emulator.messages(conversation["id"])[-1]
        emulator.tap(user, question, "Tea")
        await emulator.drain()
        teas = emulator.messages(conversation["id"])[-1]
        emulator.tap(user, teas, "Sencha")
        await emulator.drain()


asyncio.run(main())
