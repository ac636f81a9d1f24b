"""Trouble on demand: refusals, delays and broken connections."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from anyio import sleep
from starlette.responses import HTMLResponse

from sunco.emulator.errors import ApiError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Send

CODES = {
    400: "bad_request",
    401: "unauthorized",
    402: "payment_required",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    413: "payload_too_large",
    423: "locked",
    429: "too_many_requests",
    500: "internal_error",
    502: "bad_gateway",
    503: "service_unavailable",
    504: "gateway_timeout",
}


@dataclass(slots=True)
class Fault:
    """Something that is to go wrong.

    Args:
        left: How many requests it is for; all that come, without a number.
        method: The method it is for; any without one.
        path: The path it is for, in which `*` stands for anything.
        status: The status to answer with.
        retry_after: The `Retry-After` to answer with.
        html: Whether a gateway answers, in HTML.
        reset: Whether the connection breaks.
        latency: How long to wait first, in seconds.
        applied: Whether the request takes effect all the same.
    """

    left: int | None = 1
    method: str | None = None
    path: str = "*"
    status: int | None = None
    retry_after: str | None = None
    html: bool = False
    reset: bool = False
    latency: float = 0.0
    applied: bool = False

    def is_for(self, method: str, path: str) -> bool:
        """Whether it is for this request."""
        return self.method in (None, method) and fnmatchcase(path, self.path)

    async def begin(self, send: Send) -> None:
        """Wait, and go wrong before the request takes effect."""
        if self.latency:
            await sleep(self.latency)
        if not self.applied:
            await self._happen(send)

    async def end(self, send: Send) -> None:
        """Go wrong after the request took effect."""
        if self.applied:
            await self._happen(send)

    async def _happen(self, send: Send) -> None:
        if self.reset:
            # An answer begun and never ended makes any server close the connection.
            headers = [(b"content-length", b"1")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            raise ConnectionResetError("The emulator was told to break the connection")
        if self.status is not None:
            raise RefusedError(self)


class RefusedError(ApiError):
    """The answer of a fault."""

    def __init__(self, fault: Fault) -> None:
        status = fault.status or 0
        code = CODES.get(status, "error")
        headers = {} if fault.retry_after is None else {"retry-after": fault.retry_after}
        super().__init__(status, code, code.replace("_", " ").capitalize(), headers=headers)
        self._html = fault.html

    def answer(self) -> Response:
        """The error as the platform writes it, or the gateway in front of it."""
        if not self._html:
            return super().answer()
        text = f"<html><body><h1>{self.status} {self.titles[0]}</h1></body></html>"
        return HTMLResponse(text, self.status, self.headers)


class Trouble:
    """What is still to go wrong; the oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let something go wrong."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """What goes wrong with this request."""
        for fault in self._faults:
            if fault.is_for(method, path):
                if fault.left is not None:
                    fault.left -= 1
                    if fault.left < 1:
                        self._faults.remove(fault)
                return fault
        return None
