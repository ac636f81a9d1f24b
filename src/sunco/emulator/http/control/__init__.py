"""The control API: actions of end users, fault injection and inspection over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from starlette.requests import Request

from sunco.emulator.end_users.actions import actions
from sunco.emulator.errors import ApiError, bad_request, reject, resource_not_found
from sunco.emulator.http.bodies import parse_object, read_content
from sunco.emulator.http.responses import error_response, json_response
from sunco.emulator.schemas.common import ANY_TEXT, FLAG
from sunco.emulator.schemas.schema import Nullable, Number, Object, TextOr, at_least_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from sunco.emulator.delivery.dispatcher import Delivery

FAIL = Object(
    {
        "next": Nullable(Number(minimum=1, integer=True)),
        "method": ANY_TEXT,
        "path": ANY_TEXT,
        "status": Number(minimum=200, maximum=599, integer=True),
        "retry_after": TextOr(Number(minimum=0)),
        "html": FLAG,
        "reset": FLAG,
        "latency": Number(minimum=0, maximum=60),
        "applied": FLAG,
    },
    rules=(at_least_one("status", "reset", "latency"),),
    additional_properties=False,
)


class Controlled(Protocol):
    """What the control API needs of an emulator."""

    @property
    def deliveries(self) -> list[Delivery]:
        """The webhook deliveries."""
        ...

    @property
    def activities(self) -> list[dict[str, Any]]:
        """The activities."""
        ...

    def messages(self, conversation: str) -> list[dict[str, Any]]:
        """The messages of a conversation."""
        ...

    @property
    def fail(self) -> Callable[..., None]:
        """Adds a fault."""
        ...

    def recover(self) -> None:
        """Remove all faults."""
        ...

    async def drain(self) -> None:
        """Deliver all events."""
        ...


class ControlApi:
    """The ASGI app under `/_emulator`.

    Args:
        emulator: The emulator.
        perform: Performs an action.
    """

    def __init__(
        self, emulator: Controlled, perform: Callable[[str, dict[str, Any]], dict[str, Any]]
    ) -> None:
        self._emulator = emulator
        self._perform = perform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        request = Request(scope, receive)
        try:
            response = json_response(await self._respond(request))
        except ApiError as error:
            response = error_response(error)
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> dict[str, Any]:
        name = request.path_params["name"]
        if request.method == "GET":
            return self._get(name, request)
        if request.method == "POST":
            return await self._post(name, request)
        raise ApiError(405, "method_not_allowed", "Method not allowed")

    def _get(self, name: str, request: Request) -> dict[str, Any]:
        if name == "health":
            return {"status": "ok"}
        if name == "deliveries":
            return {"deliveries": [asdict(one) for one in self._emulator.deliveries]}
        if name == "activities":
            return {"activities": self._emulator.activities}
        if name == "messages":
            conversation = request.query_params.get("conversation", "")
            try:
                return {"messages": self._emulator.messages(conversation)}
            except ValueError as error:
                raise resource_not_found(str(error)) from None
        raise resource_not_found()

    async def _post(self, name: str, request: Request) -> dict[str, Any]:
        # Browsers do not send JSON to another site without a preflight request.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise bad_request("The content-type must be application/json")
        body = parse_object(await read_content(request))
        if name in actions.all:
            return self._perform(name, body)
        if name == "fail":
            reject(FAIL.problems(body, ""))
            self._emulator.fail(**body)
        elif name == "recover":
            self._emulator.recover()
        elif name == "drain":
            await self._drain()
        else:
            raise resource_not_found()
        return {}

    async def _drain(self) -> None:
        try:
            await self._emulator.drain()
        except TimeoutError:
            raise ApiError(504, "gateway_timeout", "Deliveries are still in flight") from None
