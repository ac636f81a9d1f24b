"""Repeats your messages: a minimal bot, in Starlette. Run it with `nox -s bots -- echo_bot`.

Without `SUNCO_KEY_ID`, you chat with it in the terminal. For your account, set the variables of
`Sunco.from_env`, and the webhook's secret in `SUNCO_WEBHOOK_SECRET`. The webhook's target is
`https://your.host/sunco`, its trigger `conversation:message`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import playground
from starlette.applications import Starlette
from starlette.routing import Route

from sunco import Sunco
from sunco.models import ConversationMessageEvent
from sunco.webhooks import Context, WebhookRouter, is_from_user


def create_app() -> Starlette:
    sunco = Sunco.from_env()
    router = WebhookRouter(os.environ["SUNCO_WEBHOOK_SECRET"], client=sunco)

    @router.on(ConversationMessageEvent, where=is_from_user)
    async def echo(event: ConversationMessageEvent, ctx: Context) -> None:
        # The text of an image, a file or a form response is empty.
        await ctx.reply(event.text or "I can only repeat text.")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with sunco:
            yield

    return Starlette(routes=[Route("/sunco", router)], lifespan=lifespan)


if __name__ == "__main__":
    playground.run(create_app, path="/sunco")
