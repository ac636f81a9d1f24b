"""From an HTTP request to an operation, and from what it returns to an HTTP answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from sunco.emulator.api.operation import Call, Operation, OperationTable, Redirect
from sunco.emulator.errors import ApiError, bad_request, json_answer, refuse
from sunco.emulator.http.authentication import ANYONE, authenticate, authorize
from sunco.emulator.http.bodies import parse_object, read_content, read_upload

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from sunco.emulator.api.operation import Answer
    from sunco.emulator.http.faults import Trouble
    from sunco.emulator.state.account import Account

    Run = Callable[[Operation, Call], Answer]


class Dispatcher:
    """The ASGI app that serves the operations.

    Args:
        table: The operations to serve.
        account: All that there is.
        trouble: What is to go wrong.
        run: Performs an operation.
    """

    def __init__(
        self,
        table: OperationTable,
        *,
        account: Account,
        trouble: Trouble,
        run: Run,
    ) -> None:
        self._table = table
        self._account = account
        self._trouble = trouble
        self._run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        path = raw_path(scope)
        fault = self._trouble.take(request.method, path)
        try:
            if fault is not None:
                await fault.begin(send)
            answer = await self._answer(request, path)
            if fault is not None:
                await fault.end(send)
        except ApiError as error:
            answer = error.answer()
        except ClientDisconnect:
            return
        await answer(scope, receive, send)

    async def _answer(self, request: Request, path: str) -> Response:
        operation, ids = self._table.find(request.method, path)
        account, principal = self._account, ANYONE
        if operation.scopes:
            principal = authenticate(request.headers.get("authorization"), account)
            if ids.get("integrationId") == "me" and principal.integration_id is not None:
                ids["integrationId"] = principal.integration_id
            authorize(principal, operation, ids, account)
        query = dict(parse_qsl(_text(request.scope["query_string"]), keep_blank_values=True))
        upload = await read_upload(request) if operation.takes_file else None
        body = await _read_body(request, operation)
        # From here to the answer nothing is awaited: see Operation.
        call = Call(account, principal, ids, query, body, _origin(request), path, upload)
        answer = self._run(operation, call)
        if isinstance(answer, Redirect):
            headers = {"location": answer.location}
            return PlainTextResponse("Found", operation.status, headers)
        return json_answer(answer, operation.status)


def raw_path(scope: Scope) -> str:
    """The path as it was sent, without the part that the app is mounted at."""
    raw: bytes | None = scope.get("raw_path")
    path = _text(raw) if raw else quote(scope["path"])
    return path.removeprefix(quote(scope.get("root_path", "")))


def _origin(request: Request) -> str:
    scheme, root = request.scope["scheme"], request.scope.get("root_path", "")
    return f"{scheme}://{request.headers.get('host', '')}{root}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


async def _read_body(request: Request, operation: Operation) -> dict[str, Any]:
    if operation.body is None:
        return {}
    content = await read_content(request)
    if not content and not operation.body_required:
        return {}
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        raise bad_request("The content-type must be application/json")
    body = parse_object(content)
    refuse(operation.body.problems(body, ""))
    return body
