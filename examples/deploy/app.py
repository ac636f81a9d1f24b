"""A bot whose web processes store events, and whose workers process them: sunco worker app:router.

Web: uvicorn app:app. It needs SUNCO_POSTGRES, SUNCO_WEBHOOK_SECRET and the client's settings.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response

from sunco import StorageError
from sunco.models import ConversationMessageEvent
from sunco.webhooks import PostgresInbox, WebhookRouter, is_from_user

MAX_LAG_SECONDS = 300

inbox = PostgresInbox(os.environ["SUNCO_POSTGRES"])
router = WebhookRouter(os.environ["SUNCO_WEBHOOK_SECRET"], inbox=inbox)


@router.on(ConversationMessageEvent, where=is_from_user)
async def log_message(event: ConversationMessageEvent) -> None:
    print(event.text)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    async with router.running(handle=False):
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/sunco", router)


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process responds."""
    return {"status": "ok"}


@app.get("/readyz")
async def readyz(response: Response) -> dict[str, object]:
    """Events can be stored; the body says whether workers keep up."""
    try:
        stats = await inbox.stats()
    except StorageError as error:
        response.status_code = 503
        return {"status": str(error)}
    lag = stats.oldest or 0.0
    return {"status": "ok", "pending": stats.pending, "late": lag > MAX_LAG_SECONDS}
