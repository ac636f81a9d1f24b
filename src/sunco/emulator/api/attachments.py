"""Attachments: files for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.operation import Operations
from sunco.emulator.api.paths import ANY_APP
from sunco.emulator.errors import bad_request, not_found, resource_not_found
from sunco.emulator.schemas.configuration import ATTACHMENT_REMOVE
from sunco.emulator.services.attachments import base_name, store

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

_ALL = f"{ANY_APP}/attachments"

operations: Operations = Operations()


@operations.add("UploadAttachment", "POST", _ALL, status=201, takes_file=True)
def upload(call: Call) -> Result:
    """Store a file, and return its URL."""
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
    attachment = store(
        call.app,
        base_name(file.name),
        file.media_type,
        file.content,
        conversation_id=conversation_id,
        of_message="for" in call.query,
    )
    url = attachment.url(call.origin)
    return {"attachment": {"mediaUrl": url, "mediaType": file.media_type}}


@operations.add("DeleteAttachment", "POST", f"{_ALL}/remove", body=ATTACHMENT_REMOVE)
def remove(call: Call) -> Result:
    """Delete a file."""
    url: str = call.body["mediaUrl"]
    try:
        attachment = call.account.attachments.at(url)
    except ValueError:
        raise bad_request(f"Unsupported media URL for attachment deletion: {url}") from None
    if attachment is None or attachment.app_id != call.app.id:
        raise resource_not_found("Attachment not found")
    call.account.attachments.remove(attachment)
    return {}
