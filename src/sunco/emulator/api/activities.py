"""Activities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import CONVERSATION, author_of, conversation_of
from sunco.emulator.api.operation import Operations
from sunco.emulator.errors import bad_request
from sunco.emulator.schemas.configuration import ACTIVITY
from sunco.emulator.state.rendering import API

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Answer, Call

READ = "conversation:read"

operations: Operations = Operations()


@operations.add("POST", f"{CONVERSATION}/activity", body=ACTIVITY)
def post(call: Call) -> Answer:
    """Take note that someone has read, or that the business is typing."""
    conversation = conversation_of(call)
    user = author_of(call.app, conversation, call.body["author"])
    kind = call.body["type"]
    if user is not None and kind != READ:
        raise bad_request(f"Only {READ} is supported when the author type is user")
    if kind == READ:
        conversation.mark_read(user, call.app.clock.timestamp())
    if user is not None:
        author = {"type": "user", "userId": user.id, "user": user}
        activity = {"type": kind, "author": author, "source": API}
        call.app.announce(READ, conversation, activity=activity)
    return {}
