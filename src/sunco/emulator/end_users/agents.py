"""The actions of an agent of Agent Workspace, of the business, and of the platform itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.end_users.actions import actions
from sunco.emulator.end_users.context import Context
from sunco.emulator.end_users.files import FILE
from sunco.emulator.errors import ApiError, bad_request, not_found
from sunco.emulator.schemas.common import ANY_TEXT, METADATA, TEXT
from sunco.emulator.schemas.configuration import TRIGGERS
from sunco.emulator.schemas.content import TEXT_OR_CONTENT
from sunco.emulator.schemas.schema import Object, Schema, String, exactly_one
from sunco.emulator.services import control, messages
from sunco.emulator.services.content import complete
from sunco.emulator.services.users import create_user
from sunco.emulator.state.switchboard import Switchboard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.switchboard import Control, SwitchboardIntegration

__all__ = ["actions"]

WORKSPACE = "zd:agentWorkspace"
AGENT = "Agent"

_WHERE: dict[str, Schema] = {"app": ANY_TEXT, "conversation": ANY_TEXT}
_TEXT: dict[str, Schema] = {**_WHERE, "text": TEXT, "content": TEXT_OR_CONTENT, "name": ANY_TEXT}
_TARGET: dict[str, Schema] = {**_WHERE, "switchboardIntegration": ANY_TEXT, "metadata": METADATA}


@actions.add(_WHERE, required=("conversation",), name="agent.join")
def agent_join(context: Context) -> dict[str, Any]:
    """Offer control to Agent Workspace, which accepts it."""
    app, conversation = _place(context)
    target = _workspace(app).id
    control.move(
        app, conversation, "offerControl", lambda board, now: board.offer_control(now, target)
    )
    control.move(app, conversation, "acceptControl", Switchboard.accept_control)
    return {}


@actions.add(_WHERE, required=("conversation",), name="agent.take_over")
def agent_take_over(context: Context) -> dict[str, Any]:
    """Pass control to Agent Workspace, without asking the integration that has it."""
    app, conversation = _place(context)
    target = _workspace(app).id
    control.move(
        app, conversation, "passControl", lambda board, now: board.pass_control(now, target)
    )
    return {}


@actions.add(
    {**_WHERE, "reason": String(enum=("ticketClosed", "transferToEmail")), "next": ANY_TEXT},
    required=("conversation",),
    name="agent.close",
)
def agent_close(context: Context) -> dict[str, Any]:
    """Close the ticket: pass control on if `next` is given, else release it."""
    app, conversation = _place(context)
    metadata = {"reason": context.arguments.get("reason", "ticketClosed")}
    target = context.arguments.get("next")
    if target is None:
        control.release(app, conversation, metadata)
    else:
        control.move(
            app,
            conversation,
            "passControl",
            lambda board, now: board.pass_control(now, target),
            metadata,
        )
    return {}


@actions.add(
    _TEXT, required=("conversation",), rules=(exactly_one("text", "content"),), name="agent.say"
)
def agent_say(context: Context) -> dict[str, Any]:
    """Write a message as an agent."""
    return _post(context, {"subtypes": ["agent"]}, AGENT)


@actions.add(
    _TEXT, required=("conversation",), rules=(exactly_one("text", "content"),), name="business.say"
)
def business_say(context: Context) -> dict[str, Any]:
    """Write a message as the business."""
    return _post(context, {}, None)


@actions.add(_TARGET, required=("conversation", "switchboardIntegration"), name="switchboard.pass")
def pass_control(context: Context) -> dict[str, Any]:
    """Pass control to a switchboard integration."""
    target = context.arguments["switchboardIntegration"]
    return _move(context, "passControl", lambda board, now: board.pass_control(now, target))


@actions.add(_TARGET, required=("conversation", "switchboardIntegration"), name="switchboard.offer")
def offer_control(context: Context) -> dict[str, Any]:
    """Offer control to a switchboard integration."""
    target = context.arguments["switchboardIntegration"]
    return _move(context, "offerControl", lambda board, now: board.offer_control(now, target))


@actions.add(
    {**_WHERE, "metadata": METADATA}, required=("conversation",), name="switchboard.accept"
)
def accept_control(context: Context) -> dict[str, Any]:
    """Accept control for the pending switchboard integration."""
    return _move(context, "acceptControl", Switchboard.accept_control)


@actions.add(
    {**_WHERE, "metadata": METADATA}, required=("conversation",), name="switchboard.release"
)
def release_control(context: Context) -> dict[str, Any]:
    """Release control until the user writes again."""
    app, conversation = _place(context)
    control.release(app, conversation, context.arguments.get("metadata"))
    return {}


@actions.add(
    {"app": ANY_TEXT, "type": String(enum=TRIGGERS), "payload": Object()},
    required=("type", "payload"),
)
def trigger(context: Context) -> dict[str, Any]:
    """Send an event with any payload to the webhooks that have its trigger."""
    payload: Mapping[str, Any] = context.arguments["payload"]
    context.app.announce(context.arguments["type"], None, **payload)
    return {}


@actions.add(
    {
        "app": ANY_TEXT,
        "integration": ANY_TEXT,
        "text": TEXT,
        "content": TEXT_OR_CONTENT,
        "file": FILE,
        "externalId": ANY_TEXT,
        "profile": Object(),
    },
    rules=(exactly_one("text", "content", "file"),),
)
def arrive(context: Context) -> dict[str, Any]:
    """Write the first message of a new user: user, client, conversation and message in one."""
    given, app = context.arguments, context.app
    members = {name: given[name] for name in ("externalId", "profile") if name in given}
    user = create_user(app, members)
    names = ("text", "content", "file", "integration")
    said = {name: given[name] for name in names if name in given}
    arguments = {**said, "app": app.id, "user": user.id}
    inner = Context(context.account, app.id, arguments, context.origin)
    result = actions.all["say"].run(inner)
    return {**result, "user": user.to_json(), "conversation": inner.conversation.to_json()}


def _place(context: Context) -> tuple[App, Conversation]:
    identifier = context.arguments["conversation"]
    named = context.arguments.get("app")
    for app in context.account.apps.values():
        found = app.conversations.get(identifier) if named in (None, app.id) else None
        if found is not None:
            return app, found
    raise not_found("Conversation")


def _workspace(app: App) -> SwitchboardIntegration:
    board = app.switchboard or Switchboard()
    found = next((one for one in board.integrations if one.integration_type == WORKSPACE), None)
    if found is None:
        raise bad_request("The switchboard has no integration of Agent Workspace")
    return found


def _move(
    context: Context, action: str, change: Callable[[Switchboard, Control], Control]
) -> dict[str, Any]:
    app, conversation = _place(context)
    control.move(app, conversation, action, change, context.arguments.get("metadata"))
    return {}


def _post(context: Context, author: dict[str, Any], name: str | None) -> dict[str, Any]:
    app, conversation = _place(context)
    content = context.arguments.get("content", context.arguments.get("text"))
    if isinstance(content, str):
        content = {"type": "text", "text": content}
    if messages.is_full(app, conversation):
        limit = app.limits.messages
        raise ApiError(423, "locked", f"Message limit of {limit} per conversation reached.")
    shown = context.arguments.get("name", name)
    who = {"type": "business", **author, **({} if shown is None else {"displayName": shown})}
    posted = messages.post(app, conversation, {"author": who, "content": complete(content)}, None)
    return {"message": posted}
