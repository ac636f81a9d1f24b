"""Finds every difference between a specification and the code.

Schemas and classes are compared from each operation's response, each request's parts and each event
down to the scalars. Operations are called with all their arguments, and their requests are compared
with what the specification accepts.
"""

from __future__ import annotations

import typing
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal

import attrs

from contract.calls import Sent, operations, sent
from contract.parts import REQUEST_PARTS, WHOLE_MODELS
from contract.specification import Operation, Schema, Specification
from sunco import codec
from sunco.models import Event, Model, Unset
from sunco.models.base import LOCAL, READ_ONLY
from sunco.models.pages import Links, Meta

__all__ = ["Difference", "find_differences", "hints_of", "is_model", "is_union", "required_kind"]

_SCALARS: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str, datetime),
    "integer": (int,),
    "number": (float, int),
    "boolean": (bool,),
}


_PAGING: Final[Mapping[str, type[Model]]] = {"links": Links, "meta": Meta}


@attrs.frozen(order=True)
class Difference:
    """Something that the specification and the code do not agree on.

    Attributes:
        kind: `"added"` where only the specification has it, `"removed"` where only the code has
            it, `"changed"` where both have it differently.
        text: What it is, in terms of the code.
    """

    kind: Literal["added", "changed", "removed"]
    text: str


class _Comparison:
    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self.found: set[Difference] = set()
        self._walked: set[tuple[int, Any]] = set()
        # Several schemas can share a class: what a class has must be in one of them.
        self._properties: defaultdict[Any, set[str]] = defaultdict(set)
        self._values: defaultdict[tuple[type[Any], str], set[str]] = defaultdict(set)

    def note(self, kind: Literal["added", "changed", "removed"], text: str) -> None:
        self.found.add(Difference(kind, text))

    def operations(self) -> None:
        known = operations()
        listed = {operation.name: operation for operation in self.specification.operations()}
        for name in listed.keys() - known.keys():
            self.note("added", f"operation {name} ({listed[name].method} {listed[name].path})")
        for name in known.keys() - listed.keys():
            self.note("removed", f"operation {name}")
        for name in listed.keys() & known.keys():
            self._operation(listed[name], known[name], sent()[name])

    def _operation(self, listed: Operation, known: Any, sent: Sequence[Sent]) -> None:
        name = listed.name
        self._same(f"{name}: method", listed.method, {one.method for one in sent})
        template = "/".join(
            "{}" if part.startswith("{") else part for part in listed.path.split("/")
        )
        self._same(f"{name}: path", template, {one.template for one in sent})
        self._both_ways(
            f"{name}: query", listed.query, frozenset[str]().union(*(one.query for one in sent))
        )
        if name in WHOLE_MODELS:
            self.specification.resolve(listed.body or {})
        else:
            self._body(listed, sent)
        returns = listed.response is not None and bool(
            self.specification.properties(listed.response)
        )
        if known.response_type is NoneType:
            if returns:
                self.note("changed", f"{name}: returns something")
        elif listed.response is not None:
            self._response(listed.response, known)

    def _body(self, listed: Operation, sent: Sequence[Sent]) -> None:
        name = listed.name
        names = frozenset[str]().union(*(one.body for one in sent))
        properties = self.specification.properties(listed.body) if listed.body else {}
        self._both_ways(f"{name}: body", properties.keys(), names)
        required = self.specification.required(listed.body) if listed.body else set[str]()
        for always in required:
            if not all(always in one.body for one in sent):
                self.note("changed", f"{name}: body always needs {always}")
        nullable = {
            key for key, schema in properties.items() if self.specification.nullable(schema)
        }
        if listed.method == "PATCH":
            clears = frozenset[str]().union(*(one.clears for one in sent))
            for key in nullable - clears:
                self.note("added", f"{name}: body can clear {key}")
            for key in clears - nullable:
                self.note("removed", f"{name}: body cannot clear {key}")

    def _response(self, response: Schema, known: Any) -> None:
        if known.key is None:
            self.walk(response, known.response_type, known.name)
            return
        properties = self.specification.properties(response)
        if known.key not in properties:
            self.note("changed", f"{known.name}: the response has no {known.key}")
            return
        self.walk(properties.pop(known.key), known.response_type, known.name)
        paged = typing.get_origin(known.response_type) is list
        for name in properties.keys() - (_PAGING.keys() if paged else set()):
            self.note("added", f"{known.name}: the response also has {name}")
        for name in properties.keys() & (_PAGING.keys() if paged else set()):
            self.walk(properties[name], _PAGING[name], known.name)

    def _same(self, what: str, listed: str, known: set[str]) -> None:
        if known != {listed}:
            self.note("changed", f"{what} is {listed}, not {', '.join(sorted(known))}")

    def _both_ways(
        self, what: str, listed: typing.AbstractSet[str], known: typing.AbstractSet[str]
    ) -> None:
        for name in listed - known:
            self.note("added", f"{what} takes {name}")
        for name in known - listed:
            self.note("removed", f"{what} does not take {name}")

    def events(self, union: Any) -> None:
        classes = {kind.type: kind for kind in typing.get_args(union) if isinstance(kind.type, str)}
        for trigger in self.specification.triggers() - classes.keys():
            self.note("added", f"event {trigger}")
        for trigger in classes.keys() - self.specification.triggers():
            self.note("removed", f"event {trigger}")
        for trigger, schema in self.specification.events().items():
            if trigger in classes:
                self.walk(schema, classes[trigger], trigger)

    def walk(self, schema: Schema, kind: Any, place: str) -> None:
        """Compare a schema with the type that it is read into."""
        schema = self._without_wrapping(schema)
        kind = required_kind(kind)
        if (id(schema), kind) in self._walked:
            return
        self._walked.add((id(schema), kind))
        json_kind = self.specification.kind(schema)
        members = [m for m in typing.get_args(kind) if typing.get_origin(m) is not Literal]
        if is_union(kind) and all(map(is_model, members)):
            self._variants(schema, members, place)
        elif is_model(kind):
            # Kinds that differ in little share a class.
            for variant in self.specification.variants(schema).values() or [schema]:
                self._object(variant, kind)
        elif typing.get_origin(kind) in {Sequence, list} and json_kind == "array":
            self.walk(self.specification.resolve(schema)["items"], members[0], place)
        elif typing.get_origin(kind) in {Mapping, dict} and json_kind in {"object", "any"}:
            for name in self.specification.properties(schema):
                self.note("added", f"{place}: an object with {name}")
        elif kind is not Any and not set(_scalars(kind)) & set(_SCALARS.get(json_kind, ())):
            self.note("changed", f"{place}: {json_kind}, not {kind}")

    def _without_wrapping(self, schema: Schema) -> Schema:
        """A schema behind references, and behind `allOf` around one thing."""
        resolved = self.specification.resolve(schema)
        while len(resolved.get("allOf", ())) == 1 and "properties" not in resolved:
            resolved = self.specification.resolve(resolved["allOf"][0])
        return resolved

    def _variants(self, schema: Schema, members: Sequence[Any], place: str) -> None:
        classes = {member.type: member for member in members if isinstance(member.type, str)}
        variants = self.specification.variants(schema)
        for tag in variants.keys() - classes.keys():
            self.note("added", f"{place}: kind {tag}")
        for tag in variants.keys() & classes.keys():
            self.walk(variants[tag], classes[tag], tag)

    def _object(self, schema: Schema, kind: Any) -> None:
        properties = self.specification.properties(schema)
        fields = _fields(kind)
        tag = getattr(kind, "type", None)
        if isinstance(tag, str):
            properties.pop("type", None)
        self._properties[kind] |= properties.keys()
        for name in properties.keys() - fields.keys():
            self.note("added", f"{kind.__name__}: field {name}")
        hints = hints_of(kind)
        for name in properties.keys() & fields.keys():
            field = fields[name]
            place = f"{kind.__name__}.{field.name}"
            self._enumeration(properties[name], hints[field.name], kind, field.name)
            if self.specification.read_only(properties[name]) and READ_ONLY not in field.metadata:
                self.note("changed", f"{place}: read-only")
            self.walk(properties[name], hints[field.name], place)

    def _enumeration(self, schema: Schema, hint: Any, kind: type[Any], name: str) -> None:
        inner = self._without_wrapping(schema)
        if self.specification.kind(inner) == "array" and "items" in inner:
            inner = self._without_wrapping(inner["items"])
        listed = self.specification.values(inner)
        known = _literals(hint)
        self._values[kind, name] |= listed
        for value in listed - known:
            self.note("added", f"{kind.__name__}.{name}: value {value}")

    def leftovers(self) -> None:
        """What the code has and no schema that was walked."""
        for kind, properties in self._properties.items():
            for name in _fields(kind).keys() - properties:
                if name != "type":
                    self.note("removed", f"{kind.__name__}: field {name}")
            hints = hints_of(kind)
            for field in _fields(kind).values():
                if listed := self._values[kind, field.name]:
                    for value in _literals(hints[field.name]) - listed:
                        self.note("removed", f"{kind.__name__}.{field.name}: value {value}")
        for name in self.specification.schemas.keys() - self.specification.seen:
            self.note("added", f"schema {name}")


def find_differences(specification: Specification) -> list[Difference]:
    """All differences, sorted."""
    comparison = _Comparison(specification)
    comparison.operations()
    comparison.events(Event)
    for name, kind in REQUEST_PARTS.items():
        comparison.walk(specification.find(name), kind, name)
    comparison.leftovers()
    return sorted(comparison.found)


def required_kind(kind: Any) -> Any:
    """A type without None and Unset, and `X` for `Literal[...] | X`."""
    if not is_union(kind):
        return kind
    members = [m for m in typing.get_args(kind) if m not in (NoneType, Unset)]
    plain = [m for m in members if typing.get_origin(m) is not Literal]
    return plain[0] if len(plain) == 1 else typing.Union[tuple(plain)]  # noqa: UP007 - made at run time


def is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in {UnionType, typing.Union}


def is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model)


def _scalars(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if is_union(kind) else (kind,)


@cache
def hints_of(kind: Any) -> dict[str, Any]:
    """The types of the fields of a class."""
    return typing.get_type_hints(kind)


@cache
def _fields(kind: Any) -> dict[str, attrs.Attribute[Any]]:
    return {
        codec.json_name(field): field
        for field in attrs.fields(kind)
        if field.name != "extra" and LOCAL not in field.metadata
    }


@cache
def _literals(hint: Any) -> frozenset[str]:
    """All values that a type names, wherever in it."""
    if typing.get_origin(hint) is Literal:
        return frozenset(map(str, typing.get_args(hint)))
    return frozenset[str]().union(*(_literals(inner) for inner in typing.get_args(hint)))
