"""What users write, and what checkers have to know of it. It is checked, and never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

from sunco import (
    APIConnectionError,
    APIStatusError,
    BearerAuth,
    ErrorDetail,
    HttpxTransport,
    JWTAuth,
    Page,
    Paginator,
    RateLimiter,
    RateLimitError,
    Request,
    Response,
    RetryPolicy,
    Sunco,
    SuncoError,
)
from sunco.models import (
    UNSET,
    App,
    AppKey,
    Attachment,
    Author,
    Client,
    Confirmation,
    Content,
    Conversation,
    ConversationMessageEvent,
    ConversationPostbackEvent,
    Device,
    Event,
    ImageMessage,
    Integration,
    Message,
    OAuthToken,
    Participant,
    ParticipantUser,
    Postback,
    Profile,
    ProfileUpdate,
    Reply,
    Switchboard,
    SwitchboardIntegration,
    TextMessage,
    TwilioMatchCriteria,
    Unset,
    User,
    Webhook,
    WebIntegration,
    WebIntegrationUpdate,
)
from sunco.observe import Observation
from sunco.webhooks import Context, WebhookRouter, is_from_user


async def every_response_has_its_type(sunco: Sunco) -> None:
    assert_type(await sunco.apps.get(), App)
    assert_type(await sunco.app_keys.list(), list[AppKey])
    assert_type(await sunco.attachments.upload(Path("cat.png")), Attachment)
    assert_type(await sunco.conversations.create("personal"), Conversation)
    assert_type(await sunco.devices.get("user", "device"), Device)
    assert_type(await sunco.integrations.get("id"), Integration)
    assert_type(await sunco.messages.post("id", "Hello!"), list[Message])
    assert_type(await sunco.oauth.get_token("c", client_id="i", client_secret="s"), OAuthToken)
    assert_type(await sunco.participants.join("id", user_id="user"), Participant)
    assert_type(await sunco.switchboards.list(), list[Switchboard])
    assert_type(await sunco.switchboard_integrations.list("id"), list[SwitchboardIntegration])
    assert_type(await sunco.users.create(external_id="ada"), User)
    assert_type(await sunco.webhooks.get("integration", "webhook"), Webhook)
    assert_type(sunco.oauth.authorize_url("partner"), str)
    assert_type(await sunco.request("GET", "/v2/apps"), Response)
    criteria = TwilioMatchCriteria(integration_id="id", phone_number="+1 212-555-2368")
    client = await sunco.clients.create(
        "user", criteria, confirmation=Confirmation("immediate"), conversation_id="id"
    )
    assert_type(client, Client)


async def lists_are_walked(sunco: Sunco) -> None:
    messages = sunco.messages.list("id")
    assert_type(messages, Paginator[Message])
    async for message in messages:
        assert_type(message, Message)
    page = await messages
    assert_type(page, Page[Message])
    assert_type(page[0], Message)
    assert_type(page[:2], Sequence[Message])
    assert_type(await page.next_page(), Page[Message] | None)
    assert_type(await messages.collect(limit=3), list[Message])
    pages = messages.pages()
    assert_type(pages, AsyncIterator[Page[Message]])
    assert_type([message.id for message in page], list[str])


def content_is_matched(message: Message) -> str | None:
    assert_type(message.received, datetime | None)
    match message.content:
        case TextMessage(text=text):
            assert_type(text, str | None)
            return text
        case ImageMessage(media_url=url):
            assert_type(url, str)
            return url
        case _:
            return None


def models_are_built() -> Content:
    author = Author("business", display_name="Sunny")
    assert_type(author.display_name, str | None)
    assert_type(TextMessage("Hello!").extra, Mapping[str, Any])
    return TextMessage(
        "Shall we go on?",
        actions=[Reply("Yes", payload="YES"), Postback("No", payload="NO")],
    )


async def integrations_are_distinguished(sunco: Sunco) -> None:
    created = await sunco.integrations.create(WebIntegration(display_name="Shop"))
    if isinstance(created, WebIntegration):
        assert_type(created.brand_color, str | None)
    await sunco.integrations.update("id", WebIntegrationUpdate(brand_color="ff0000"))
    await sunco.integrations.update("id", {"displayName": "Of a type that has no class yet"})


async def values_are_cleared_or_left(sunco: Sunco, name: str | Unset | None = UNSET) -> None:
    await sunco.conversations.update("id", display_name=name)
    await sunco.users.update("ada", profile=ProfileUpdate(given_name=None))
    await sunco.users.update("ada", profile=Profile(given_name="Ada"))


async def people_are_named(sunco: Sunco) -> None:
    people = [ParticipantUser(user_id="a"), ParticipantUser(user_external_id="b")]
    await sunco.conversations.create("sdkGroup", participants=people)
    await sunco.conversations.create("a type that is new", participants=tuple(people))


def errors_say_what_they_know(error: SuncoError) -> str | None:
    if isinstance(error, RateLimitError):
        assert_type(error.retry_after, float | None)
    if isinstance(error, APIStatusError):
        assert_type(error.status, int)
        assert_type(error.errors, tuple[ErrorDetail, ...])
        return error.code
    if isinstance(error, APIConnectionError):
        assert_type(error.maybe_delivered, bool)
    return error.path


class Recorder:
    """A transport of one's own needs no base class."""

    async def send(self, request: Request) -> Response:
        return Response(200, {"X-Sent-To": request.path}, b"{}")

    async def aclose(self) -> None: ...


def note(event: Observation) -> None:
    assert_type(event.operation, str | None)


async def a_client_is_set_up() -> None:
    async with Sunco(
        app_id="app",
        auth=JWTAuth("key", "secret", scope="account"),
        base_url="http://localhost",
        timeout=None,
        retry=RetryPolicy(max_attempts=2, deadline=None),
        rate_limit=RateLimiter(100, burst=10),
        observers=[note, lambda event: event.path],
        transport=Recorder(),
    ) as sunco:
        assert_type(sunco, Sunco)
        assert_type(sunco.with_options(app_id="other", rate_limit=2.5), Sunco)
    Sunco(subdomain="acme", auth=BearerAuth("token"), transport=HttpxTransport())
    Sunco.from_env(app_id="other")


def events_are_typed(event: ConversationMessageEvent) -> None:
    assert_type(event.payload.message, Message)


def handlers_are_typed(router: WebhookRouter) -> None:
    @router.on()
    async def every(event: Event) -> None: ...

    @router.on(ConversationMessageEvent, where=is_from_user, max_attempts=3, timeout=5)
    async def one(event: ConversationMessageEvent, ctx: Context) -> None:
        assert_type(event.text, str)
        assert_type(ctx.client, Sunco)
        assert_type(await ctx.reply("Hello!"), list[Message])
        assert_type(ctx.state, dict[str, Any])
        assert_type(ctx.attempt, int)
        async with ctx.typing():
            await ctx.pass_control("next")

    @router.on(ConversationMessageEvent, ConversationPostbackEvent)
    async def two(event: ConversationMessageEvent | ConversationPostbackEvent) -> None: ...

    @router.on(ConversationMessageEvent, debounce=2)
    async def batch(events: Sequence[ConversationMessageEvent], ctx: Context) -> None: ...

    @router.on("conversation:message", "user:update")
    async def by_trigger(event: Event) -> None: ...

    @router.on(ConversationMessageEvent, "conversation:new", unknown_ok=True)
    async def by_new_trigger(event: Event) -> None: ...

    @router.on(ConversationPostbackEvent, where=lambda event: bool(event.payload.postback))
    async def filtered(event: ConversationPostbackEvent) -> None: ...

    @router.middleware
    async def wrap(
        event: Any, ctx: Context, call_next: Callable[[Any, Context], Awaitable[Any]]
    ) -> Any:
        return await call_next(event, ctx)

    @router.on_error
    async def note_error(error: BaseException, event: Any, ctx: Context) -> None: ...
