"""The one place where policy meets I/O: credentials, retries, errors, reading answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any, TypeVar, cast

import anyio
import attrs

from sunco import codec, wire
from sunco._version import __version__
from sunco.auth import Auth
from sunco.errors import (
    APIConnectionError,
    APIStatusError,
    DecodeError,
    NotFoundError,
    RateLimitError,
    SuncoError,
)
from sunco.models.pages import Links, Listing, Meta
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
        budget: What may be spent on that; shared by all copies of a client.
        jitter: Where random numbers from 0 to 1 come from.
    """

    transport: Transport
    auth: Auth
    base_url: str
    app_id: str | None
    timeout: float | None
    retry: RetryPolicy
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
            body: What to send as JSON: a mapping or model; models in it are written as well.
            ids: What the operation's path asks for; the app's id is filled in.
        """

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
        path = wire.expand_path(operation.path, {"app_id": self.app_id, **ids})
        request = self.request(operation.method, path, params=params, body=body)
        return await self.send(
            request, read, repeatable=operation.repeatable, removes=operation.removes
        )

    def request(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> Request:
        """Build a request for a path behind the base URL; `body` goes out as JSON."""
        query = wire.encode_query(params)
        separator = "&" if "?" in path else "?"
        return Request(
            method,
            f"{self.base_url}{path}{separator}{query}" if query else self.base_url + path,
            _HEADERS if body is None else _JSON_HEADERS,
            None if body is None else codec.encode(body, read_only=False),
            self.timeout,
        )

    async def send(
        self,
        request: Request,
        read: Callable[[Response], R],
        *,
        repeatable: bool,
        removes: bool = False,
    ) -> R:
        """Send a request, again where the policy says so, and read its 2xx answer.

        Args:
            request: The request, not signed yet.
            read: Makes of the answer what is returned.
            repeatable: Whether doing it twice is the same as doing it once.
            removes: Whether a 404 after an uncertain try means that the try has done it.

        Raises:
            SuncoError: As the answer, or its absence, has it.
        """
        began = anyio.current_time()
        uncertain = False
        attempt = 0
        while True:
            attempt += 1
            try:
                response = await self._attempt(request, began)
            except NotFoundError as error:
                if removes and uncertain:
                    return read(Response(200, error.headers, b"{}"))
                _add_context(error, request, attempt)
                raise
            except (APIConnectionError, APIStatusError) as error:
                failure = error
            except SuncoError as error:
                _add_context(error, request, attempt)
                raise
            else:
                return _read(response, read, request, attempt)
            delay = self._delay(failure, attempt, anyio.current_time() - began, repeatable)
            uncertain = uncertain or _may_have_worked(failure)
            if delay is None:
                if isinstance(failure, APIConnectionError):
                    failure.maybe_delivered = uncertain
                _add_context(failure, request, attempt)
                raise failure
            await anyio.sleep(delay)

    async def _attempt(self, request: Request, began: float) -> Response:
        timeout = request.timeout
        if self.retry.deadline is not None:
            left = max(0.0, began + self.retry.deadline - anyio.current_time())
            timeout = left if timeout is None else min(timeout, left)
        headers = Headers(request.headers) | await self.auth.headers()
        response = await self.transport.send(
            attrs.evolve(request, headers=headers, timeout=timeout)
        )
        if not 200 <= response.status < 300:  # noqa: PLR2004 - the class of successes
            raise wire.status_error(request, response, datetime.now(UTC))
        self.budget.earn()
        return response

    def _delay(
        self,
        failure: APIConnectionError | APIStatusError,
        attempt: int,
        elapsed: float,
        repeatable: bool,  # noqa: FBT001 - passed on as it came
    ) -> float | None:
        status = failure.status if isinstance(failure, APIStatusError) else None
        maybe_delivered = isinstance(failure, APIConnectionError) and failure.maybe_delivered
        if not self.retry.retryable(
            status=status, maybe_delivered=maybe_delivered, repeatable=repeatable
        ):
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


def _may_have_worked(failure: APIConnectionError | APIStatusError) -> bool:
    if isinstance(failure, APIConnectionError):
        return failure.maybe_delivered
    return failure.status in TRANSIENT


def _asked_to_wait(failure: APIConnectionError | APIStatusError) -> float | None:
    if isinstance(failure, APIConnectionError):
        return None
    return wire.retry_after(failure.headers, datetime.now(UTC))
