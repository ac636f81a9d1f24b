"""Fault injection: error responses, latency and broken connections on demand."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from anyio import sleep

from sunco.emulator.errors import ApiError

if TYPE_CHECKING:
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
    """A fault for some requests.

    Args:
        remaining: For how many requests; None for all.
        method: Their method, None for any.
        path: Their path; `*` matches anything.
        status: The status of the response.
        retry_after: The `Retry-After` header of the response.
        html: Whether the response is HTML, as from a gateway.
        reset: Whether the connection is broken.
        latency: The delay before anything else, in seconds.
        applied: Whether the request takes effect before the fault.
    """

    remaining: int | None = 1
    method: str | None = None
    path: str = "*"
    status: int | None = None
    retry_after: str | None = None
    html: bool = False
    reset: bool = False
    latency: float = 0.0
    applied: bool = False

    def matches(self, method: str, path: str) -> bool:
        """Whether it is for this request."""
        return self.method in (None, method) and fnmatchcase(path, self.path)

    async def before(self, send: Send) -> None:
        """Wait, and fail before the request takes effect.

        Raises:
            ApiError: The error response.
            ConnectionResetError: The connection is broken.
        """
        if self.latency:
            await sleep(self.latency)
        if not self.applied:
            await self._fail(send)

    async def after(self, send: Send) -> None:
        """Fail after the request has taken effect; see `before`."""
        if self.applied:
            await self._fail(send)

    async def _fail(self, send: Send) -> None:
        if self.reset:
            # A response that is started and never finished makes any server close the connection.
            headers = [(b"content-length", b"1")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            raise ConnectionResetError("The connection is broken by fault injection")
        if self.status is not None:
            code = CODES.get(self.status, "error")
            title = code.replace("_", " ").capitalize()
            response_headers = {} if self.retry_after is None else {"retry-after": self.retry_after}
            raise ApiError(self.status, code, title, headers=response_headers, html=self.html)


class FaultInjector:
    """The active faults; the oldest one that matches a request is used."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        self._faults.append(fault)

    @property
    def active(self) -> list[dict[str, Any]]:
        """The active faults as JSON values, the oldest first."""
        return [asdict(fault) for fault in self._faults]

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for a request, None if there is none."""
        for fault in self._faults:
            if fault.matches(method, path):
                if fault.remaining is not None:
                    fault.remaining -= 1
                    if fault.remaining < 1:
                        self._faults.remove(fault)
                return fault
        return None
