"""Activities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.api.lookup import author_of, conversation_of
from sunco.emulator.api.operation import Operations
from sunco.emulator.api.paths import CONVERSATION
from sunco.emulator.errors import bad_request
from sunco.emulator.schemas.configuration import ACTIVITY
from sunco.emulator.state.sources import API

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

_READ = "conversation:read"

operations: Operations = Operations()


@operations.add("PostActivity", "POST", f"{CONVERSATION}/activity", body=ACTIVITY)
def post(call: Call) -> Result:
    """Record a read receipt, or a typing indicator of the business."""
    conversation = conversation_of(call)
    user = author_of(call.app, conversation, call.body["author"])
    kind = call.body["type"]
    if user is not None and kind != _READ:
        raise bad_request(f"Only {_READ} is supported when the author type is user")
    author: dict[str, Any] = {"type": "business"}
    if user is not None:
        author = {"type": "user", "userId": user.id}
    call.app.record_activity(conversation, kind, author)
    if kind == _READ:
        conversation.mark_read(user, call.app.clock.timestamp())
    if user is not None:
        activity = {"type": kind, "author": {**author, "user": user}, "source": API}
        call.app.announce(_READ, conversation, activity=activity)
    return {}
