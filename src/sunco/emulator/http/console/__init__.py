"""The console: a page that shows the emulator and controls it."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.responses import Response as PageResponse

from sunco.emulator.errors import ApiError, resource_not_found
from sunco.emulator.http.responses import error_response

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from sunco.emulator.http.control import ControlApi

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
# Nothing from other sites runs or is embedded, but pictures of messages may come from anywhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' http: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_PAGE = files(__name__) / "page"
_FILES = {
    entry.name: entry.read_bytes()
    for entry in _PAGE.iterdir()
    if entry.name.rpartition(".")[2] in TYPES
}


class Console:
    """The ASGI app that serves the page and its files.

    Args:
        control: The control API, which checks the host and has the token.
    """

    def __init__(self, control: ControlApi) -> None:
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a file of the page."""
        request = Request(scope, receive)
        try:
            self._control.check(request)
            response = self._respond(request.path_params.get("file", "index.html"))
        except ApiError as error:
            response = error_response(error)
        await response(scope, receive, send)

    def _respond(self, name: str) -> Response:
        if name == "":
            return RedirectResponse("../console")
        content = _FILES.get(name)
        if content is None:
            raise resource_not_found()
        if name == "index.html":
            content = content.replace(b"{{token}}", self._control.token.encode())
        return PageResponse(content, 200, HEADERS, TYPES[name.rpartition(".")[2]])
