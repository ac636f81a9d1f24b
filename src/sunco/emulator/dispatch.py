"""From an HTTP request to an operation, and from what it returns to an HTTP answer."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, quote

from starlette.requests import ClientDisconnect, Request

from sunco.emulator.answers import ApiError, bad_request, json_answer, not_found, refuse
from sunco.emulator.authentication import authenticate
from sunco.emulator.operations import Call, Operation, OperationTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from sunco.emulator.state import App

BODY_BYTES = 100 * 1024


class Dispatcher:
    """The ASGI app that serves the operations.

    Args:
        operations: The operations to serve.
        apps: The apps, by id.
        secrets: The secret of each key, by key id.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        *,
        apps: Mapping[str, App],
        secrets: Mapping[str, str],
    ) -> None:
        self._table = OperationTable(operations)
        self._apps = apps
        self._secrets = secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ApiError as error:
            answer = error.answer()
        except ClientDisconnect:
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = _raw_path(request.scope)
        operation, ids = self._table.find(request.method, path)
        principal = authenticate(request.headers.get("authorization"), self._secrets)
        app = self._apps.get(ids["appId"])
        if app is None:
            raise not_found("App")
        body = await _read_body(request, operation)
        query = dict(parse_qsl(_text(request.scope["query_string"]), keep_blank_values=True))
        # From here to the answer nothing is awaited: see Operation.
        call = Call(app, principal, ids, query, body, _address(request, path))
        return json_answer(operation.run(call), operation.status)


def _address(request: Request, path: str) -> str:
    scheme, root = request.scope["scheme"], request.scope.get("root_path", "")
    return f"{scheme}://{request.headers.get('host', '')}{root}{path}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _raw_path(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    path = _text(raw) if raw else quote(scope["path"])
    return path.removeprefix(quote(scope.get("root_path", "")))


async def _read_body(request: Request, operation: Operation) -> dict[str, Any]:
    if operation.body is None:
        return {}
    content = await _read_content(request)
    if not content and not operation.body_required:
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise bad_request("The content-type must be application/json")
    body = _parse(content)
    refuse(operation.body.problems(body, ""))
    return body


async def _read_content(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    # What is too large is read to its end too, since many clients listen only after sending.
    async for chunk in request.stream():
        size += len(chunk)
        if size <= BODY_BYTES:
            chunks.append(chunk)
    if size > BODY_BYTES:
        raise ApiError(413, "payload_too_large", "The request body must not exceed 100kb")
    return b"".join(chunks)


def _parse(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise bad_request("The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise bad_request("The request body must be a JSON object")
    return cast("dict[str, Any]", body)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
