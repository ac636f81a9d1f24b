"""Where policy meets I/O: credentials, retries, errors and the decoding of responses."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Final, TypeVar, cast

import anyio
import attrs

from sunco import observe, wire
from sunco._version import __version__
from sunco.auth import Auth
from sunco.errors import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    DecodeError,
    NotFoundError,
    RateLimitError,
    SuncoError,
)
from sunco.models.pages import Links, Listing, Meta
from sunco.multipart import Multipart
from sunco.observe import Observer, Reporter
from sunco.ratelimit import Limiter
from sunco.retry import RetryBudget, RetryPolicy
from sunco.transport import Transport
from sunco.wire import REPEATABLE_METHODS, Headers, Operation, Request, Response, Sink

__all__ = ["Session"]

T = TypeVar("T")
R = TypeVar("R")

_HEADERS: Final = Headers({"Accept": "application/json", "User-Agent": f"sunco/{__version__}"})
_JSON_HEADERS: Final = _HEADERS | {"Content-Type": "application/json"}
_DOWNLOAD_HEADERS: Final = _HEADERS | {"Accept": "*/*"}


@attrs.frozen(kw_only=True)
class Session:
    """The state that all resources of a client share.

    Attributes:
        transport: Sends the requests.
        auth: Gives the credential.
        base_url: The URL that paths are appended to.
        app_id: The app of app-wide operations.
        timeout: Seconds that an attempt may take; None for no limit.
        retry: When to retry.
        limiter: The rate limiter that each attempt waits for.
        observers: The observers of all calls.
        headers: Sent with every request.
        budget: The retry budget; shared by all copies of a client.
        jitter: Gives random numbers from 0 to 1.
    """

    transport: Transport
    auth: Auth
    base_url: str
    app_id: str | None
    timeout: float | None
    retry: RetryPolicy
    limiter: Limiter | None = None
    observers: tuple[Observer, ...] = ()
    headers: Headers = attrs.field(factory=Headers, repr=False)
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
        """Execute an operation and decode its response.

        Args:
            operation: The operation.
            params: The query, objects as mappings.
            body: A mapping or a model, which is sent as JSON, or a `Multipart`.
            ids: The ids in the operation's path; the app's id is filled in.
        """
        from sunco import codec  # noqa: PLC0415 - cattrs takes a while to load

        def read(response: Response) -> T:
            if operation.response_type is NoneType:
                return cast("T", None)
            return codec.decode(response.content, operation.response_type, key=operation.key)

        return await self._execute(operation, read, params, body, ids)

    async def list_page(
        self,
        operation: Operation[list[T]],
        *,
        params: Mapping[str, Any] | None = None,
        **ids: str | None,
    ) -> Listing[T]:
        """Execute an operation that responds with one page of a list; see `call`."""
        from sunco import codec  # noqa: PLC0415 - as above

        def read(response: Response) -> Listing[T]:
            document = cast("dict[str, Any]", response.json())
            return Listing(
                codec.structure(document, operation.response_type, key=operation.key),
                # The line above has checked that the document is an object.
                codec.structure(document.get("meta") or {}, Meta, at="meta"),
                codec.structure(document.get("links") or {}, Links, at="links"),
            )

        return await self._execute(operation, read, params, None, ids)

    async def _execute(
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
        """Call an endpoint that has no operation; the path is appended to the base URL as it is.

        A DELETE is not repeated after an unknown outcome: the path may name a collection.
        """
        repeatable = method in REPEATABLE_METHODS and method != "DELETE"
        operation = Operation("", method, path, Response, repeatable=repeatable)
        request = self._build(method, self.base_url + path, params, body)
        return await self.send(request, lambda response: response, operation)

    async def download(self, url: str, max_bytes: int, sink: Sink | None = None) -> bytes:
        """Get a file from an absolute URL.

        The credential and the client's headers are sent to the API's own origin only.

        Args:
            url: The URL, checked by the caller.
            max_bytes: The longest body that is accepted.
            sink: Takes the file; nothing is then returned.
        """
        own = wire.origin(url) == wire.origin(self.base_url)
        headers = self._with_own(_DOWNLOAD_HEADERS) if own else _DOWNLOAD_HEADERS
        request = Request("GET", url, headers, None, self.timeout, max_bytes, sink)
        operation = Operation("", "GET", request.path, Response, authenticated=own)
        content = await self.send(
            request, functools.partial(_limited_content, max_bytes), operation
        )
        if sink is not None and content:
            await sink.write(content)
            return b""
        return content

    def _build(self, method: str, url: str, params: Mapping[str, Any] | None, body: Any) -> Request:
        query = wire.encode_query(params)
        if query:
            url = f"{url}{'&' if '?' in url else '?'}{query}"
        # The constants are merged with others only if there are any: it is the most frequent case.
        if body is None:
            return Request(method, url, self._with_own(_HEADERS), None, self.timeout)
        if isinstance(body, Multipart):
            headers = self._with_own(_HEADERS) | body.headers
            return Request(method, url, headers, body, self.timeout)
        from sunco import codec  # noqa: PLC0415 - as above

        content = codec.encode(body, read_only=False)
        return Request(method, url, self._with_own(_JSON_HEADERS), content, self.timeout)

    def _with_own(self, headers: Headers) -> Headers:
        return self.headers | headers if self.headers else headers

    async def send(
        self,
        request: Request,
        read: Callable[[Response], R],
        operation: Operation[Any],
    ) -> R:
        """Send a request, retry it as the policy says, and read its 2xx response.

        Args:
            request: The request, without its credential.
            read: Converts the response to the result.
            operation: The operation.

        Raises:
            SuncoError: There was no 2xx response, or it cannot be read.
        """
        reporter = observe.reporter_for(
            self.observers, operation.name or None, request.method, request.url
        )
        call = _Call(request, operation, reporter)
        try:
            return await self._send_with_retries(call, read)
        except BaseException as error:
            if isinstance(error, SuncoError):
                call.describe(error)
            reporter.request_failed(error)
            raise

    async def _send_with_retries(self, call: _Call, read: Callable[[Response], R]) -> R:
        await self._acquire_slot(call.reporter, math.inf)
        call.started = anyio.current_time()
        failure: APIConnectionError | APIStatusError | None = None
        while True:
            try:
                response = await self._attempt(call)
            except NotFoundError as error:
                if call.operation.not_found_is_success and call.uncertain:
                    return read(Response(200, error.headers, b"{}"))
                raise
            except (APIConnectionError, APIStatusError) as error:
                failure = error
            except ConfigurationError:
                if failure is None:
                    raise
                # The client was closed between two attempts: the earlier failure is the result.
                call.attempts -= 1
                raise failure from None
            else:
                return _read(response, read)
            self._slow_down(failure)
            delay = self._delay(failure, call)
            call.uncertain = call.uncertain or failure.outcome_unknown
            if delay is not None:
                call.reporter.retry_scheduled(failure, delay)
                await anyio.sleep(delay)
                if await self._acquire_slot(call.reporter, self._deadline(call)):
                    continue
            raise failure

    def _deadline(self, call: _Call) -> float:
        return call.started + (self.retry.deadline or math.inf)

    async def _acquire_slot(self, reporter: Reporter, until: float) -> bool:
        if self.limiter is None:
            return True
        with anyio.CancelScope(deadline=until):
            waited = await self.limiter.acquire()
            if waited:
                reporter.throttled(waited)
            return True
        return False

    def _slow_down(self, failure: APIConnectionError | APIStatusError) -> None:
        if self.limiter is not None and isinstance(failure, RateLimitError):
            self.limiter.slow_down(min(failure.retry_after or 0.0, self.retry.max_wait))

    async def _attempt(self, call: _Call) -> Response:
        credential = await self._credential(call.operation)
        try:
            return await self._send_once(call, credential)
        except AuthenticationError as error:
            renewed = await self._renewed(call, credential)
            if renewed is None:
                raise
            call.reporter.retry_scheduled(error, 0.0)
            if not await self._acquire_slot(call.reporter, self._deadline(call)):
                raise
        return await self._send_once(call, renewed)

    async def _credential(self, operation: Operation[Any]) -> Headers:
        return wire.as_headers(await self.auth.headers()) if operation.authenticated else Headers()

    async def _renewed(self, call: _Call, rejected: Headers) -> Headers | None:
        """Get another credential after a 401, once for a call; None if there is no other."""
        if call.renewed or not call.operation.authenticated:
            return None
        if not wire.can_be_sent_again(call.request):
            return None
        call.renewed = True
        renew = getattr(self.auth, "renew", None)
        if renew is not None:
            await renew(rejected)
        credential = await self._credential(call.operation)
        return None if credential == rejected else credential

    async def _send_once(self, call: _Call, credential: Headers) -> Response:
        request = call.request
        timeout = request.timeout
        if self.retry.deadline is not None:
            left = max(0.0, self._deadline(call) - anyio.current_time())
            timeout = left if timeout is None else min(timeout, left)
        if request.sink is not None:
            await request.sink.restart()
        call.attempts += 1
        call.reporter.request_sent()
        response = await self.transport.send(
            Request(
                request.method,
                request.url,
                wire.as_headers(request.headers) | credential,
                request.content,
                timeout,
                request.max_response_bytes,
                request.sink,
            )
        )
        call.reporter.response_received(response.status)
        if not 200 <= response.status < 300:  # noqa: PLR2004 - the class of successes
            raise wire.status_error(request, response, datetime.now(UTC))
        self.budget.earn()
        return response

    def _delay(self, failure: APIConnectionError | APIStatusError, call: _Call) -> float | None:
        retryable = self.retry.retryable(
            status=failure.status if isinstance(failure, APIStatusError) else None,
            maybe_delivered=failure.outcome_unknown,
            repeatable=call.operation.repeatable,
        )
        if not retryable or not wire.can_be_sent_again(call.request):
            return None
        delay = self.retry.delay(
            attempt=call.attempts,
            elapsed=anyio.current_time() - call.started,
            retry_after=_retry_after(failure),
            jitter=self.jitter(),
        )
        # A server that responds 429 is up: waiting for it does not multiply an outage.
        if delay is None or isinstance(failure, RateLimitError) or self.budget.spend():
            return delay
        return None


@attrs.define
class _Call:
    """The state of a call over its attempts.

    Attributes:
        request: The request, without its credential.
        operation: The operation.
        reporter: Emits the call's events.
        started: When the first attempt started, on the event loop's clock.
        attempts: The number of attempts.
        uncertain: Whether one of the attempts may have taken effect.
        renewed: Whether the credential was renewed after a 401.
    """

    request: Request
    operation: Operation[Any]
    reporter: Reporter
    started: float = 0.0
    attempts: int = 0
    uncertain: bool = False
    renewed: bool = False

    def describe(self, error: SuncoError) -> None:
        """Add the request and what is known of its outcome to an error."""
        error.method, error.path = self.request.method, self.request.path
        error.attempts = self.attempts
        if isinstance(error, APIConnectionError):
            error.maybe_delivered = error.maybe_delivered or self.uncertain
        error.note_earlier_attempts(outcome_unknown=self.uncertain)


def _limited_content(max_bytes: int, response: Response) -> bytes:
    # The transport can be one of the user's, which ignores the request's limit.
    if len(response.content) > max_bytes:
        raise DecodeError(f"it is longer than max_bytes, {max_bytes}")
    return response.content


def _read(response: Response, read: Callable[[Response], R]) -> R:
    try:
        return read(response)
    except DecodeError as error:
        error.status = response.status
        raise


def _retry_after(failure: APIConnectionError | APIStatusError) -> float | None:
    if isinstance(failure, APIConnectionError):
        return None
    return wire.retry_after(failure.headers, datetime.now(UTC))
