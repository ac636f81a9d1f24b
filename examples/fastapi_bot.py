"""A bot in a FastAPI app with other routes. Run it with `nox -s bots -- fastapi_bot`.

Events are stored in an inbox, so that none is lost when the app restarts. The bot replies once to
several messages in quick succession. Other routes get the client and the inbox as dependencies.

Without `SUNCO_KEY_ID`, you chat with it in the terminal. For your account, set the variables of
`Sunco.from_env`, the webhook's secret in `SUNCO_WEBHOOK_SECRET` and a path in `SUNCO_INBOX`. The
webhook's target is `https://your.host/sunco/` (with the trailing slash: without it FastAPI responds
with a redirect, which the API does not follow), its trigger `conversation:message`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import playground
from fastapi import Depends, FastAPI, Request

from sunco import Sunco
from sunco.models import ConversationMessageEvent, TextMessage
from sunco.webhooks import Context, SQLiteInbox, WebhookRouter, is_from_user


def get_sunco(request: Request) -> Sunco:
    sunco: Sunco = request.app.state.sunco
    return sunco


def get_inbox(request: Request) -> SQLiteInbox:
    inbox: SQLiteInbox = request.app.state.inbox
    return inbox


def create_app() -> FastAPI:
    sunco = Sunco.from_env()
    inbox = SQLiteInbox(os.environ["SUNCO_INBOX"])
    router = WebhookRouter(os.environ["SUNCO_WEBHOOK_SECRET"], client=sunco, inbox=inbox)

    @router.on(ConversationMessageEvent, where=is_from_user, debounce=0.5)
    async def reply(events: Sequence[ConversationMessageEvent], ctx: Context) -> None:
        async with ctx.typing():
            texts = " – ".join(event.text or "something" for event in events)
            await ctx.reply(f"You said: {texts}")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        app.state.sunco, app.state.inbox = sunco, inbox
        async with sunco, router.running():
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/sunco", router)

    @app.get("/health")
    async def health(inbox: Annotated[SQLiteInbox, Depends(get_inbox)]) -> dict[str, Any]:
        stats = await inbox.stats()
        return {"pending": stats.pending, "failed": stats.failed}

    @app.get("/conversations/{conversation_id}/texts")
    async def texts(conversation_id: str, sunco: Annotated[Sunco, Depends(get_sunco)]) -> list[str]:
        newest = await sunco.messages.list(conversation_id).collect(limit=20)
        found = [each.content for each in reversed(newest)]
        return [each.text or "" for each in found if isinstance(each, TextMessage)]

    return app


if __name__ == "__main__":
    playground.run(create_app, path="/sunco/", patience=10)
