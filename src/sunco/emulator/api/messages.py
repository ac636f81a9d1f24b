"""Messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.api.lookup import author_of, conversation_of
from sunco.emulator.api.operation import Operations
from sunco.emulator.api.pagination import MAX_SIZE, read_page, select
from sunco.emulator.api.paths import CONVERSATION
from sunco.emulator.errors import ApiError, bad_request, reject, resource_not_found
from sunco.emulator.schemas.content import CONTENT
from sunco.emulator.schemas.messages import MESSAGE
from sunco.emulator.services import messages
from sunco.emulator.services.content import complete
from sunco.emulator.services.names import display_name

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result
    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.users import User

MESSAGES = f"{CONVERSATION}/messages"

# The message is stored, and delivered to no channel.
NO_INTEGRATION = "none"

operations: Operations = Operations()


@operations.add("PostMessage", "POST", MESSAGES, status=201, body=MESSAGE)
def post(call: Call) -> Result:
    """Post a message. The response is a list of one."""
    conversation = conversation_of(call)
    author = author_of(call.app, conversation, call.body["author"])
    _check_destination(call.app, conversation, call.body)
    content = _content(call.body)
    if messages.is_full(call.app, conversation):
        limit = call.app.limits.messages
        raise ApiError(423, "locked", f"Message limit of {limit} per conversation reached.")
    message: dict[str, Any] = {
        "author": _author_view(call.app, call.body["author"], author),
        "content": content,
    }
    if call.body.get("metadata") is not None:
        message["metadata"] = call.body["metadata"]
    destination = call.body.get("destination")
    posted = messages.post(call.app, conversation, message, author, destination=destination)
    return {"messages": [posted]}


@operations.add("ListMessages", "GET", MESSAGES)
def list_(call: Call) -> Result:
    """List messages backwards: the newest page first, each page oldest first."""
    page = read_page(call.query, fixed_size=MAX_SIZE)
    conversation = call.app.conversations.get(call.ids["conversationId"])
    if conversation is None:
        # The 404 of this list, and of no other, does not name the conversation.
        raise resource_not_found()
    messages.expire(call.app, conversation)
    return select(conversation.messages, page, newest_first=True).to_json(
        "messages", dict, call.url, call.query
    )


@operations.add("DeleteAllMessages", "DELETE", MESSAGES)
def delete_all(call: Call) -> Result:
    """Delete all messages of a conversation."""
    messages.delete_all_messages(call.app, conversation_of(call))
    return {}


@operations.add("DeleteMessage", "DELETE", f"{MESSAGES}/{{messageId}}")
def delete(call: Call) -> Result:
    """Delete one message."""
    if not messages.delete_message(call.app, conversation_of(call), call.ids["messageId"]):
        raise resource_not_found("Message not found")
    return {}


def _author_view(app: App, author: dict[str, Any], user: User | None) -> dict[str, Any]:
    view: dict[str, Any] = {
        name: author[name]
        for name in ("type", "subtypes", "displayName", "avatarUrl")
        if name in author
    }
    if user is not None:
        view["userId"] = user.id
        view.setdefault("displayName", display_name(app, user))
    return view


def _content(body: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = body["content"]
    if body.get("schema") == "whatsapp":
        return content
    reject(CONTENT.problems(content, "content"))
    if content["type"] == "formResponse":
        raise bad_request("Messages of type formResponse cannot be sent via the API")
    if content["type"] == "template":
        raise bad_request("schema must be whatsapp for content of type template")
    return complete(content)


def _check_destination(app: App, conversation: Conversation, body: dict[str, Any]) -> None:
    destination = body.get("destination")
    if destination is None:
        return
    if body["author"]["type"] != "business" or conversation.type != "personal":
        raise bad_request(
            "destination is only supported for business messages in personal conversations"
        )
    clients = [client for one in conversation.participants for client in one.clients]
    if "integrationId" in destination:
        integration_id = destination["integrationId"]
        if app.integrations.get(integration_id) is None:
            raise bad_request("destination.integrationId does not exist")
        reached = any(client.integration_id == integration_id for client in clients)
    else:
        kind = destination["integrationType"]
        reached = kind == NO_INTEGRATION or any(client.type == kind for client in clients)
    if not reached:
        raise bad_request("The user has no client in the conversation for the destination")
