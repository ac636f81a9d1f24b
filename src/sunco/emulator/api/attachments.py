"""Files for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from sunco.emulator.api.lookup import ANY_APP
from sunco.emulator.api.operation import Operations
from sunco.emulator.errors import bad_request, not_found, resource_not_found
from sunco.emulator.schemas.configuration import ATTACHMENT_REMOVE
from sunco.emulator.state.account import Attachment

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Answer, Call

MEDIA = "/attachments/v2/"
_ALL = f"{ANY_APP}/attachments"

operations: Operations = Operations()


@operations.add("POST", _ALL, status=201, takes_file=True)
def upload(call: Call) -> Answer:
    """Keep a file, and say where it is served."""
    if call.query.get("access") != "public":
        raise bad_request("access must be public")
    if call.query.get("for", "message") != "message":
        raise bad_request("for must be message")
    conversation_id = call.query.get("conversationId")
    if conversation_id is not None and call.app.conversations.get(conversation_id) is None:
        raise not_found("Conversation")
    file = call.upload
    if file is None or not file.content:
        raise bad_request("source is required")
    name = file.name.replace("\\", "/").rpartition("/")[2] or "file"
    attachment = Attachment(
        call.account.clock.new_id(),
        name,
        file.media_type,
        file.content,
        call.app.id,
        conversation_id,
        of_message="for" in call.query,
    )
    call.account.attachments[attachment.id] = attachment
    url = f"{call.origin}{MEDIA}{attachment.id}/{quote(name, safe='')}"
    return {"attachment": {"mediaUrl": url, "mediaType": file.media_type}}


@operations.add("POST", f"{_ALL}/remove", body=ATTACHMENT_REMOVE)
def remove(call: Call) -> Answer:
    """Delete a file."""
    url: str = call.body["mediaUrl"]
    try:
        path = urlsplit(url).path
    except ValueError:
        path = ""
    _, found, rest = path.partition(MEDIA)
    if not found:
        raise bad_request(f"Unsupported media URL for attachment deletion: {url}")
    file_id, _, name = rest.partition("/")
    attachment = call.account.attachments.get(file_id)
    if attachment is None or (attachment.app_id, attachment.name) != (call.app.id, unquote(name)):
        raise resource_not_found("Attachment not found")
    del call.account.attachments[file_id]
    return {}
