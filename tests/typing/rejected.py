"""Mistakes that checkers have to notice. A comment names what mypy and pyright call them."""

# What follows from a mistake is not compared.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import sunco as package
from sunco import JWTAuth, RetryPolicy, Sunco, models, transport
from sunco.models import (
    Author,
    Conversation,
    ConversationMessageEvent,
    ImageMessage,
    Link,
    Message,
    ParticipantUser,
    ProfileUpdate,
    Reply,
    TextMessage,
    TwilioMatchCriteria,
    UserUpdateEvent,
    WebIntegration,
)
from sunco.webhooks import WebhookRouter


def look_at(value: object) -> None: ...


async def arguments(sunco: Sunco) -> None:
    Sunco("app_id", "key_id", "key_secret")  # call-arg, reportCallIssue
    Sunco(app="app_id")  # call-arg, reportCallIssue
    sunco.with_options(base_url="https://api.smooch.io")  # call-arg, reportCallIssue
    sunco.with_options(retry=None)  # arg-type, reportArgumentType
    await sunco.messages.post("id")  # call-arg, reportCallIssue
    await sunco.messages.post("id", 42)  # arg-type, reportArgumentType
    await sunco.messages.post("id", "Hello!", Author("user"))  # call-arg, reportCallIssue
    await sunco.messages.list("id", page_size=10)  # call-arg, reportCallIssue
    await sunco.users.get(42)  # arg-type, reportArgumentType
    await sunco.apps.delete()  # call-arg, reportCallIssue
    await sunco.apps.update(settings=None)  # arg-type, reportArgumentType
    await sunco.users.update("ada", to_be_retained=None)  # arg-type, reportArgumentType
    people = ["ada"]
    create = sunco.conversations.create
    await create("personal", participants=people)  # arg-type, reportArgumentType
    JWTAuth("key", "secret", scope="everything")  # arg-type, reportArgumentType
    RetryPolicy(5)  # call-arg, reportCallIssue


async def responses(sunco: Sunco) -> None:
    sunco.messages.post("id", "Hello!")  # unused-coroutine, reportUnusedCoroutine
    for message in sunco.messages.list("id"):  # attr-defined, reportGeneralTypeIssues
        look_at(message)
    one: Message = await sunco.messages.post("id", "Hello!")  # assignment, reportAssignmentType
    look_at(one)
    deleting = sunco.users.delete("ada")
    done: str = await deleting  # assignment, func-returns-value, reportAssignmentType
    look_at(done)
    conversation: Conversation = sunco.conversations.list()  # assignment, reportAssignmentType
    look_at(conversation)


def contents(message: Message) -> None:
    TextMessage("Hello!", txt="Hello!")  # call-arg, reportCallIssue
    ImageMessage()  # call-arg, reportCallIssue
    Reply("Yes", "YES")  # call-arg, arg-type, reportCallIssue
    Link("Read more")  # call-arg, reportCallIssue
    ParticipantUser("ada")  # call-arg, arg-type, reportCallIssue
    TextMessage("Hello!", actions=["Yes"])  # list-item, reportArgumentType
    TwilioMatchCriteria(integration_id="id")  # call-arg, reportCallIssue
    WebIntegration(type="web")  # call-arg, reportCallIssue
    ProfileUpdate(given_name=42)  # arg-type, reportArgumentType
    look_at(message.text)  # attr-defined, reportAttributeAccessIssue
    look_at(message.source.type)  # union-attr, reportOptionalMemberAccess
    if isinstance(message.content, TextMessage):
        message.content.text.upper()  # union-attr, reportOptionalMemberAccess
    message.id = "another"  # misc, reportAttributeAccessIssue


def names() -> None:
    look_at(package.HttpTransport)  # attr-defined, reportAttributeAccessIssue
    look_at(models.TextMesage)  # attr-defined, reportAttributeAccessIssue
    look_at(transport.Pool)  # attr-defined, reportAttributeAccessIssue


def handlers(router: WebhookRouter) -> None:
    async def on_message(event: ConversationMessageEvent) -> None: ...
    async def on_batch(events: list[ConversationMessageEvent]) -> None: ...

    on, kind, other = router.on, ConversationMessageEvent, UserUpdateEvent
    on(other)(on_message)  # call-overload, reportCallIssue, reportArgumentType
    on(kind)(on_batch)  # call-overload, reportCallIssue, reportArgumentType
    on(kind, debounce=1)(on_message)  # call-overload, reportCallIssue, reportArgumentType
    on("conversation:mesage")  # call-overload, reportCallIssue, reportArgumentType
    on(kind, "user:updat")  # call-overload, reportCallIssue, reportArgumentType
    on(other, kind)(on_message)  # call-overload, reportCallIssue, reportArgumentType
