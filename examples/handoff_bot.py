"""A bot with a handoff to a human agent. Run it with `nox -s bots -- handoff_bot`.

It replies while it is in control of the conversation, passes control to `agent` when the user asks
for one, is silent while the agent is in control, and continues when it gets control back.

Without `SUNCO_KEY_ID`, you chat with it in the terminal: ask for an agent, then write as the agent
(`agent: Hello!`), and pass control back (`agent: /done`). For your account, set the variables of
`Sunco.from_env`, and the webhook's secret in `SUNCO_WEBHOOK_SECRET`. The webhook's target is
`https://your.host/sunco`, its triggers `conversation:message` and `switchboard:passControl`. The
switchboard needs an integration named `bot` whose next integration is that of the agents.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import playground
from starlette.applications import Starlette
from starlette.routing import Route

from sunco import Sunco
from sunco.models import (
    Conversation,
    ConversationMessageEvent,
    Reply,
    SwitchboardPassControlEvent,
    TextMessage,
)
from sunco.webhooks import Context, WebhookRouter

ME = "bot"


def is_mine(conversation: Conversation | None) -> bool:
    active = conversation.active_switchboard_integration if conversation else None
    return active is not None and active.name == ME


def is_for_me(event: ConversationMessageEvent) -> bool:
    return event.is_from_user and is_mine(event.payload.conversation)


def is_passed_to_me(event: SwitchboardPassControlEvent) -> bool:
    return is_mine(event.payload.conversation)


def create_app() -> Starlette:
    sunco = Sunco.from_env()
    router = WebhookRouter(os.environ["SUNCO_WEBHOOK_SECRET"], client=sunco)

    @router.on(ConversationMessageEvent, where=is_for_me)
    async def reply(event: ConversationMessageEvent, ctx: Context) -> None:
        if "agent" in event.text.lower():
            await ctx.reply("One moment: I am fetching an agent.")
            await ctx.pass_control("next", metadata={"reason": "the user asked"})
            return
        ask = Reply("Talk to an agent", payload="AGENT")
        await ctx.reply(TextMessage("I am only a bot. Ask for an agent.", actions=[ask]))

    @router.on(SwitchboardPassControlEvent, where=is_passed_to_me)
    async def resume(_: SwitchboardPassControlEvent, ctx: Context) -> None:
        await ctx.reply("It is me again, the bot.")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with sunco:
            yield

    return Starlette(routes=[Route("/sunco", router)], lifespan=lifespan)


if __name__ == "__main__":
    playground.run(create_app, path="/sunco")
