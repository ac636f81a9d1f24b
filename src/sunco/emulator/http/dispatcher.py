"""From an HTTP request to an operation, and from its result to a response."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from sunco.emulator.api.operation import Call, Operation, OperationCall, OperationTable, Redirect
from sunco.emulator.errors import ApiError, bad_request, reject
from sunco.emulator.http.authentication import ANYONE, authenticate, authorize
from sunco.emulator.http.bodies import parse_form, parse_object, read_content, read_upload
from sunco.emulator.http.request_journal import MAX_BODY_BYTES, masked, readable
from sunco.emulator.http.responses import error_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import Message, Receive, Scope, Send

    from sunco.emulator.api.operation import Result
    from sunco.emulator.http.faults import FaultInjector
    from sunco.emulator.http.request_journal import RequestJournal
    from sunco.emulator.state.account import Account

    Execute = Callable[[OperationCall], Result]


class Dispatcher:
    """The ASGI app that serves the operations.

    Args:
        table: The operations.
        account: The account.
        faults: The faults to inject.
        execute: Executes an operation.
        journal: Records the requests.
    """

    def __init__(
        self,
        table: OperationTable,
        *,
        account: Account,
        faults: FaultInjector,
        execute: Execute,
        journal: RequestJournal,
    ) -> None:
        self._table = table
        self._account = account
        self._faults = faults
        self._execute = execute
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        body: list[bytes] = []

        async def read() -> Message:
            message = await receive()
            if sum(map(len, body)) <= MAX_BODY_BYTES:
                body.append(message.get("body", b""))
            return message

        request = Request(scope, read)
        path, began = raw_path(scope), perf_counter()
        at = self._account.clock.timestamp()
        response: Response | None = None
        try:
            response = completed = await self._respond_with_faults(request, path, send)
        except ClientDisconnect:
            return
        finally:
            entry = self._describe(request, path, b"".join(body), response)
            self._journal.add(**entry, at=at, duration=perf_counter() - began)
        await completed(scope, receive, send)

    async def _respond_with_faults(self, request: Request, path: str, send: Send) -> Response:
        fault = self._faults.take(request.method, path)
        try:
            if fault is not None:
                await fault.before(send, self._faults.random)
            response = await self._respond(request, path)
            if fault is not None:
                await fault.after(send)
        except ApiError as error:
            return error_response(error)
        return response

    def _describe(
        self, request: Request, path: str, body: bytes, response: Response | None
    ) -> dict[str, Any]:
        try:
            operation = self._table.find(request.method, path)[0].name
        except ApiError:
            operation = None
        entry: dict[str, Any] = {
            "operation": operation,
            "method": request.method,
            "path": path,
            "query": masked(dict(request.query_params)),
            "body": readable(body, request.headers.get("content-type", "")),
            "status": None,
            "response": None,
        }
        if response is not None:
            content = readable(bytes(response.body), response.headers.get("content-type", ""))
            entry |= {"status": response.status_code, "response": content}
        return entry

    async def _respond(self, request: Request, path: str) -> Response:
        operation, ids = self._table.find(request.method, path)
        account, principal = self._account, ANYONE
        if operation.scopes:
            principal = authenticate(request.headers.get("authorization"), account)
            if ids.get("integrationId") == "me" and principal.integration_id is not None:
                ids["integrationId"] = principal.integration_id
            authorize(principal, operation.scopes, ids, account)
        query = dict(parse_qsl(_text(request.scope["query_string"]), keep_blank_values=True))
        upload = await read_upload(request) if operation.takes_file else None
        body = await _read_body(request, operation)
        # Nothing is awaited from here to the result: see Operation.
        call = Call(account, principal, ids, query, body, _origin(request), path, upload)
        result = self._execute(OperationCall(operation, call))
        if isinstance(result, Redirect):
            headers = {"location": result.location}
            return PlainTextResponse("Found", operation.status, headers)
        return json_response(result, operation.status)


def raw_path(scope: Scope) -> str:
    """The path as it was sent, without the path that the app is mounted at."""
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
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if operation.takes_form and media_type == "application/x-www-form-urlencoded":
        body = parse_form(content)
    elif media_type == "application/json":
        body = parse_object(content)
    else:
        raise bad_request("The content-type must be application/json")
    reject(operation.body.problems(body, ""))
    return body
