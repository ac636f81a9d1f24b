"""The control API: actions, fault injection, deliveries, the clock and the state over HTTP."""

from __future__ import annotations

import ipaddress
import re
import secrets
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from sunco.emulator.errors import ApiError, bad_request, forbidden, reject, resource_not_found
from sunco.emulator.http.bodies import parse_object, read_content
from sunco.emulator.http.control.table import CONTROLS, Control, list_controls, read_query
from sunco.emulator.http.responses import error_response, json_response

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from sunco.emulator.http.control.feed import ChangeFeed

# An IPv6 address in brackets, or a name; perhaps a port.
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/@]+)(?::[0-9]+)?")
LOCAL_HOSTS = frozenset({"localhost", "emulator", "testserver"})


class ControlApi:
    """The ASGI app under `/_emulator`.

    Browsers are recognized by their `Origin` header: what they send must come from the console,
    which has the token. The name in `Host` must be known, so that no other site can reach the
    emulator by a name that it controls.

    Args:
        call: Performs a control, by name and arguments, with the base URL of the request.
        feed: The changes of the emulator.
        hosts: Further host names that the emulator is reached by.
    """

    def __init__(
        self,
        call: Callable[[Control, Mapping[str, Any], str], Any],
        feed: ChangeFeed,
        *,
        hosts: Collection[str] = (),
    ) -> None:
        self.token: str = secrets.token_urlsafe(24)
        self._call = call
        self._feed = feed
        self._hosts = LOCAL_HOSTS | frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        request = Request(scope, receive)
        try:
            self.check(request)
            response = await self._respond(request)
        except ApiError as error:
            response = error_response(error)
        await response(scope, receive, send)

    def check(self, request: Request) -> None:
        """Reject requests by unknown host names, and of other sites.

        Raises:
            ApiError: 403.
        """
        host = _HOST.fullmatch(request.headers.get("host", "").lower())
        if not host or not self._is_known(host[1].strip("[]")):
            raise forbidden()
        from_browser = "origin" in request.headers and request.method != "GET"
        token = request.headers.get("x-emulator-token", "")
        if from_browser and not secrets.compare_digest(token.encode(), self.token.encode()):
            raise forbidden()

    def _is_known(self, name: str) -> bool:
        if name in self._hosts or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    async def _respond(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == "":
            return json_response(list_controls())
        if name == "events":
            headers = {"cache-control": "no-store"}
            return StreamingResponse(
                self._feed.follow(), headers=headers, media_type="text/event-stream"
            )
        control = CONTROLS.get((request.method, name))
        if control is None:
            if any(known == name for _, known in CONTROLS):
                raise ApiError(405, "method_not_allowed", "Method not allowed")
            raise resource_not_found()
        arguments = await _arguments(control, request)
        reject(control.schema.problems(arguments, ""))
        # The file is on the emulator's machine, so only programs of that machine may name it.
        if "path" in arguments.get("file", {}) and not _is_loopback(request):
            raise forbidden()
        try:
            result = self._call(control, arguments, f"{request.base_url}".rstrip("/"))
            result = await result if hasattr(result, "__await__") else result
        except TimeoutError:
            raise ApiError(504, "gateway_timeout", "Deliveries are still in flight") from None
        except LookupError as error:
            raise resource_not_found(str(error.args[0])) from None
        except ValueError as error:
            raise bad_request(str(error)) from None
        return json_response({} if result is None else result)


def _is_loopback(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


async def _arguments(control: Control, request: Request) -> dict[str, Any]:
    if control.method == "GET":
        return read_query(control, request.query_params)
    # Browsers do not send JSON to another site without a preflight request.
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise bad_request("The content-type must be application/json")
    content = await read_content(request, control.max_bytes)
    return parse_object(content) if content else {}
