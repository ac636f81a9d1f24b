"""The actions of end users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.end_users.files import FILE, SentFile
from sunco.emulator.end_users.registry import Actions
from sunco.emulator.errors import bad_request, not_found, reject, resource_not_found
from sunco.emulator.schemas.common import ANY_TEXT, FLAG, MESSAGE_TEXT
from sunco.emulator.schemas.content import TEXT_OR_CONTENT
from sunco.emulator.schemas.schema import Number, Object, Schema, String, exactly_one
from sunco.emulator.services import clients
from sunco.emulator.services.content import complete
from sunco.emulator.services.merging import sign_in
from sunco.emulator.state.account import CoreUser
from sunco.emulator.state.rendering import omit_none
from sunco.emulator.state.sources import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sunco.emulator.end_users.context import Context

actions: Actions = Actions()

_USER: dict[str, Schema] = {"app": ANY_TEXT, "user": ANY_TEXT}
_WHERE: dict[str, Schema] = {**_USER, "conversation": ANY_TEXT, "integration": ANY_TEXT}
_CLIENT: dict[str, Schema] = {**_USER, "client": ANY_TEXT}
_PLACE = Object({"lat": Number(-90, 90), "long": Number(-180, 180)}, ("lat", "long"))
# Where users are who tap a location request and do not say.
_HERE = {"lat": 45.5017, "long": -73.5673}


@actions.add(
    {**_WHERE, "text": MESSAGE_TEXT, "content": TEXT_OR_CONTENT, "file": FILE},
    required=("user",),
    rules=(exactly_one("text", "content", "file"),),
)
def say(context: Context) -> dict[str, Any]:
    """Write a message, or send a file."""
    if "file" in context.arguments:
        file = SentFile(context.arguments["file"])
        context.start_conversation("message")
        source = context.write_source()
        return {"message": context.post({"content": file.store(context)}, source)}
    content = context.arguments.get("content", context.arguments.get("text"))
    if isinstance(content, str):
        content = {"type": "text", "text": content}
    if content["type"] in ("formResponse", "template"):
        raise bad_request(f"An end user cannot say a {content['type']}")
    context.start_conversation("message")
    message = {"content": complete(dict(content))}
    return {"message": context.post(message, context.write_source())}


@actions.add(
    {**_WHERE, "message": ANY_TEXT, "action": ANY_TEXT, "coordinates": _PLACE},
    required=("user", "message"),
)
def tap(context: Context) -> dict[str, Any]:
    """Tap a button of a message: a quick reply, a postback, a location request or a link."""
    app, button = context.app, _button(context.message, context.arguments.get("action"))
    if button["type"] in _LINKS:
        return {"link": button["uri"]}
    if button["type"] == "locationRequest":
        content = {"type": "location", "coordinates": context.arguments.get("coordinates", _HERE)}
        return {"message": context.post({"content": complete(content)})}
    metadata = omit_none(metadata=button.get("metadata"))
    content = {"type": "text", "text": button["text"], "payload": button["payload"]}
    if button["type"] == "reply":
        return {"message": context.post({"content": content} | metadata)}
    postback = {"payload": button["payload"]} | metadata
    context.note_inbound()
    app.announce(
        "conversation:postback",
        context.conversation,
        postback=postback,
        user=context.user,
        source=context.source,
    )
    if app.settings.get("echoPostback"):
        context.post({"content": content} | metadata)
    return {"postback": postback}


@actions.add(
    {**_WHERE, "message": ANY_TEXT, "fields": Object()}, required=("user", "message", "fields")
)
def fill(context: Context) -> dict[str, Any]:
    """Submit a form."""
    form = context.message
    if form["content"].get("type") != "form" or form["content"]["submitted"]:
        raise bad_request("message is not a form that can be filled in")
    given = context.arguments["fields"]
    fields = [_filled(one, given) for one in form["content"]["fields"]]
    fallback = "\n".join(f"{field['label']}: {text}" for field, text in fields)
    form["content"] = {**form["content"], "submitted": True}
    content = {
        "type": "formResponse",
        "fields": [field for field, _ in fields],
        "textFallback": fallback,
    }
    quoted = {"type": "message", "message": form}
    return {"message": context.post({"content": content, "quotedMessage": quoted})}


@actions.add(_WHERE, required=("user",))
def read(context: Context) -> dict[str, Any]:
    """Read everything in a conversation."""
    context.conversation.mark_read(context.user, context.app.clock.timestamp())
    context.announce_activity("conversation:read", "conversation:read")
    return {}


@actions.add({**_WHERE, "stop": FLAG}, required=("user",))
def type(context: Context) -> dict[str, Any]:  # noqa: A001 - the name of the action
    """Start or stop typing."""
    kind = "typing:stop" if context.arguments.get("stop") else "typing:start"
    context.announce_activity("conversation:typing", kind)
    return {}


@actions.add({**_WHERE, "code": ANY_TEXT, "details": Object()}, required=("user", "code"))
def refer(context: Context) -> dict[str, Any]:
    """Follow a link with a referral code to the conversation."""
    details = {"source": "WEB", "type": "OPEN_THREAD", **context.arguments.get("details", {})}
    referral = {"code": context.arguments["code"], "details": details}
    if context.start_conversation("startConversation", referral) is not None:
        # The creation event contains the referral, and no referral event follows.
        return {}
    context.app.announce(
        "conversation:referral",
        context.conversation,
        user=context.user,
        source=context.source,
        referral=referral,
    )
    return {}


@actions.add(_CLIENT, required=("user", "client"))
def confirm(context: Context) -> dict[str, Any]:
    """Confirm a channel that the business asked to link."""
    client = context.pending_client
    clients.activate(context.app, context.user, client)
    client.last_inbound = client.last_seen
    return {"client": client.to_json()}


@actions.add(_CLIENT, required=("user", "client"))
def decline(context: Context) -> dict[str, Any]:
    """Decline a channel that the business asked to link."""
    client = context.pending_client
    source = Source(client.type, client.integration_id)
    clients.remove_client(context.app, context.user, client, reason="linkCancelled", source=source)
    return {}


@actions.add(_CLIENT, required=("user", "client"))
def block(context: Context) -> dict[str, Any]:
    """Block the business on a channel, or unsubscribe from it."""
    client = context.client
    reject(["The client is not active"] if client.status != "active" else [])
    clients.set_blocked(context.app, context.user, client, blocked=True)
    return {"client": client.to_json()}


@actions.add(_CLIENT, required=("user", "client"))
def unblock(context: Context) -> dict[str, Any]:
    """Unblock the business on a channel."""
    client = context.client
    reject(["The client is not blocked"] if client.status != "blocked" else [])
    clients.set_blocked(context.app, context.user, client, blocked=False)
    return {"client": client.to_json()}


@actions.add(_USER, required=("user",), mutates=False)
def conversation(context: Context) -> dict[str, Any]:
    """Return the user's default conversation."""
    found = context.app.default_conversation_of(context.user)
    if found is None:
        raise not_found("Conversation")
    return {"conversation": found.to_json()}


@actions.add(
    {
        **_USER,
        "externalId": String(min_length=1, max_length=1024),
        "zendeskId": ANY_TEXT,
        "email": String(min_length=1, max_length=128),
    },
    required=("user",),
)
def authenticate(context: Context) -> dict[str, Any]:
    """Sign in, with an external id and a verified e-mail address if they are given."""
    app, arguments = context.app, context.arguments
    user = sign_in(
        app, context.user, external_id=arguments.get("externalId"), email=arguments.get("email")
    )
    user.zendesk_id = arguments.get("zendeskId", user.zendesk_id)
    app.announce("user:update", user=user, reason="authentication", source=Source("web"))
    return {"user": user.to_json()}


@actions.add(
    dict.fromkeys(("zendeskId", "givenName", "surname", "externalId", "email"), ANY_TEXT),
    required=("zendeskId",),
)
def core_user(context: Context) -> dict[str, Any]:
    """Set a user of Zendesk Support, for the next synchronization."""
    given = context.arguments
    context.account.core_users[given["zendeskId"]] = CoreUser(
        given.get("givenName"), given.get("surname"), given.get("externalId"), given.get("email")
    )
    return {}


_LINKS = ("link", "webview")
# What is tapped if no button is named.
_TAPPED = ("postback", "reply", "locationRequest")


def _button(message: Mapping[str, Any], wanted: str | None) -> dict[str, Any]:
    content = message["content"]
    buttons = [*content.get("actions", ())]
    for item in content.get("items", ()):
        buttons += item["actions"]
    for button in buttons:
        names = [button[name] for name in ("text", "payload", "uri") if name in button]
        if button["type"] in _TAPPED if wanted is None else wanted in names:
            return dict(button)
    raise resource_not_found("Action not found")


def _filled(field: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """A field of a form response, and its text in the fallback."""
    kind, name = field["type"], field["name"]
    value = given.get(name)
    if not isinstance(value, str):
        raise bad_request(f"fields.{name} must be a string")
    filled = {"type": kind, "name": name, "label": field["label"]}
    if kind != "select":
        return {**filled, kind: value}, value
    for option in field.get("options", ()):
        if value in (option.get("name"), option.get("label")):
            return {**filled, "select": [dict(option)]}, option.get("label", value)
    raise bad_request(f"fields.{name} is not one of the options")
