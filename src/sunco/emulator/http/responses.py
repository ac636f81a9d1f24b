"""Responses of the emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, Response

from sunco.emulator.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

# A body that was cut off, with bytes that are no text.
GARBAGE = b'{"messages": [{"id": "\xff\xfe\x00'


def json_response(
    content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A lone surrogate is legal in JSON and cannot be encoded in UTF-8.
    body = text.encode("utf-8", "replace")
    return Response(body, status, headers, media_type="application/json")


def error_response(error: ApiError) -> Response:
    """An error in its form, by default that of the API."""
    if error.form == "garbage":
        return Response(GARBAGE, error.status, error.headers, media_type="application/json")
    if error.form == "html":
        text = f"<html><body><h1>{error.status} {error.titles[0]}</h1></body></html>"
        return HTMLResponse(text, error.status, error.headers)
    errors = [{"code": error.code, "title": title} for title in error.titles]
    return json_response({"errors": errors}, error.status, error.headers)


async def index(_request: Request) -> Response:
    """The paths of the emulator's parts."""
    return json_response({"name": "sunco emulator", "api": "/v2", "control": "/_emulator/"})


async def internal_error(_request: Request, _error: Exception) -> Response:
    """500 in the form of the API; the traceback is logged by the server."""
    return error_response(ApiError(500, "internal_error", "Internal server error"))
