"""Serving the files that were uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from sunco.emulator.errors import resource_not_found

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sunco.emulator.state.account import Account


class Media:
    """The ASGI app that serves uploaded files, to whoever knows their address.

    Args:
        account: Where the files are.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one file."""
        parts = Request(scope).path_params
        attachment = self._account.attachments.get(parts["id"])
        if attachment is None or attachment.name != parts["name"]:
            await resource_not_found().answer()(scope, receive, send)
            return
        # A page among the files must not run as a page of the emulator.
        headers = {"content-security-policy": "sandbox", "x-content-type-options": "nosniff"}
        answer = Response(attachment.content, 200, headers, media_type=attachment.media_type)
        await answer(scope, receive, send)
