"""Errors of webhook handlers that fail the test which caused them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sunco.emulator import DeliveryError, Emulator
from sunco.models import ConversationMessageEvent, CustomIntegration, Webhook
from sunco.testing import connect
from sunco.webhooks import WebhookRouter

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

pytestmark = pytest.mark.anyio


async def router_for(emulator: Emulator, *, raise_errors: bool) -> WebhookRouter:
    """A router with a failing handler, which the emulator delivers to."""
    webhook = Webhook("http://bot.test/", triggers=["conversation:message"])
    async with connect(emulator) as sunco:
        integration = await sunco.integrations.create(CustomIntegration(webhooks=[webhook]))
        (made,) = await sunco.webhooks.list(integration.id or "")
        await sunco.users.create(external_id="ann")
    router = WebhookRouter(made.secret or "")

    @router.on(ConversationMessageEvent)
    async def fail(event: ConversationMessageEvent) -> None:
        raise LookupError(event.text)

    emulator.deliver_to(router, raise_errors=raise_errors)
    return router


async def test_the_error_of_a_handler_fails_the_test() -> None:
    emulator = Emulator()
    await router_for(emulator, raise_errors=True)
    emulator.say("ann", "hi")
    with pytest.raises(LookupError, match="hi"):
        await emulator.drain()
    assert [one.status for one in emulator.deliveries] == [500]
    await emulator.drain()


async def test_errors_of_handlers_are_retried_otherwise() -> None:
    emulator = Emulator(retry_scale=0)
    await router_for(emulator, raise_errors=False)
    emulator.say("ann", "hi")
    await emulator.drain()
    assert [one.status for one in emulator.deliveries] == [500] * 5


async def test_an_error_response_fails_the_test() -> None:
    emulator = Emulator()
    await router_for(emulator, raise_errors=True)
    emulator.deliver_to(WebhookRouter("another-secret"), raise_errors=True)
    emulator.say("ann", "hi")
    with pytest.raises(DeliveryError, match="responded 401"):
        await emulator.drain()


async def test_an_exception_of_the_app_fails_the_test() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        raise ZeroDivisionError(scope["path"])

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send

    emulator = Emulator()
    await router_for(emulator, raise_errors=True)
    for app, kind in ((broken, ZeroDivisionError), (silent, ConnectionError)):
        emulator.deliver_to(app, raise_errors=True)
        emulator.say("ann", "hi")
        with pytest.raises(kind):
            await emulator.drain()
