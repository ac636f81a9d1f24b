"""Who handles which events."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar, overload

import attrs

from sunco.errors import ConfigurationError
from sunco.models.events import Event, UnknownEvent, WebhookEvent

__all__ = ["EventHandlers", "Handler", "is_from_user"]

E = TypeVar("E", bound=WebhookEvent | UnknownEvent)
_Single = TypeVar("_Single", bound=Callable[..., Awaitable[Any]])
_EventHandler: TypeAlias = Callable[[E], Awaitable[Any]]
_BatchHandler: TypeAlias = Callable[[Sequence[E]], Awaitable[Any]]


def is_from_user(event: WebhookEvent | UnknownEvent) -> bool:
    """A filter for `where=`: what end users do, and not what the business (the bot too) does."""
    return event.is_from_user


@attrs.frozen(eq=False)
class Handler:
    """A function and the events that it is for.

    Attributes:
        call: The function.
        kind: The events' class, their trigger, or None for all.
        where: Which of them; None for all.
        debounce: Seconds of quiet after which events are handed over together; None for one at a
            time.
        name: By what it is known again after a restart.
    """

    call: Callable[[Any], Awaitable[Any]]
    kind: type[WebhookEvent | UnknownEvent] | str | None
    where: Callable[[Any], bool] | None
    debounce: float | None
    name: str

    def is_for(self, event: Event) -> bool:
        """Whether it is for events of this kind."""
        if isinstance(self.kind, str):
            # One that could not be read is not what the trigger's handler was written for.
            readable = not isinstance(event, UnknownEvent) or event.error is None
            return event.type == self.kind and readable
        return self.kind is None or isinstance(event, self.kind)


class _Registered:
    """How often a handler was registered anywhere: when to look again who there is."""

    count = 0


_registered = _Registered()


class EventHandlers:
    """Handlers of events, to be included in a `WebhookRouter`: for bots of more than one file."""

    def __init__(self) -> None:
        self._own: list[Handler] = []
        self._included: list[EventHandlers] = []
        self._found: Sequence[Handler] = ()
        self._by_kind: dict[type[Event], Sequence[Handler]] = {}
        self._as_of = -1

    @overload
    def on(self) -> Callable[[_EventHandler[Any]], _EventHandler[Any]]: ...

    @overload
    def on(
        self, kind: type[E], *, where: Callable[[E], bool] | None = None
    ) -> Callable[[_EventHandler[E]], _EventHandler[E]]: ...

    @overload
    def on(
        self, kind: type[E], *, where: Callable[[E], bool] | None = None, debounce: float
    ) -> Callable[[_BatchHandler[E]], _BatchHandler[E]]: ...

    @overload
    def on(
        self,
        kind: str | None = None,
        *,
        where: Callable[[Any], bool] | None = None,
        debounce: float | None = None,
    ) -> Callable[[_Single], _Single]: ...

    def on(
        self,
        kind: type[Any] | str | None = None,
        *,
        where: Callable[[Any], bool] | None = None,
        debounce: float | None = None,
    ) -> Any:
        """Register an async function for events. It takes the event; what it returns is ignored.

        An event can have several handlers. They are called one after another in the order in which
        they were registered, and each until it has succeeded once: one that fails keeps none of the
        others from being called, and when the event is handled again, only it is called again.

        Args:
            kind: An event's class, such as `ConversationMessageEvent`; a base class such as
                `WebhookEvent` for all that are derived from it; or a trigger,
                `"conversation:message"`. Without it, the handler gets every event, also those
                of unknown triggers and those that could not be read (`UnknownEvent`).
                By trigger, no handler gets an event that could not be read.
            where: Only events for which this plain function is true.
            debounce: Hand over together the events of a conversation that come in quick succession:
                the function then takes a list of events. They are handed over when none has come
                for this many seconds, at the latest when the first has waited ten times as long (in
                a router without an inbox, half its time limit), or when there are 100. None of them
                counts as handled before the function has returned.

        Raises:
            ConfigurationError: The function is not async, or the filter is; the debounce is not a
                positive number.
        """
        _check(kind, where, debounce)

        def register(call: Any) -> Any:
            name = f"{getattr(call, '__module__', '')}.{getattr(call, '__qualname__', '')}"
            if not _is_async(call):
                raise ConfigurationError(
                    f"The handler {name} is not async: write it with `async def`, and call what "
                    "blocks through anyio.to_thread.run_sync."
                )
            self._add(Handler(call, kind, where, debounce, name))
            return call

        return register

    def include(self, other: EventHandlers) -> None:
        """Call another's handlers too, after one's own: also those it gets later.

        Args:
            other: Handlers, or a router; of a router, neither secret nor inbox are used.

        Raises:
            ConfigurationError: They include these in turn.
        """
        if other.includes(self):
            raise ConfigurationError("These handlers include each other in a circle.")
        self._check_all(other.handlers)
        self._included.append(other)
        _registered.count += 1

    @property
    def handlers(self) -> Sequence[Handler]:
        """All handlers in the order in which they are called, different ones by different names."""
        if self._as_of != _registered.count:
            included = [each for other in self._included for each in other.handlers]
            self._found = _name_apart([*self._own, *included])
            self._by_kind = {}
            self._as_of = _registered.count
        return self._found

    def for_kind(self, event: Event) -> Sequence[Handler]:
        """The handlers of events of a kind, whatever their filters say."""
        handlers = self.handlers
        if isinstance(event, UnknownEvent):
            return [handler for handler in handlers if handler.is_for(event)]
        found = self._by_kind.get(type(event))
        if found is None:
            found = [handler for handler in handlers if handler.is_for(event)]
            self._by_kind[type(event)] = found
        return found

    def select(self, event: Event) -> Mapping[str, Handler]:
        """The handlers that an event is for, by name; a function registered twice is called once.

        Raises:
            Exception: Whatever a filter raises.
        """
        found: dict[str, Handler] = {}
        for handler in self.for_kind(event):
            if (handler.where is None or handler.where(event)) and handler.name not in found:
                found[handler.name] = handler
        return found

    def _add(self, handler: Handler) -> None:
        self._check_all([handler])
        self._own.append(handler)
        _registered.count += 1

    def _check_all(self, handlers: Sequence[Handler]) -> None:
        """Refuse what cannot work here; a router knows more."""

    def includes(self, other: EventHandlers) -> bool:
        """Whether these are the others, or include them."""
        return other is self or any(each.includes(other) for each in self._included)


def _name_apart(handlers: Iterable[Handler]) -> Sequence[Handler]:
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


def _check(kind: object, where: object, debounce: float | None) -> None:
    is_event = isinstance(kind, type) and issubclass(kind, WebhookEvent | UnknownEvent)
    if not (is_event or kind is None or (isinstance(kind, str) and kind)):
        raise ConfigurationError("Events are named by their class or by their trigger.")
    if where is not None and (not callable(where) or _is_async(where)):
        raise ConfigurationError("A filter is a plain function of the event, and not async.")
    if debounce is not None and not 0 < debounce < float("inf"):
        raise ConfigurationError("Debounce is a number of seconds, more than 0.")


def _is_async(call: Any) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        getattr(call, "__call__", None)  # noqa: B004 - whether what it does is async
    )
