"""Registering handlers, and finding those of an event."""

from __future__ import annotations

import difflib
import inspect
import math
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, TypeVar, get_args, overload

import attrs

from sunco._literals import check_value, known_values
from sunco.errors import ConfigurationError
from sunco.models.content import Content, TextMessage, UnknownContent
from sunco.models.events import (
    ConversationMessageEvent,
    ConversationPostbackEvent,
    Event,
    UnknownEvent,
    WebhookEvent,
)
from sunco.models.webhooks import Trigger
from sunco.webhooks.context import Context

__all__ = [
    "ErrorHandler",
    "EventHandlers",
    "Handler",
    "Middleware",
    "content_is",
    "is_from_user",
    "payload_is",
    "text_matches",
]

_AnyEvent: TypeAlias = WebhookEvent | UnknownEvent
_Filter: TypeAlias = Callable[[_AnyEvent], bool]

ErrorHandler: TypeAlias = Callable[[BaseException, Any, Context], Awaitable[Any]]
Middleware: TypeAlias = Callable[
    [Any, Context, Callable[[Any, Context], Awaitable[Any]]], Awaitable[Any]
]

E = TypeVar("E", bound=_AnyEvent)
E2 = TypeVar("E2", bound=_AnyEvent)
E3 = TypeVar("E3", bound=_AnyEvent)
E4 = TypeVar("E4", bound=_AnyEvent)
_EventT_contra = TypeVar("_EventT_contra", contravariant=True)
_Any = TypeVar("_Any", bound=Callable[..., Awaitable[Any]])
_Wrapper = TypeVar("_Wrapper", bound=Middleware)
_OnError = TypeVar("_OnError", bound=ErrorHandler)

_TRIGGERS: Final = known_values(Trigger)
_CONTENT_TYPES: Final = tuple(
    str(kind.type) for kind in get_args(Content) if kind is not UnknownContent
)


class _Function(Protocol[_EventT_contra]):
    def __call__(self, event: _EventT_contra, /) -> Awaitable[Any]: ...


class _FunctionWithContext(Protocol[_EventT_contra]):
    def __call__(self, event: _EventT_contra, ctx: Context, /) -> Awaitable[Any]: ...


class _Register(Protocol[E]):
    """A decorator for a handler of one event, or of one event and its context."""

    @overload
    def __call__(self, handler: _Function[E], /) -> _Function[E]: ...

    @overload
    def __call__(self, handler: _FunctionWithContext[E], /) -> _FunctionWithContext[E]: ...


class _RegisterBatch(Protocol[E]):
    """A decorator for a handler of a batch of events."""

    @overload
    def __call__(self, handler: _Function[Sequence[E]], /) -> _Function[Sequence[E]]: ...

    @overload
    def __call__(
        self, handler: _FunctionWithContext[Sequence[E]], /
    ) -> _FunctionWithContext[Sequence[E]]: ...


def is_from_user(event: _AnyEvent) -> bool:
    """Filter for `where=`: events caused by end users, not by the business (or the bot)."""
    return event.is_from_user


def text_matches(pattern: str | re.Pattern[str], flags: int = re.IGNORECASE) -> _Filter:
    """Filter for `where=`: messages whose text matches a regular expression anywhere.

    Args:
        pattern: The expression, searched for in the text.
        flags: Flags for a pattern given as `str`.
    """
    compiled = re.compile(pattern, flags) if isinstance(pattern, str) else pattern

    def matches(event: _AnyEvent) -> bool:
        content = _content(event)
        text = content.text if isinstance(content, TextMessage) else None
        return bool(text) and compiled.search(text or "") is not None

    return matches


def payload_is(*payloads: str) -> _Filter:
    """Filter for `where=`: taps on a `Postback` or `Reply` button with one of these payloads.

    Args:
        payloads: The payloads.
    """

    def matches(event: _AnyEvent) -> bool:
        if isinstance(event, ConversationPostbackEvent):
            postback = event.payload.postback
            return postback is not None and postback.payload in payloads
        return getattr(_content(event), "payload", None) in payloads

    return matches


def content_is(*kinds: type[Content] | str) -> _Filter:
    """Filter for `where=`: messages with content of one of these kinds.

    Args:
        kinds: Classes (`ImageMessage`) or types (`"image"`).

    Raises:
        ConfigurationError: A type is misspelt.
    """
    for kind in kinds:
        if not isinstance(kind, type):
            check_value("The type of content", kind, _CONTENT_TYPES)
    classes = tuple(kind for kind in kinds if isinstance(kind, type))

    def matches(event: _AnyEvent) -> bool:
        content = _content(event)
        return isinstance(content, classes) or getattr(content, "type", None) in kinds

    return matches


def _content(event: _AnyEvent) -> object:
    return event.message.content if isinstance(event, ConversationMessageEvent) else None


@attrs.frozen(eq=False)
class Handler:
    """A registered function.

    Attributes:
        call: The function.
        kinds: Event classes and triggers; empty for all events.
        where: The filter, if there is one.
        debounce: Seconds without a new event after which a batch is handled; None for one event at
            a time.
        max_attempts: The maximum number of attempts; None for the router's.
        timeout: Seconds that a call may take; None for the router's.
        name: The name under which its success is recorded: the same after a restart.
        takes_context: Whether the function takes a context.
        middleware: The middleware around it, the outermost first.
        error_handlers: The functions called with its errors, the innermost first.
    """

    call: Callable[..., Awaitable[Any]]
    kinds: Sequence[type[Any] | str]
    where: Callable[[Any], bool] | None
    debounce: float | None
    max_attempts: int | None
    timeout: float | None
    name: str
    takes_context: bool
    middleware: Sequence[Middleware] = ()
    error_handlers: Sequence[ErrorHandler] = ()

    def is_for(self, event: Event) -> bool:
        """Whether it handles events of this kind."""
        return not self.kinds or any(_matches(kind, event) for kind in self.kinds)


def _matches(kind: type[Any] | str, event: Event) -> bool:
    if isinstance(kind, str):
        # An event that could not be read is not what a handler of its trigger expects.
        readable = not isinstance(event, UnknownEvent) or event.error is None
        return event.type == kind and readable
    return isinstance(event, kind)


class _Registrations:
    """Counts registrations anywhere, so that cached lists of handlers can be invalidated."""

    count = 0


_registrations = _Registrations()


class EventHandlers:
    """Handlers to include in a `WebhookRouter`, for bots that span several modules."""

    def __init__(self) -> None:
        self._own: list[Handler] = []
        self._included: list[EventHandlers] = []
        self._middleware: list[Middleware] = []
        self._error_handlers: list[ErrorHandler] = []
        self._found: Sequence[Handler] = ()
        self._by_kind: dict[type[Event], Sequence[Handler]] = {}
        self._as_of = -1

    @overload
    def on(
        self,
        *,
        where: Callable[[Event], bool] | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> _Register[Event]: ...

    @overload
    def on(
        self,
        *,
        where: Callable[[Event], bool] | None = None,
        debounce: float,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> _RegisterBatch[Event]: ...

    @overload
    def on(
        self,
        kind: type[E],
        /,
        *,
        where: Callable[[E], bool] | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> _Register[E]: ...

    @overload
    def on(
        self,
        kind: type[E],
        /,
        *,
        where: Callable[[E], bool] | None = None,
        debounce: float,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> _RegisterBatch[E]: ...

    @overload
    def on(
        self,
        kind: type[E],
        kind2: type[E2],
        /,
        *,
        where: Callable[[E | E2], bool] | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> _Register[E | E2]: ...

    @overload
    def on(
        self,
        kind: type[E],
        kind2: type[E2],
        /,
        *,
        where: Callable[[E | E2], bool] | None = None,
        debounce: float,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> _RegisterBatch[E | E2]: ...

    @overload
    def on(
        self,
        kind: type[E],
        kind2: type[E2],
        kind3: type[E3],
        /,
        *,
        where: Callable[[E | E2 | E3], bool] | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> _Register[E | E2 | E3]: ...

    @overload
    def on(
        self,
        kind: type[E],
        kind2: type[E2],
        kind3: type[E3],
        kind4: type[E4],
        /,
        *,
        where: Callable[[E | E2 | E3 | E4], bool] | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> _Register[E | E2 | E3 | E4]: ...

    @overload
    def on(
        self,
        kind: Trigger,
        /,
        *kinds: type[_AnyEvent] | Trigger,
        where: Callable[[Any], bool] | None = None,
        debounce: float | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> Callable[[_Any], _Any]: ...

    @overload
    def on(
        self,
        kind: type[_AnyEvent],
        trigger: Trigger,
        /,
        *kinds: type[_AnyEvent] | Trigger,
        where: Callable[[Any], bool] | None = None,
        debounce: float | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> Callable[[_Any], _Any]: ...

    @overload
    def on(
        self,
        kind: type[_AnyEvent],
        kind2: type[_AnyEvent],
        kind3: type[_AnyEvent] | Trigger,
        kind4: type[_AnyEvent] | Trigger,
        kind5: type[_AnyEvent] | Trigger,
        /,
        *kinds: type[_AnyEvent] | Trigger,
        where: Callable[[Any], bool] | None = None,
        debounce: float | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
    ) -> Callable[[_Any], _Any]: ...

    @overload
    def on(
        self,
        *kinds: type[_AnyEvent] | str,
        where: Callable[[Any], bool] | None = None,
        debounce: float | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
        unknown_ok: bool,
    ) -> Callable[[_Any], _Any]: ...

    def on(
        self,
        *kinds: Any,
        where: Callable[[Any], bool] | None = None,
        debounce: float | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
        unknown_ok: bool = False,
    ) -> Any:
        """Register an async function that takes an event, or an event and a `Context`.

        The handlers of an event are called one after another in the order of registration, each
        until it has succeeded once: a failure does not keep the others from being called, and the
        next attempt calls only those that have not succeeded. Return values are ignored.

        Args:
            kinds: Event classes (`ConversationMessageEvent`, or `WebhookEvent` for all known ones)
                and triggers (`"conversation:message"`). Without any, the handler gets every
                event, including unknown and unreadable ones (`UnknownEvent`). By trigger, a
                handler gets no unreadable events.
            where: A plain function; only events for which it returns true are handled.
            debounce: Handle events of an ordering key in batches: the function takes a list of
                events, and is called when none has arrived for this many seconds, when the first
                has waited ten times as long (without an inbox, half the handler timeout), or when
                there are 100. None of them is handled before the function has returned.
            max_attempts: How often the function is called for an event; the router's by default.
            timeout: Seconds that a call may take; the router's by default.
            unknown_ok: Accept triggers that this version does not know.

        Raises:
            ConfigurationError: The function is not async or takes other arguments, the filter is
                async, a trigger is unknown, or a number is not positive.
        """
        _check(kinds, where, debounce, max_attempts, timeout, unknown_ok=unknown_ok)

        def register(call: Any) -> Any:
            name = f"{getattr(call, '__module__', '')}.{getattr(call, '__qualname__', '')}"
            _check_async(call, f"The handler {name}")
            takes_context = _takes_context(call, name)
            self._add(
                Handler(call, kinds, where, debounce, max_attempts, timeout, name, takes_context)
            )
            return call

        return register

    def on_error(self, function: _OnError) -> _OnError:
        """Register an async function `(error, event, ctx)` called after each failed attempt.

        It is called for the handlers of these `EventHandlers` and those included in them; `event`
        is a list for handlers of batches. It may raise `DeadLetter` or `RetryLater` to decide what
        happens next; any other error is logged. What it returns is ignored.

        Raises:
            ConfigurationError: The function is not async.
        """
        _check_async(function, "The error handler")
        self._error_handlers.append(function)
        _registrations.count += 1
        return function

    def middleware(self, function: _Wrapper) -> _Wrapper:
        """Register an async function `(event, ctx, call_next)` that wraps handlers.

        It wraps the handlers of these `EventHandlers` and those included in them, and calls
        `await call_next(event, ctx)`. The first one registered is the outermost.

        Raises:
            ConfigurationError: The function is not async.
        """
        _check_async(function, "The middleware")
        self._middleware.append(function)
        _registrations.count += 1
        return function

    def include(self, other: EventHandlers) -> None:
        """Call the handlers of others after these, including those registered later.

        Args:
            other: Handlers, or a router; a router's secret and inbox are not used.

        Raises:
            ConfigurationError: They include these in turn.
        """
        if other.includes(self):
            raise ConfigurationError("These handlers include each other in a circle.")
        self._check_all(other.handlers)
        self._included.append(other)
        _registrations.count += 1

    @property
    def handlers(self) -> Sequence[Handler]:
        """All handlers in the order in which they are called, with unique names."""
        if self._as_of != _registrations.count:
            included = [each for other in self._included for each in other.handlers]
            self._found = _with_unique_names(
                attrs.evolve(
                    each,
                    middleware=(*self._middleware, *each.middleware),
                    error_handlers=(*each.error_handlers, *self._error_handlers),
                )
                for each in (*self._own, *included)
            )
            self._by_kind = {}
            self._as_of = _registrations.count
        return self._found

    def for_kind(self, event: Event) -> Sequence[Handler]:
        """The handlers of an event's kind, regardless of filters."""
        handlers = self.handlers
        if isinstance(event, UnknownEvent):
            return [handler for handler in handlers if handler.is_for(event)]
        found = self._by_kind.get(type(event))
        if found is None:
            found = [handler for handler in handlers if handler.is_for(event)]
            self._by_kind[type(event)] = found
        return found

    def select(self, event: Event) -> Mapping[str, Handler]:
        """The handlers of an event by name; a function registered twice is called once.

        Raises:
            BaseException: An error of a filter.
        """
        found: dict[str, Handler] = {}
        for handler in self.for_kind(event):
            if (handler.where is None or handler.where(event)) and handler.name not in found:
                found[handler.name] = handler
        return found

    def includes(self, other: EventHandlers) -> bool:
        """Whether these are the others, or include them."""
        return other is self or any(each.includes(other) for each in self._included)

    def _add(self, handler: Handler) -> None:
        self._check_all([handler])
        self._own.append(handler)
        _registrations.count += 1

    def _check_all(self, handlers: Sequence[Handler]) -> None:
        """Reject handlers that cannot work here; overridden by routers."""


def _with_unique_names(handlers: Iterable[Handler]) -> Sequence[Handler]:
    named: list[Handler] = []
    functions: dict[str, list[Any]] = {}
    for handler in handlers:
        same_name = functions.setdefault(handler.name, [])
        if handler.call not in same_name:
            same_name.append(handler.call)
        number = same_name.index(handler.call) + 1
        name = handler.name if number == 1 else f"{handler.name}#{number}"
        named.append(attrs.evolve(handler, name=name))
    return named


def _check(
    kinds: Sequence[object],
    where: object,
    debounce: float | None,
    max_attempts: int | None,
    timeout: float | None,
    *,
    unknown_ok: bool,
) -> None:
    for kind in kinds:
        _check_kind(kind, unknown_ok=unknown_ok)
    if where is not None and (not callable(where) or _is_async(where)):
        raise ConfigurationError("A filter is a plain function of the event, and not async.")
    for name, number in (("debounce", debounce), ("timeout", timeout)):
        if number is not None and not 0 < number < math.inf:
            raise ConfigurationError(f"{name} must be a number of seconds greater than 0.")
    if max_attempts is not None and max_attempts < 1:
        raise ConfigurationError("max_attempts must be 1 or more.")


def _check_kind(kind: object, *, unknown_ok: bool) -> None:
    is_event = isinstance(kind, type) and issubclass(kind, _AnyEvent)
    if not (is_event or (isinstance(kind, str) and kind)):
        raise ConfigurationError("A handler is registered for event classes or triggers.")
    if isinstance(kind, str) and kind not in _TRIGGERS and not unknown_ok:
        nearest = difflib.get_close_matches(kind, _TRIGGERS, 1, 0.0)[0]
        raise ConfigurationError(
            f"There is no trigger {kind!r}. Did you mean {nearest!r}? For a trigger that is newer "
            "than this version, pass unknown_ok=True."
        )


def _check_async(function: Any, what: str) -> None:
    if not _is_async(function):
        raise ConfigurationError(
            f"{what} is not async: write it with `async def`, and call blocking functions through "
            "anyio.to_thread.run_sync."
        )


def _is_async(call: Any) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        getattr(call, "__call__", None)  # noqa: B004 - whether calling it returns an awaitable
    )


def _takes_context(call: Any, name: str) -> bool:
    parameters = list(inspect.signature(call).parameters.values())
    positional = [each for each in parameters if each.kind <= each.POSITIONAL_OR_KEYWORD]
    required = [each for each in positional if each.default is each.empty]
    keywords = [
        each.name
        for each in parameters
        if each.kind is each.KEYWORD_ONLY and each.default is each.empty
    ]
    takes_any = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    if len(required) > 2 or keywords or not (positional or takes_any):  # noqa: PLR2004
        raise ConfigurationError(
            f"The handler {name} takes {', '.join(each.name for each in parameters) or 'nothing'}: "
            "it is called with (event) or with (event, ctx)."
        )
    return len(required) == 2  # noqa: PLR2004
