"""Serving uploaded files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from sunco.emulator.errors import resource_not_found
from sunco.emulator.http.responses import error_response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sunco.emulator.state.account import Account


class Media:
    """The ASGI app that serves uploaded files, without authentication.

    Args:
        account: The account that has the files.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a file."""
        parts = Request(scope).path_params
        attachment = self._account.attachments.get(parts["id"])
        if attachment is None or attachment.name != parts["name"]:
            response = error_response(resource_not_found())
        else:
            # A page among the files must not run as a page of the emulator.
            headers = {"content-security-policy": "sandbox", "x-content-type-options": "nosniff"}
            content, kind = attachment.content, attachment.media_type
            response = Response(content, 200, headers, media_type=kind)
        await response(scope, receive, send)
