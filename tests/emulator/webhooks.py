"""A target for webhooks in the same process, and the webhook that calls it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sunco.emulator.schemas.configuration import TRIGGERS

from .spec import check_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import Receive, Scope, Send

    from .api import JSON, Api

TARGET = "http://bot.test:8080/hooks/a%20b?c=d"


class Target:
    """An ASGI app that notes what it is called with, and responds as a test says."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.scopes: list[Mapping[str, Any]] = []
        self.bodies: list[JSON] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert not message["more_body"]
        body = json.loads(message["body"])
        check_call(body)
        self.scopes.append(scope)
        self.bodies.append(body)
        status = self.statuses.pop(0) if self.statuses else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"o", "more_body": True})
        await send({"type": "http.response.body", "body": b"k"})
        assert await receive() == {"type": "http.disconnect"}

    @property
    def events(self) -> list[JSON]:
        return [event for body in self.bodies for event in body["events"]]

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    def take(self) -> list[JSON]:
        """The events that came since this was last asked."""
        events = self.events
        self.bodies.clear()
        return events


async def subscribe(
    api: Api, triggers: Iterable[str] = TRIGGERS, *, target: str = TARGET, **options: bool
) -> JSON:
    """A custom integration that is on no switchboard, with a webhook; the webhook."""
    webhook = {"target": target, "triggers": list(triggers), **options}
    body = {"type": "custom", "webhooks": [webhook]}
    made = (await api.call("POST", "integrations", body, status=201))["integration"]
    created: JSON = made["webhooks"][0]
    created["integrationId"] = made["id"]
    return created
