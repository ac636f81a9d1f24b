"""Documents made from the specification's own schemas are read, and nothing in them is lost."""

from __future__ import annotations

import json
import os
import typing
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import NoneType
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.calls import sent
from contract.differences import hints_of, is_model, is_union, required_kind
from contract.loss import lost
from contract.parts import REQUEST_PARTS
from contract.specification import Schema, Specification, read_document
from sunco import codec
from sunco.models import Event

PATH = os.environ.get("SUNCO_OPENAPI", "")
if not PATH:
    pytest.skip("SUNCO_OPENAPI names no specification", allow_module_level=True)

SPECIFICATION = Specification(read_document(PATH))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NAME = TEXT.map(lambda text: f"x{text}")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
MAPPINGS = st.dictionaries(TEXT, ANYTHING, max_size=3)
UNKNOWN = st.dictionaries(NAME, ANYTHING, max_size=2)
TIMES = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda moment: (
        moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
        .isoformat()
        .replace("+00:00", "Z")
    )
)
# A scalar as declared, or of another type that can be read as it.
SCALARS = {
    "string": TEXT | st.integers() | st.booleans(),
    "integer": st.integers() | st.integers().map(str) | st.integers(-1000, 1000).map(float),
    "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers().map(str),
    "boolean": st.booleans() | st.sampled_from(["true", "false"]),
}
# Depth at which a kind that holds itself stops doing so.
DEEPEST = 4


def documents(schema: Schema, kind: Any, depth: int = 0) -> st.SearchStrategy[Any]:
    """Documents of a schema that is read into a type."""
    kind = required_kind(kind)
    members = [m for m in typing.get_args(kind) if typing.get_origin(m) is not typing.Literal]
    if is_union(kind) and all(map(is_model, members)):
        classes = {member.type: member for member in members if isinstance(member.type, str)}
        kinds = [
            objects(variant, classes[tag], depth)
            for tag, variant in SPECIFICATION.variants(schema).items()
        ]
        return st.one_of(*kinds, UNKNOWN)
    if is_model(kind):
        return objects(schema, kind, depth)
    if typing.get_origin(kind) in {Sequence, list}:
        return st.lists(
            st.deferred(
                lambda: documents(SPECIFICATION.resolve(schema)["items"], members[0], depth)
            ),
            max_size=2 if depth < DEEPEST else 0,
        )
    if typing.get_origin(kind) in {Mapping, dict} or kind is Any:
        return MAPPINGS
    return TIMES if kind is datetime else SCALARS[SPECIFICATION.kind(schema)]


def objects(schema: Schema, kind: Any, depth: int) -> st.SearchStrategy[Any]:
    """Objects with any of their fields, nulls among them, and with unknown fields."""
    fields = {codec.json_name(field): field for field in attrs.fields(kind)}
    hints = hints_of(kind)
    always: dict[str, st.SearchStrategy[Any]] = {}
    sometimes: dict[str, st.SearchStrategy[Any]] = {}
    if isinstance(getattr(kind, "type", None), str):
        always["type"] = st.just(kind.type)
    for name, inner in SPECIFICATION.properties(schema).items():
        if name in always or name not in fields:
            continue
        hint = hints[fields[name].name]
        strategy = st.deferred(
            lambda inner=inner, hint=hint: documents(inner, hint, depth + 1)  # type: ignore[misc]
        )
        if NoneType not in typing.get_args(hint):
            always[name] = strategy
        elif depth < DEEPEST:
            sometimes[name] = st.none() | strategy
    known = st.fixed_dictionaries(always, optional=sometimes)
    return st.tuples(UNKNOWN, known).map(lambda both: {**both[0], **both[1]})


def kinds() -> dict[str, tuple[Schema, Any]]:
    """Everything that the client reads or sends, and every event."""
    found: dict[str, tuple[Schema, Any]] = {}
    for operation in SPECIFICATION.operations():
        known = sent()[operation.name][0].operation
        if known.response_type is NoneType or operation.response is None:
            continue
        schema = operation.response
        if known.key is not None:
            schema = SPECIFICATION.properties(schema)[known.key]
        found[operation.name] = schema, known.response_type
    events = {kind.type: kind for kind in typing.get_args(Event) if isinstance(kind.type, str)}
    for trigger, schema in SPECIFICATION.events().items():
        found[trigger] = schema, events[trigger]
    for name, kind in REQUEST_PARTS.items():
        found[name] = SPECIFICATION.find(name), kind
    return found


KINDS = kinds()


@cache
def documents_of(name: str) -> st.SearchStrategy[Any]:
    """The same strategy for every example: to make it takes longer than to use it."""
    return documents(*KINDS[name])


@pytest.mark.parametrize("name", sorted(KINDS))
@settings(
    max_examples=int(os.environ.get("SUNCO_EXAMPLES", "5")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_nothing_is_lost(name: str, data: st.DataObject) -> None:
    document, kind = data.draw(documents_of(name)), KINDS[name][1]
    model: Any = codec.decode(json.dumps(document).encode(), kind)
    written = codec.encode(model)
    assert lost(document, json.loads(written)) == []
    assert codec.decode(written, kind) == model
