"""Documents made up from the models and damaged, read by `codec.decode` and `webhooks.parse`.

Run it with `nox -s fuzz -- DOCUMENTS SEED`. Nothing but a `SuncoError` may escape, what was read
can be written and read again, and no document may take longer than 50 ms per 100 kB.
"""

from __future__ import annotations

import json
import random
import sys
import time
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Any, Final, Literal

import attrs

from sunco import SuncoError, codec
from sunco._json import is_array, is_object
from sunco.models import Event, Integration, MatchCriteria, Message, Model, Unset, User
from sunco.models.base import LOCAL, json_name
from sunco.webhooks import parse

__all__ = ["Findings", "documents", "fuzz"]

MILLISECONDS_PER_100_KB: Final = 50.0
# Below this size, the fixed cost of a call counts and not the size.
SMALLEST: Final = 100_000

ROOTS: Final[Sequence[Any]] = (Message, User, Event, Integration, MatchCriteria)
ODD: Final[Sequence[Any]] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    -1e308,
    10**19,
    10**400,
    "",
    "x",
    "true",
    "1e999",
    "nan",
    "half \ud83d",
    "\x00",
    "1" * 5_000,
    "2026-01-02T03:04:05.678Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    [],
    {},
    [[]],
    [None],
    {"": ""},
    {"type": []},
    {"type": "message"},
    {"id": {}},
)


class Findings:
    """What a run found.

    Attributes:
        documents: The number of documents.
        read: How many of them were read.
        escaped: Exceptions other than a `SuncoError`, and documents that came back different.
        slow: Documents that took too long, with the milliseconds per 100 kB.
    """

    def __init__(self) -> None:
        self.documents = 0
        self.read = 0
        self.escaped: list[str] = []
        self.slow: list[str] = []

    def __str__(self) -> str:
        return (
            f"{self.documents} documents, {self.read} of them read, "
            f"{len(self.escaped)} escaped exceptions, {len(self.slow)} slow"
        )


def documents(seed: int) -> Iterator[bytes]:
    """An endless sequence of documents; the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    while True:
        root = dice.choice(ROOTS)
        value: Any = make(root, dice, 0)
        wrap = dice.random()
        if wrap < 0.3:
            value = {"events": [make(Event, dice, 0) for _ in range(dice.randrange(4))]}
        elif wrap < 0.6:
            value = {"messages": [make(Message, dice, 0) for _ in range(dice.randrange(4))]}
        for _ in range(dice.choice([0, 0, 1, 1, 2, 5])):
            value = damage(value, dice)
        content = json.dumps(value, ensure_ascii=dice.random() < 0.5).encode(
            "utf-8", "surrogatepass"
        )
        if dice.random() < 0.05:
            content = damage_bytes(content, dice)
        if dice.random() < 0.001:
            content = repeat(content, dice)
        yield content


def repeat(content: bytes, dice: random.Random) -> bytes:
    """A document of 100 kB or more that repeats another one."""
    count = SMALLEST // (len(content) + 1) + 1
    many = b"[" + b",".join([content] * count) + b"]"
    return dice.choice([many, b'{"events":' + many + b"}", b'{"messages":' + many + b"}"])


def damage_bytes(content: bytes, dice: random.Random) -> bytes:
    """A document that was cut or overwritten somewhere."""
    place = dice.randrange(len(content) + 1)
    return content[:place] + dice.choice([b"", b"\xff", b"\\", b'"', b"[" * 2_000, b"1e9"])


def damage(value: Any, dice: random.Random) -> Any:
    """A copy of a document in which one value is odd, missing, renamed or of another kind."""
    if is_object(value) and value and dice.random() < 0.9:
        fields = dict(value)
        key = dice.choice(list(fields))
        way = dice.random()
        if way < 0.6:
            fields[key] = damage(fields[key], dice)
        elif way < 0.7:
            del fields[key]
        elif way < 0.8:
            fields[f"{key}{dice.randrange(10**6)}"] = fields.pop(key)
        elif way < 0.9:
            fields |= {f"new{dice.randrange(10**9)}": dice.choice(ODD) for _ in range(20)}
        else:
            fields[key] = dice.choice(ODD)
        return fields
    if is_array(value) and value and dice.random() < 0.8:
        items = list(value)
        place = dice.randrange(len(items))
        items[place] = damage(items[place], dice)
        return items
    return dice.choice(ODD)


def make(declared: Any, dice: random.Random, depth: int) -> Any:
    """A JSON value that can be read as a type."""
    members = [
        member
        for member in (typing.get_args(declared) if is_union(declared) else (declared,))
        if member not in (NoneType, Unset) and typing.get_origin(member) is not Literal
    ]
    kind: Any = dice.choice(members)
    if isinstance(kind, type) and issubclass(kind, Model):
        return make_object(kind, dice, depth)
    if typing.get_origin(kind) in {Sequence, list}:
        (item,) = typing.get_args(kind)
        return [make(item, dice, depth + 1) for _ in range(dice.choice([0, 1, 1, 2, 3]))]
    if typing.get_origin(kind) in {Mapping, dict}:
        return {f"k{number}": dice.choice(ODD) for number in range(dice.randrange(3))}
    makers: dict[Any, Callable[[], Any]] = {
        str: lambda: f"t{dice.randrange(1000)}",
        int: lambda: dice.randrange(-1000, 1000),
        float: lambda: dice.choice([dice.random(), dice.randrange(1000)]),
        bool: lambda: dice.random() < 0.5,
        datetime: lambda: f"2026-01-{dice.randrange(1, 29):02}T03:04:05.678Z",
    }
    return makers[kind]() if kind in makers else dice.choice(ODD)


def make_object(kind: type[Model], dice: random.Random, depth: int) -> dict[str, Any]:
    """An object with the required fields of a model and some of the others."""
    made: dict[str, Any] = {}
    tag: object = getattr(kind, "type", None)
    if isinstance(tag, str):
        made["type"] = tag
    for field, declared in fields_of(typing.cast("Any", kind)):
        required = field.default is attrs.NOTHING
        if required or (depth < 4 and dice.random() < 0.4):
            made[json_name(field)] = make(declared, dice, depth + 1)
    return made


@cache
def fields_of(kind: Any) -> Sequence[tuple[attrs.Attribute[Any], Any]]:
    """The fields of a model that are in its JSON, with their types."""
    hints = typing.get_type_hints(kind)
    return [
        (field, hints[field.name])
        for field in attrs.fields(kind)
        if field.name != "extra" and LOCAL not in field.metadata
    ]


def is_union(declared: Any) -> bool:
    """Whether a type is a union."""
    return typing.get_origin(declared) in {typing.Union, type(int | str)}


def by_parse(content: bytes) -> Any:
    """The events of a delivery."""
    return list(parse(content).events)


def by_decode(into: Any, key: str | None = None) -> Callable[[bytes], Any]:
    """A function that reads a document into a type."""
    return lambda content: codec.decode(content, into, key=key)


READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "parse": by_parse,
    "messages": by_decode(list[Message], "messages"),
    "message": by_decode(Message),
    "user": by_decode(User),
    "event": by_decode(Event),
    "integration": by_decode(Integration),
    "criteria": by_decode(MatchCriteria),
}


def fuzz(count: int, seed: int, *, timed: bool) -> Findings:
    """Read documents, and report what failed.

    Args:
        count: The number of documents.
        seed: Where the sequence of documents begins.
        timed: Whether to look for slow documents.
    """
    found = Findings()
    for content, _ in zip(documents(seed), range(count), strict=False):
        found.documents += 1
        read = 0
        for name, reader in READERS.items():
            try:
                model = reader(content)
                read = 1
                written = codec.encode(model)
                if name != "parse" and codec.encode(_again(name, written)) != written:
                    found.escaped.append(f"{name}: another document came back: {content[:300]!r}")
            except SuncoError:
                pass
            except Exception as error:  # noqa: BLE001 - what this looks for
                found.escaped.append(f"{name}: {error!r}: {content[:300]!r}")
            if timed and len(content) >= SMALLEST:
                took = _fastest(reader, content) / len(content) * SMALLEST
                if took > MILLISECONDS_PER_100_KB:
                    found.slow.append(f"{name}: {took:.0f} ms per 100 kB: {content[:100]!r}")
        found.read += read
    return found


def _again(name: str, written: bytes) -> Any:
    if name == "messages":
        written = b'{"messages":' + written + b"}"
    return READERS[name](written)


def _fastest(reader: Callable[[bytes], Any], content: bytes) -> float:
    """Milliseconds of processor time, the least of three attempts."""
    taken: list[float] = []
    for _ in range(3):
        began = time.process_time()
        with suppress(SuncoError):
            reader(content)
        taken.append(time.process_time() - began)
    return min(taken) * 1_000


def main() -> int:
    """Fuzz, and print the findings."""
    count, seed = (int(argument) for argument in (*sys.argv[1:], "1000000", "1")[:2])
    found = fuzz(count, seed, timed=True)
    sys.stdout.write("\n".join([*found.escaped[:50], *found.slow[:50], str(found), ""]))
    return 1 if found.escaped or found.slow else 0


if __name__ == "__main__":
    sys.exit(main())
