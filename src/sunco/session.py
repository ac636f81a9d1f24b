"""The one place where policy meets I/O: credentials, retries, errors, reading answers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any, TypeVar, cast

import anyio
import attrs

from sunco import observe, wire
from sunco._version import __version__
from sunco.auth import Auth
from sunco.errors import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    DecodeError,
    NotFoundError,
    RateLimitError,
    SuncoError,
)
from sunco.models.pages import Links, Listing, Meta
from sunco.multipart import Multipart
from sunco.observe import Observer, Report
from sunco.ratelimit import Limiter
from sunco.retry import TRANSIENT, RetryBudget, RetryPolicy
from sunco.transport import Transport
from sunco.wire import Headers, Operation, Request, Response

__all__ = ["Session"]

T = TypeVar("T")
R = TypeVar("R")

_HEADERS = Headers({"Accept": "application/json", "User-Agent": f"sunco/{__version__}"})
_JSON_HEADERS = _HEADERS | {"Content-Type": "application/json"}


@attrs.frozen(kw_only=True)
class Session:
    """What all resources of a client share.

    Attributes:
        transport: What carries the requests.
        auth: What signs them.
        base_url: What their paths are put behind.
        app_id: The app that app-wide operations work on.
        timeout: Seconds that an attempt may take; None for no limit.
        retry: When to try again.
        limiter: What every try waits for, if anything.
        observers: Who is told what happens.
        budget: What may be spent on retries; shared by all copies of a client.
        jitter: Where random numbers from 0 to 1 come from.
    """

    transport: Transport
    auth: Auth
    base_url: str
    app_id: str | None
    timeout: float | None
    retry: RetryPolicy
    limiter: Limiter | None = None
    observers: tuple[Observer, ...] = ()
    budget: RetryBudget = attrs.field(factory=RetryBudget)
    jitter: Callable[[], float] = random.random

    async def call(
        self,
        operation: Operation[T],
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        **ids: str | None,
    ) -> T:
        """Carry out an operation and read its answer.

        Args:
            operation: Which.
            params: The query, objects as mappings.
            body: What to send: a mapping or model as JSON, or a file as it is.
            ids: What the operation's path asks for; the app's id is filled in.
        """
        from sunco import codec  # noqa: PLC0415 - cattrs takes a while to load

        def read(response: Response) -> T:
            if operation.into is NoneType:
                return cast("T", None)
            return codec.decode(response.content, operation.into, key=operation.key)

        return await self._carry_out(operation, read, params, body, ids)

    async def list_page(
        self,
        operation: Operation[list[T]],
        *,
        params: Mapping[str, Any] | None = None,
        **ids: str | None,
    ) -> Listing[T]:
        """Carry out an operation that answers one page of a list; see `call`."""
        from sunco import codec  # noqa: PLC0415 - as above

        def read(response: Response) -> Listing[T]:
            document = cast("dict[str, Any]", response.json())
            return Listing(
                codec.structure(document, operation.into, key=operation.key),
                # The line above has seen to it that the document is an object.
                codec.structure(document.get("meta") or {}, Meta, at="meta"),
                codec.structure(document.get("links") or {}, Links, at="links"),
            )

        return await self._carry_out(operation, read, params, None, ids)

    async def _carry_out(
        self,
        operation: Operation[Any],
        read: Callable[[Response], R],
        params: Mapping[str, Any] | None,
        body: Any,
        ids: Mapping[str, str | None],
    ) -> R:
        request = self.request(operation, params=params, body=body, **ids)
        return await self.send(request, read, operation)

    def request(
        self,
        operation: Operation[Any],
        *,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        **ids: str | None,
    ) -> Request:
        """Build an operation's request; see `call`."""
        path = wire.expand_path(operation.path, {"app_id": self.app_id, **ids})
        base_url = wire.oauth_url(self.base_url) if operation.at_oauth_host else self.base_url
        return self._build(operation.method, base_url + path, params, body)

    async def fetch(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> Response:
        """Call an endpoint that is no operation; the path goes behind the base URL as it is."""
        operation = Operation("", method, path, Response)
        request = self._build(method, self.base_url + path, params, body)
        return await self.send(request, lambda response: response, operation)

    def _build(self, method: str, url: str, params: Mapping[str, Any] | None, body: Any) -> Request:
        query = wire.encode_query(params)
        if query:
            url = f"{url}{'&' if '?' in url else '?'}{query}"
        if body is None:
            return Request(method, url, _HEADERS, None, self.timeout)
        if isinstance(body, Multipart):
            return Request(method, url, _HEADERS | body.headers, body, self.timeout)
        from sunco import codec  # noqa: PLC0415 - as above

        content = codec.encode(body, read_only=False)
        return Request(method, url, _JSON_HEADERS, content, self.timeout)

    async def send(
        self,
        request: Request,
        read: Callable[[Response], R],
        operation: Operation[Any],
    ) -> R:
        """Send a request, again where the policy says so, and read its 2xx answer.

        Args:
            request: The request, not signed yet.
            read: Makes of the answer what is returned.
            operation: What it carries out.

        Raises:
            SuncoError: As the answer, or its absence, has it.
        """
        report = observe.report_on(
            self.observers, operation.name or None, request.method, request.url
        )
        try:
            return await self._try(request, read, operation, report)
        except BaseException as error:
            report.gave_up(error)
            raise

    async def _try(
        self,
        request: Request,
        read: Callable[[Response], R],
        operation: Operation[Any],
        report: Report,
    ) -> R:
        await self._wait_for_turn(report, math.inf)
        began = anyio.current_time()
        uncertain = False
        attempt = 0
        failure: APIConnectionError | APIStatusError | None = None
        while True:
            attempt += 1
            try:
                response = await self._attempt(request, operation, began, report)
            except NotFoundError as error:
                if operation.removes and uncertain:
                    return read(Response(200, error.headers, b"{}"))
                _add_context(error, request, attempt)
                raise
            except (APIConnectionError, APIStatusError) as error:
                failure = error
            except SuncoError as error:
                if failure is not None and isinstance(error, ConfigurationError):
                    # It was closed meanwhile: nothing was sent this time, but something before.
                    raise _final(failure, request, attempt - 1, uncertain=uncertain) from None
                _add_context(error, request, attempt)
                raise
            else:
                return _read(response, read, request, attempt)
            self._slow_down(failure)
            delay = self._delay(failure, request, operation, attempt, anyio.current_time() - began)
            uncertain = uncertain or _may_have_worked(failure)
            if delay is not None:
                report.retrying(failure, delay)
                await anyio.sleep(delay)
                if await self._wait_for_turn(report, began + (self.retry.deadline or math.inf)):
                    continue
            raise _final(failure, request, attempt, uncertain=uncertain)

    async def _wait_for_turn(self, report: Report, until: float) -> bool:
        if self.limiter is None:
            return True
        with anyio.CancelScope(deadline=until):
            waited = await self.limiter.acquire()
            if waited:
                report.limited(waited)
            return True
        return False

    def _slow_down(self, failure: APIConnectionError | APIStatusError) -> None:
        if self.limiter is not None and isinstance(failure, RateLimitError):
            self.limiter.slow_down(min(failure.retry_after or 0.0, self.retry.max_wait))

    async def _attempt(
        self, request: Request, operation: Operation[Any], began: float, report: Report
    ) -> Response:
        timeout = request.timeout
        if self.retry.deadline is not None:
            left = max(0.0, began + self.retry.deadline - anyio.current_time())
            timeout = left if timeout is None else min(timeout, left)
        headers = request.headers
        if operation.signed:
            headers = Headers(headers) | await self.auth.headers()
        report.sent()
        response = await self.transport.send(
            Request(request.method, request.url, headers, request.content, timeout)
        )
        report.answered(response.status)
        if not 200 <= response.status < 300:  # noqa: PLR2004 - the class of successes
            raise wire.status_error(request, response, datetime.now(UTC))
        self.budget.earn()
        return response

    def _delay(
        self,
        failure: APIConnectionError | APIStatusError,
        request: Request,
        operation: Operation[Any],
        attempt: int,
        elapsed: float,
    ) -> float | None:
        status = failure.status if isinstance(failure, APIStatusError) else None
        maybe_delivered = isinstance(failure, APIConnectionError) and failure.maybe_delivered
        retryable = self.retry.retryable(
            status=status, maybe_delivered=maybe_delivered, repeatable=operation.repeatable
        )
        if not retryable or not wire.can_be_sent_again(request):
            return None
        delay = self.retry.delay(
            attempt=attempt,
            elapsed=elapsed,
            retry_after=_asked_to_wait(failure),
            jitter=self.jitter(),
        )
        # A server that says "not so fast" is well: waiting for it multiplies no outage.
        if delay is None or isinstance(failure, RateLimitError) or self.budget.spend():
            return delay
        return None


def _read(response: Response, read: Callable[[Response], R], request: Request, attempt: int) -> R:
    try:
        return read(response)
    except DecodeError as error:
        error.status = response.status
        _add_context(error, request, attempt)
        raise


def _add_context(error: SuncoError, request: Request, attempts: int) -> None:
    error.method, error.path, error.attempts = request.method, request.path, attempts


def _final(
    failure: APIConnectionError | APIStatusError,
    request: Request,
    attempts: int,
    *,
    uncertain: bool,
) -> APIConnectionError | APIStatusError:
    if isinstance(failure, APIConnectionError):
        failure.maybe_delivered = uncertain
    _add_context(failure, request, attempts)
    return failure


def _may_have_worked(failure: APIConnectionError | APIStatusError) -> bool:
    if isinstance(failure, APIConnectionError):
        return failure.maybe_delivered
    return failure.status in TRANSIENT


def _asked_to_wait(failure: APIConnectionError | APIStatusError) -> float | None:
    if isinstance(failure, APIConnectionError):
        return None
    return wire.retry_after(failure.headers, datetime.now(UTC))
