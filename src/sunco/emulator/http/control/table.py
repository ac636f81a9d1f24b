"""The list of controls: the name, the arguments and the meaning of each, for HTTP and Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sunco.emulator.end_users.agents import actions
from sunco.emulator.errors import bad_request
from sunco.emulator.schemas.common import ANY_TEXT, FLAG, TIMESTAMP
from sunco.emulator.schemas.integrations import CHANNELS
from sunco.emulator.schemas.schema import (
    Boolean,
    Nullable,
    Number,
    NumberOr,
    Object,
    Rule,
    Schema,
    String,
    Tagged,
    TextOr,
    at_least_one,
    exactly_one,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_BYTES = 100 * 1024
STATE_BYTES = 200 * 1024 * 1024
# In Base64, a file is a third larger.
_BODY_BYTES = {"say": 70 * 1024 * 1024, "arrive": 70 * 1024 * 1024}


@dataclass(frozen=True, slots=True)
class Control:
    """A command or a query of the control API.

    Args:
        name: Its name: the last part of its path, and the name in Python.
        method: `GET` for what only looks, else `POST`.
        schema: The schema of its arguments.
        summary: What it does.
        max_bytes: The size of its body.
    """

    name: str
    method: str
    schema: Object
    summary: str
    max_bytes: int = JSON_BYTES


def _object(rules: tuple[Rule, ...] = (), required: tuple[str, ...] = (), **members: Any) -> Object:
    return Object(members, required, rules, additional_properties=False)


_COUNT = Number(minimum=1, integer=True)
_LIMIT = Number(minimum=1, maximum=1000, integer=True)
_SECONDS = Number(minimum=0, maximum=60)
_POSITIVE = Number(minimum=0.001, maximum=60)


def _distribution(*names: str) -> Object:
    members: dict[str, Schema] = {"type": ANY_TEXT, **dict.fromkeys(names, _SECONDS)}
    return Object(members, ("type", *names), additional_properties=False)


_LATENCY = NumberOr(
    Tagged(
        {
            "uniform": _distribution("minimum", "maximum"),
            "normal": _distribution("mean", "deviation"),
            "exponential": _object(required=("type", "mean"), type=ANY_TEXT, mean=_POSITIVE),
        }
    ),
    _SECONDS,
)
FAIL = _object(
    (at_least_one("status", "reset", "latency", "garbage"),),
    next=Nullable(_COUNT),
    method=ANY_TEXT,
    path=ANY_TEXT,
    status=Number(minimum=200, maximum=599, integer=True),
    retry_after=TextOr(Number(minimum=0)),
    html=FLAG,
    garbage=FLAG,
    reset=FLAG,
    latency=_LATENCY,
    applied=FLAG,
)


def _channel(**members: Schema) -> Object:
    common: dict[str, Schema] = {
        "channel": String(enum=CHANNELS),
        "integration": ANY_TEXT,
        "next": Nullable(_COUNT),
    }
    return Object(common | members, additional_properties=False)


_OWN = (
    Control("health", "GET", _object(), "Whether the emulator works."),
    Control(
        "overview",
        "GET",
        _object(app=ANY_TEXT, search=ANY_TEXT, conversation=ANY_TEXT, limit=_LIMIT),
        "The apps, and the conversations and users of one.",
    ),
    Control(
        "messages",
        "GET",
        _object(required=("conversation",), conversation=ANY_TEXT, before=ANY_TEXT, limit=_LIMIT),
        "The messages of a conversation, the oldest first.",
    ),
    Control("activities", "GET", _object(), "Typing indicators and read receipts."),
    Control("deliveries", "GET", _object(limit=_LIMIT), "The attempts to call webhooks."),
    Control(
        "requests",
        "GET",
        _object(
            operation=ANY_TEXT,
            method=ANY_TEXT,
            path=ANY_TEXT,
            status=Number(integer=True),
            unmatched=FLAG,
            limit=_LIMIT,
        ),
        "The requests to the API.",
    ),
    Control("faults", "GET", _object(), "The active faults."),
    Control(
        "switchboard",
        "GET",
        _object(app=ANY_TEXT, conversation=ANY_TEXT),
        "The switchboard of an app, and who controls a conversation.",
    ),
    Control("clock", "GET", _object(), "The current time of the emulator."),
    Control("state", "GET", _object(), "Export the state."),
    Control("fail", "POST", FAIL, "Inject a fault."),
    Control(
        "limit_rate",
        "POST",
        _object(
            required=("rate",),
            rate=Number(minimum=1, maximum=10_000, integer=True),
            method=ANY_TEXT,
            path=ANY_TEXT,
        ),
        "Respond 429 to more requests per second.",
    ),
    Control("recover", "POST", _object(), "Remove all faults."),
    Control("drain", "POST", _object(), "Deliver webhooks until nothing is in flight."),
    Control("reset", "POST", _object(), "Start anew."),
    Control(
        "state",
        "POST",
        _object(required=("state",), state=Object()),
        "Import a state that was exported.",
        STATE_BYTES,
    ),
    Control(
        "clock",
        "POST",
        _object(
            (exactly_one("set", "advance"),),
            set=TIMESTAMP,
            advance=Number(minimum=0, maximum=10 * 366 * 86400),
        ),
        "Set the clock, or advance it by seconds.",
    ),
    Control(
        "deliveries.redeliver",
        "POST",
        _object(required=("delivery",), delivery=_COUNT),
        "Deliver once more what a delivery contained.",
    ),
    Control("deliveries.delay", "POST", _object(seconds=_SECONDS, next=_COUNT), "Delay the next."),
    Control("deliveries.duplicate", "POST", _object(next=_COUNT), "Duplicate the next."),
    Control("deliveries.reorder", "POST", _object(next=_COUNT), "Reverse the next."),
    Control("deliveries.drop", "POST", _object(next=_COUNT), "Drop the next."),
    Control("deliveries.recover", "POST", _object(), "Deliver as the platform does."),
    Control("channels", "GET", _object(), "What channels do with the next messages."),
    Control(
        "channels.fail",
        "POST",
        _channel(code=ANY_TEXT, message=ANY_TEXT, underlyingError=Object()),
        "Fail the next messages on a channel.",
    ),
    Control("channels.delay", "POST", _channel(seconds=_SECONDS), "Confirm them late."),
    Control("channels.silence", "POST", _channel(), "Confirm the next on no channel."),
    Control("channels.recover", "POST", _object(), "Let channels deliver as they do."),
)

CONTROLS: Mapping[tuple[str, str], Control] = {
    (one.method, one.name): one
    for one in (
        *_OWN,
        *(
            Control(
                action.name,
                "POST",
                action.schema,
                (action.run.__doc__ or "").split("\n")[0],
                _BODY_BYTES.get(action.name, JSON_BYTES),
            )
            for action in actions.all.values()
        ),
    )
}


def find_control(name: str, arguments: Mapping[str, Any]) -> Control:
    """The control of a name; of two, the one that the arguments are for.

    Raises:
        ValueError: There is none.
    """
    found = [CONTROLS[key] for key in (("POST", name), ("GET", name)) if key in CONTROLS]
    if not found:
        raise ValueError(f"There is no control {name!r}; GET /_emulator/ lists them")
    fitting = (one for one in found if not any(one.schema.problems(arguments, "")))
    return next(fitting, found[0])


def list_controls() -> dict[str, Any]:
    """All controls, for `GET /_emulator/`."""
    return {
        "controls": [
            {
                "name": one.name,
                "method": one.method,
                "path": f"/_emulator/{one.name}",
                "arguments": list(one.schema.properties),
                "required": list(one.schema.required),
                "summary": one.summary,
            }
            for one in CONTROLS.values()
        ],
        "console": "/_emulator/console",
        "events": "/_emulator/events",
    }


def read_query(control: Control, query: Mapping[str, str]) -> dict[str, Any]:
    """The arguments in a query, which are all text there.

    Raises:
        ApiError: 400 for an argument of another type.
    """
    return {
        name: _typed(name, text, control.schema.properties.get(name))
        for name, text in query.items()
    }


def _typed(name: str, text: str, schema: object) -> Any:
    if isinstance(schema, Boolean):
        if text not in ("true", "false"):
            raise bad_request(f"{name} must be true or false")
        return text == "true"
    if isinstance(schema, Number):
        if not text.isdecimal():
            raise bad_request(f"{name} must be an integer")
        return int(text)
    return text
