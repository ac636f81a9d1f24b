"""Driving an emulator over HTTP: acting as the end user, causing trouble, looking inside."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from sunco.emulator.end_users.actions import ACTS
from sunco.emulator.errors import ApiError, bad_request, json_answer, refuse, resource_not_found
from sunco.emulator.http.bodies import parse_object, read_content
from sunco.emulator.schemas.common import ANY_TEXT, FLAG
from sunco.emulator.schemas.schema import Number, Object, at_least_one

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from sunco.emulator import Emulator

FAIL = Object(
    {
        "next": Number(least=1, whole=True),
        "method": ANY_TEXT,
        "path": ANY_TEXT,
        "status": Number(least=200, most=599, whole=True),
        "retry_after": ANY_TEXT,
        "html": FLAG,
        "reset": FLAG,
        "latency": Number(least=0, most=60),
        "applied": FLAG,
    },
    rules=(at_least_one("status", "reset", "latency"),),
)


class Control:
    """The ASGI app under `/_emulator`.

    Args:
        emulator: What it drives.
        act: Performs an act of an end user.
    """

    def __init__(
        self, emulator: Emulator, act: Callable[[str, dict[str, Any]], dict[str, Any]]
    ) -> None:
        self._emulator = emulator
        self._act = act

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        try:
            answer = json_answer(await self._answer(request))
        except ApiError as error:
            answer = error.answer()
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> dict[str, Any]:
        name = request.path_params["name"]
        if request.method == "GET":
            return self._look(name, request)
        if request.method == "POST":
            return await self._do(name, request)
        raise ApiError(405, "method_not_allowed", "Method not allowed")

    def _look(self, name: str, request: Request) -> dict[str, Any]:
        if name == "deliveries":
            return {"deliveries": [asdict(one) for one in self._emulator.deliveries]}
        if name == "messages":
            conversation = request.query_params.get("conversation", "")
            try:
                return {"messages": self._emulator.messages(conversation)}
            except ValueError as error:
                raise resource_not_found(str(error)) from None
        raise resource_not_found()

    async def _do(self, name: str, request: Request) -> dict[str, Any]:
        # A browser lets no other site send JSON here without asking first.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise bad_request("The content-type must be application/json")
        body = parse_object(await read_content(request))
        if name in ACTS:
            return self._act(name, body)
        if name == "fail":
            refuse(FAIL.problems(body, ""))
            self._emulator.fail(**{key: body[key] for key in FAIL.fields if key in body})
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
            raise ApiError(504, "gateway_timeout", "Deliveries are still under way") from None
