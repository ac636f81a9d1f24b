"""Fault injection: error responses, rate limits, latency and broken connections on demand."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from math import ceil
from random import Random
from typing import TYPE_CHECKING, Any

from anyio import sleep

from sunco.emulator.errors import ApiError, Form

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
SECOND = timedelta(seconds=1)
MAX_LATENCY_SECONDS = 60.0
TOO_MANY_REQUESTS = 429


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
        garbage: Whether the body of the response is no JSON.
        reset: Whether the connection is broken.
        latency: The delay before anything else in seconds, or its distribution.
        applied: Whether the request takes effect before the fault.
        rate: How many requests per second do not get the fault.
    """

    remaining: int | None = 1
    method: str | None = None
    path: str = "*"
    status: int | None = None
    retry_after: str | None = None
    html: bool = False
    garbage: bool = False
    reset: bool = False
    latency: float | Mapping[str, Any] = 0.0
    applied: bool = False
    rate: int | None = None
    _admitted: deque[datetime] = field(default_factory=deque[datetime])

    def matches(self, method: str, path: str) -> bool:
        """Whether it is for this request."""
        return self.method in (None, method) and fnmatchcase(path, self.path)

    def admits(self, now: datetime) -> bool:
        """Whether a request at this time is within the rate, and does not get the fault."""
        if self.rate is None:
            return False
        admitted = self._admitted
        while admitted and not timedelta() <= now - admitted[0] < SECOND:
            admitted.popleft()
        if len(admitted) < self.rate:
            admitted.append(now)
            return True
        left = (admitted[0] + SECOND - now).total_seconds()
        self.retry_after = f"{ceil(left)}"
        return False

    def to_json(self) -> dict[str, Any]:
        """The members that are set, by the names of the arguments that set them."""
        names = ("method", "status", "retry_after", "html", "garbage", "reset", "latency")
        members = {name: getattr(self, name) for name in (*names, "applied", "rate")}
        given = {name: member for name, member in members.items() if member}
        return {"next": self.remaining, "path": self.path, **given}

    async def before(self, send: Send, random: Random) -> None:
        """Wait, and fail before the request takes effect.

        Raises:
            ApiError: The error response.
            ConnectionResetError: The connection is broken.
        """
        if self.latency:
            await sleep(_sampled(self.latency, random))
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
        if self.status is not None or self.garbage:
            status = self.status or 200
            code = CODES.get(status, "error")
            title = code.replace("_", " ").capitalize()
            response_headers = {} if self.retry_after is None else {"retry-after": self.retry_after}
            form: Form = "garbage" if self.garbage else "html" if self.html else "json"
            raise ApiError(status, code, title, headers=response_headers, form=form)


class FaultInjector:
    """The active faults; the oldest one that matches a request is used.

    Args:
        now: Returns the current time, aware.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._faults: list[Fault] = []
        # The same delays in each run.
        self.random: Random = Random(0)  # noqa: S311

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        self._faults.append(fault)

    @property
    def active(self) -> list[dict[str, Any]]:
        """The active faults as JSON values, the oldest first."""
        return [fault.to_json() for fault in self._faults]

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for a request, None if there is none."""
        for fault in self._faults:
            if fault.matches(method, path) and not fault.admits(self._now()):
                if fault.remaining is not None:
                    fault.remaining -= 1
                    if fault.remaining < 1:
                        self._faults.remove(fault)
                return fault
        return None


def _sampled(latency: float | Mapping[str, Any], random: Random) -> float:
    if isinstance(latency, int | float):
        return latency
    if latency["type"] == "uniform":
        drawn = random.uniform(latency["minimum"], latency["maximum"])
    elif latency["type"] == "normal":
        drawn = random.gauss(latency["mean"], latency["deviation"])
    else:
        drawn = random.expovariate(1 / latency["mean"])
    return min(max(drawn, 0.0), MAX_LATENCY_SECONDS)
