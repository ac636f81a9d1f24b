"""A bot: a webhook's events are verified, and handled in order."""

import asyncio

from sunco.emulator import Emulator
from sunco.models import ConversationMessageEvent, CustomIntegration, Webhook
from sunco.testing import connect
from sunco.webhooks import Context, WebhookRouter, is_from_user

emulator = Emulator()


async def main() -> None:
    async with connect(emulator) as sunco:
        webhook = Webhook("https://bot.test/", triggers=["conversation:message"])
        integration = await sunco.integrations.create(CustomIntegration(webhooks=[webhook]))
        [registered] = await sunco.webhooks.list(integration.id or "")
        router = WebhookRouter(registered.secret or "", client=sunco)

        @router.on(ConversationMessageEvent, where=is_from_user)
        async def echo(event: ConversationMessageEvent, ctx: Context) -> None:
            print("received:", event.message.content)
            async with ctx.typing():
                await asyncio.sleep(0.3)  # something slow
            # The text of an image, a file or a form response is empty.
            await ctx.reply(f"You said: {event.text}" if event.text else "I can only repeat text.")

        # In production, an ASGI server serves the router.
        emulator.deliver_to(router, raise_errors=True)
        user = await sunco.users.create(external_id="ada")
        for said in (
            "Hello!",
            {"type": "image", "mediaUrl": "https://example.org/cat.png"},
            "Never mind.",
        ):
            emulator.say(user, said)
            await emulator.drain()


asyncio.run(main())
