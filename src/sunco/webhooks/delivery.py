"""A delivery: the events that the API posts in one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import NoneType
from typing import Any, Final, cast

import attrs

from sunco import _json, codec
from sunco._json import is_array, is_object
from sunco.errors import DecodeError, PayloadError
from sunco.models.events import Event, UnknownEvent

__all__ = ["ReceivedEvent", "WebhookDelivery", "parse", "read", "read_event"]

_COMMON: Final = ("type", "id", "payload")
_KINDS: Final[Mapping[type[Any], str]] = {
    list: "a list",
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    NoneType: "null",
}
_read_known: Final = codec.reader_of(list[Event])
_read_unknown: Final = codec.reader_of(UnknownEvent)
_REASONS: Final = {kind: f"expected an object, got {name}" for kind, name in _KINDS.items()}


@attrs.frozen(kw_only=True)
class WebhookDelivery:
    """What the API posts to a webhook.

    Attributes:
        app_id: The app's id, if the delivery contains it.
        webhook_id: The webhook's id, if the delivery contains it.
        version: The version of the webhook's payloads, `"v2"`.
        events: The events; they may belong to different users and conversations.
    """

    app_id: str | None
    webhook_id: str | None
    version: str | None
    events: Sequence[Event]


@attrs.frozen(slots=True)
class ReceivedEvent:
    """An event of a verified delivery.

    Attributes:
        key: The dedupe key.
        ordering_key: Events with the same ordering key are processed in order.
        event: The event.
        raw: The JSON it was read from.
    """

    key: str
    ordering_key: str
    event: Event
    raw: Any = attrs.field(repr=False)


def parse(body: bytes | str) -> WebhookDelivery:
    """Read a delivery. Verify it first with `verify(headers, secret)`.

    An event that cannot be read does not affect the others: it is an `UnknownEvent` with the
    reason in `error` and its content in `payload`.

    Args:
        body: The body of the request.

    Raises:
        PayloadError: It is not JSON in UTF-8, or not an object with a list of `events`.
    """
    return read(body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body)[0]


def read(body: bytes) -> tuple[WebhookDelivery, list[Any]]:
    """As `parse`, and the JSON of each event."""
    try:
        document = _json.load(body)
    except DecodeError as error:
        raise PayloadError(f"The delivery cannot be read: {error.message}.") from None
    events = document.get("events") if is_object(document) else None
    if not is_array(events):
        raise PayloadError("The delivery is not an object with a list of events.")
    webhook = document.get("webhook")
    delivery = WebhookDelivery(
        app_id=_text(document.get("app"), "id"),
        webhook_id=_text(webhook, "id"),
        version=_text(webhook, "version"),
        events=_read_events(events),
    )
    return delivery, events


def _text(of: Any, key: str) -> str | None:
    value = of.get(key) if is_object(of) else None
    return value if isinstance(value, str) else None


def read_event(value: Any) -> Event:
    """Read one event from its JSON; one that cannot be read is an `UnknownEvent`."""
    (event,) = _read_events([value])
    return event


def _read_events(events: list[Any]) -> Sequence[Event]:
    objects = [value for value in events if is_object(value)]
    read = _read_objects(objects)
    if len(objects) == len(events):
        return read
    known = iter(read)
    # A delivery can have a hundred thousand of them, and most are equal.
    others: dict[tuple[Any, Any], Event] = {}
    whole: list[Event] = []
    for value in events:
        kind = type(cast("object", value))
        if kind is dict:
            event = next(known)
        elif kind is list and value:
            event = _not_an_object(value)
        else:
            key = (kind, value or None)
            event = others.get(key) or others.setdefault(key, _not_an_object(value))
        whole.append(event)
    return whole


def _not_an_object(value: Any) -> UnknownEvent:
    event: UnknownEvent = _read_unknown({"payload": value})
    # It is frozen, and not in use yet. To make it with the error takes several times as long.
    object.__setattr__(event, "error", _REASONS[type(value)])
    return event


def _read_objects(values: list[dict[str, Any]]) -> list[Event]:
    try:
        events: list[Event] = _read_known(values)
    except RecursionError:
        # What stands beside the one that is nested too deeply is not read one by one.
        if len(values) == 1:
            return [_unreadable(values[0], "is nested too deeply")]
    else:
        return events
    middle = len(values) // 2
    return [*_read_objects(values[:middle]), *_read_objects(values[middle:])]


def _unreadable(value: dict[str, Any], reason: str) -> UnknownEvent:
    kept = {key: part for key, part in value.items() if key not in _COMMON}
    known = {"type": _text(value, "type"), "id": _text(value, "id")}
    kept |= {key: value[key] for key, part in known.items() if part is None and key in value}
    return UnknownEvent(
        known["type"], id=known["id"], payload=value.get("payload"), error=reason, extra=kept
    )
