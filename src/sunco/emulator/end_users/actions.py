"""Acting as the end user: each act is a shape and a function, for Python and HTTP alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sunco.emulator.api.activities import READ
from sunco.emulator.errors import bad_request, not_found, refuse, resource_not_found
from sunco.emulator.schemas.common import ANY_TEXT, FLAG, TEXT
from sunco.emulator.schemas.content import CONTENT
from sunco.emulator.schemas.schema import Object, Shape, String, at_most_one
from sunco.emulator.services.content import complete
from sunco.emulator.services.merging import CoreUser, identify
from sunco.emulator.state.rendering import Source, present

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.users import Client, User

SDK_TYPES = ("web", "ios", "android")


@dataclass(frozen=True, slots=True)
class Act:
    """Something that an end user can do."""

    shape: Object
    run: Callable[[App, Mapping[str, Any]], dict[str, Any]]
    changes: bool


ACTS: dict[str, Act] = {}


def _act(
    shape: Object, *, changes: bool = True
) -> Callable[
    [Callable[[App, Mapping[str, Any]], dict[str, Any]]],
    Callable[[App, Mapping[str, Any]], dict[str, Any]],
]:
    def decorate(
        run: Callable[[App, Mapping[str, Any]], dict[str, Any]],
    ) -> Callable[[App, Mapping[str, Any]], dict[str, Any]]:
        ACTS[run.__name__] = Act(shape, run, changes)
        return run

    return decorate


_WHERE: dict[str, Shape] = {
    "user": ANY_TEXT,
    "conversation": ANY_TEXT,
    "integration": ANY_TEXT,
}


@_act(
    Object(
        {**_WHERE, "text": TEXT, "content": CONTENT},
        required=("user",),
        rules=(at_most_one("text", "content"),),
    )
)
def say(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Write a message."""
    content = body.get("content", {"type": "text", "text": body.get("text", "")})
    if content["type"] in ("formResponse", "template"):
        raise bad_request(f"An end user cannot say a {content['type']}")
    scene = _Scene(app, body, reason="message")
    client = scene.source.client
    if client is not None and client.status == "pending":
        # Whoever writes by a channel is there.
        _activate(app, scene.user, client)
    return {"message": scene.post({"content": complete(dict(content))})}


@_act(Object({**_WHERE, "message": ANY_TEXT, "action": ANY_TEXT}, required=("user", "message")))
def tap(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Tap a button of a message, a postback or a quick reply."""
    scene = _Scene(app, body)
    action = _action(scene.message, body.get("action"))
    if action["type"] == "reply":
        content = {"type": "text", "text": action["text"], "payload": action["payload"]}
        return {"message": scene.post({"content": content} | _metadata(action))}
    postback = {"payload": action["payload"]} | _metadata(action)
    app.announce(
        "conversation:postback",
        scene.conversation,
        postback=postback,
        user=scene.user,
        source=scene.source,
    )
    if app.settings.get("echoPostback"):
        echo = {"type": "text", "text": action["text"], "payload": action["payload"]}
        scene.post({"content": echo} | _metadata(action))
    return {"postback": postback}


@_act(
    Object(
        {**_WHERE, "message": ANY_TEXT, "fields": Object()}, required=("user", "message", "fields")
    )
)
def fill(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in a form."""
    scene = _Scene(app, body)
    form = scene.message
    if form["content"].get("type") != "form" or form["content"]["submitted"]:
        raise bad_request("message is not a form that can be filled in")
    fields = [_filled(one, body["fields"]) for one in form["content"]["fields"]]
    lines = [f"{one['label']}: {one['shown']}" for one in fields]
    for one in fields:
        del one["shown"]
    form["content"] = {**form["content"], "submitted": True}
    content = {"type": "formResponse", "fields": fields, "textFallback": "\n".join(lines)}
    quoted = {"type": "message", "message": form}
    return {"message": scene.post({"content": content, "quotedMessage": quoted})}


@_act(Object(_WHERE, required=("user",)))
def read(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Read everything in a conversation."""
    scene = _Scene(app, body)
    scene.conversation.mark_read(scene.user, app.clock.timestamp())
    scene.announce_activity("conversation:read", READ)
    return {}


@_act(Object({**_WHERE, "stop": FLAG}, required=("user",)))
def typing(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Begin to type, or stop."""
    kind = "typing:stop" if body.get("stop") else "typing:start"
    _Scene(app, body).announce_activity("conversation:typing", kind)
    return {}


@_act(
    Object(
        {**_WHERE, "code": ANY_TEXT, "details": Object()},
        required=("user", "code"),
    )
)
def refer(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Come to the conversation by a link that carries a code."""
    scene = _Scene(app, body, reason="startConversation")
    details = {"source": "WEB", "type": "OPEN_THREAD", **body.get("details", {})}
    app.announce(
        "conversation:referral",
        scene.conversation,
        user=scene.user,
        source=scene.source,
        referral={"code": body["code"], "details": details},
    )
    return {}


@_act(Object({"user": ANY_TEXT, "client": ANY_TEXT}, required=("user", "client")))
def confirm(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Agree to be reached on a channel that the business asked to link."""
    user, client = _pending(app, body)
    _activate(app, user, client)
    return {"client": client.to_json()}


@_act(Object({"user": ANY_TEXT, "client": ANY_TEXT}, required=("user", "client")))
def decline(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse to be reached on a channel that the business asked to link."""
    user, client = _pending(app, body)
    source = Source(client.type, client.integration_id)
    app.remove_client(user, client, reason="linkCancelled", source=source)
    return {}


@_act(Object({"user": ANY_TEXT}, required=("user",)), changes=False)
def conversation(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Look at the conversation that one's channels write to."""
    found = find_user(app, body["user"]).default_conversation
    if found is None:
        raise not_found("Conversation")
    return {"conversation": found.to_json()}


@_act(
    Object(
        {"user": ANY_TEXT, "zendeskId": ANY_TEXT, "email": String(shortest=1, longest=128)},
        required=("user",),
    )
)
def authenticate(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Log in, and prove to own an e-mail address."""
    user = find_user(app, body["user"])
    user.authenticated = True
    user.zendesk_id = body.get("zendeskId", user.zendesk_id)
    if "email" in body:
        identify(app, user, body["email"])
    app.announce("user:update", user=user, reason="authentication", source=Source("web"))
    return {"user": user.to_json()}


@_act(
    Object(
        dict.fromkeys(("zendeskId", "givenName", "surname", "externalId", "email"), ANY_TEXT),
        required=("zendeskId",),
    )
)
def core_user(app: App, body: Mapping[str, Any]) -> dict[str, Any]:
    """Change what Zendesk Support knows of a user, for the next synchronization."""
    app.account.core_users[body["zendeskId"]] = CoreUser(
        body.get("givenName"), body.get("surname"), body.get("externalId"), body.get("email")
    )
    return {}


def find_user(app: App, reference: str) -> User:
    """The user with this id or external id.

    Raises:
        ApiError: 404 `user_not_found`.
    """
    user = app.users.get(reference) or app.user_by_external_id(reference)
    if user is None:
        raise not_found("User")
    return user


class _Scene:
    """Who acts, where, and by what means."""

    def __init__(self, app: App, body: Mapping[str, Any], *, reason: str | None = None) -> None:
        self._app = app
        self._message_id = body.get("message", "")
        self.user = find_user(app, body["user"])
        self.source = self._find_source(body.get("integration"))
        self.conversation = self._find_conversation(body.get("conversation"), reason)

    @property
    def message(self) -> dict[str, Any]:
        message = self.conversation.messages.get(self._message_id)
        if message is None:
            raise resource_not_found("Message not found")
        return message

    def post(self, message: Mapping[str, Any]) -> dict[str, Any]:
        refuse(["The conversation is full"] if self._is_full() else [])
        name = self.user.display_name
        author = {"type": "user", "userId": self.user.id} | present(displayName=name)
        posted = {"author": author, **message}
        return self._app.post(self.conversation, posted, self.user, source=self.source)

    def announce_activity(self, trigger: str, kind: str) -> None:
        author = {"type": "user", "userId": self.user.id, "user": self.user}
        activity = {"type": kind, "author": author, "source": self.source}
        self._app.announce(trigger, self.conversation, activity=activity)

    def _is_full(self) -> bool:
        return len(self.conversation.messages) >= self._app.account.message_limit

    def _find_source(self, integration_id: str | None) -> Source:
        app, user = self._app, self.user
        if integration_id is None:
            integrations = (one for one in app.integrations if one["type"] == "web")
            integration = next(integrations, None)
        else:
            integration = app.integrations.get(integration_id)
            if integration is None:
                raise not_found("Integration")
        if integration is None:
            return Source("web", client=app.sdk_client(user))
        if integration["type"] in SDK_TYPES:
            client = app.sdk_client(user)
            device = app.device(user, client, integration)
            return Source(integration["type"], integration["id"], client, device)
        return Source(integration["type"], integration["id"], self._client(integration))

    def _client(self, integration: Mapping[str, Any]) -> Client | None:
        found = (one for one in self.user.clients if one.integration_id == integration["id"])
        return next(found, None)

    def _find_conversation(self, identifier: str | None, reason: str | None) -> Conversation:
        if identifier is not None:
            conversation = self.user.conversations.get(identifier)
        else:
            conversation = self.user.default_conversation
            if conversation is None and reason is not None:
                return self._app.create_conversation(
                    {"type": "personal"}, [(self.user, False)], reason=reason, source=self.source
                )
        if conversation is None:
            raise not_found("Conversation")
        return conversation


def _action(message: Mapping[str, Any], wanted: str | None) -> dict[str, Any]:
    content = message["content"]
    actions = [*content.get("actions", ())]
    for item in content.get("items", ()):
        actions += item["actions"]
    for action in actions:
        if action["type"] in ("postback", "reply") and wanted in (
            None,
            action["text"],
            action["payload"],
        ):
            return dict(action)
    raise resource_not_found("Action not found")


def _metadata(action: Mapping[str, Any]) -> dict[str, Any]:
    return present(metadata=action.get("metadata"))


def _filled(field: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    kind, name = field["type"], field["name"]
    answer = answers.get(name)
    if not isinstance(answer, str):
        raise bad_request(f"fields.{name} must be a string")
    filled = {"type": kind, "name": name, "label": field["label"]}
    if kind != "select":
        return {**filled, kind: answer, "shown": answer}
    for option in field.get("options", ()):
        if answer in (option.get("name"), option.get("label")):
            return {**filled, "select": [dict(option)], "shown": option.get("label", answer)}
    raise bad_request(f"fields.{name} is not one of the options")


def _activate(app: App, user: User, client: Client) -> None:
    client.status = "active"
    client.linked_at = client.last_seen = app.clock.timestamp()
    client.display_name = client.external_id
    target = user.conversations.get(client.target_id or "")
    for participant in target.participants if target else ():
        if participant.user is user:
            participant.clients.append(client)
    app.announce("client:update", target, user=user, client=client, reason="confirmed")


def _pending(app: App, body: Mapping[str, Any]) -> tuple[User, Client]:
    user = find_user(app, body["user"])
    client = user.clients.get(body["client"])
    if client is None:
        raise not_found("Client")
    if client.status != "pending":
        raise bad_request("The client is not pending")
    return user, client
