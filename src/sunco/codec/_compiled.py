"""Readers of models, compiled from the models' fields.

The objects of an API come in few shapes: the same keys in the same order, again and again. For each
shape of a class, a function is compiled that sets one attribute after the other without looking
anything up. Objects of other shapes go through one general function per class. Both are made of
the same lines, so that they read the same.

An attribute with a default (None or UNSET) never fails: a value that cannot be read leaves the
default, and its JSON is kept in `extra`. A required one fails its model, and the error rises to the
next attribute with a default or the next union, which falls back to its `Unknown...` class.
"""

from __future__ import annotations

import linecache
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any, Final, Literal, NamedTuple

import attrs

from sunco.codec import _scalars
from sunco.codec._explain import ReadError
from sunco.models.base import LOCAL, UNSET, Extra, Model, Unset, json_name

__all__ = [
    "FREE_SHAPES",
    "MAX_SHAPES",
    "MISSES_PER_SHAPE",
    "KindReader",
    "ModelReader",
    "general_reader",
    "kind_reader",
    "model_reader",
    "reader_of",
]

# Bounds on what is learnt from the documents of others.
MAX_SHAPES: Final = 64
_MAX_UNKNOWN_KEYS: Final = 8
_MAX_KEY_CHARACTERS: Final = 1_000
# The first shapes of a class are compiled at once. After that, compiling one must have been earned
# by this many objects that no shape fitted.
FREE_SHAPES: Final = 4
MISSES_PER_SHAPE: Final = 16

_SCALARS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    str: _scalars.read_text,
    int: _scalars.read_integer,
    float: _scalars.read_number,
    bool: _scalars.read_boolean,
}
_NO_EXTRA: Final = Model().extra

Reader = Callable[[Any], Any]


class _Field(NamedTuple):
    """An attribute of a model.

    Attributes:
        name: Its name.
        key: Its key in JSON; None where it is not part of the JSON.
        declared: Its type, without None and Unset.
        nullable: Whether it can be None.
        default: Its default; `attrs.NOTHING` where it is required.
    """

    name: str
    key: str | None
    declared: Any
    nullable: bool
    default: Any


class _Code:
    """The text of a function, and the constants that it uses."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"ReadError": ReadError}

    def add(self, depth: int, *lines: str) -> None:
        self.lines += ("    " * depth + line for line in lines)

    def constant(self, prefix: str, value: Any) -> str:
        # Of what was received, only numbers of constants get into the text.
        name = f"{prefix}_{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, title: str) -> Reader:
        """Compile the text. Tracebacks show its lines."""
        filename = f"<sunco {title} {next(_numbers)}>"
        lines = [line + "\n" for line in self.lines]
        source = "".join(lines)
        exec(compile(source, filename, "exec"), self.names)  # noqa: S102
        linecache.cache[filename] = (len(source), None, lines, filename)
        reader: Reader = self.names["read"]
        return reader


_numbers: Final = count(1)


@cache
def reader_of(into: Any) -> Reader:
    """A function that reads a JSON value into a type; it raises `ReadError`.

    Args:
        into: A model class, a union of model classes, a scalar type, a mapping, or a list of these.
    """
    code = _Code()
    code.add(0, "def read(value):")
    declared, nullable = _without_none(into)
    depth = 1
    if nullable:
        code.add(1, "if value is not None:")
        depth = 2
    _add_value(code, depth, declared, "value")
    code.add(1, "return value")
    return code.function(getattr(into, "__name__", "value"))


class ModelReader:
    """Reads objects into one class.

    Attributes:
        cls: The class.
        shapes: The functions for the shapes that were learnt, tuples of keys.
        find: Looks up one of them.
    """

    def __init__(self, cls: Any) -> None:
        self.cls = cls
        self.shapes: dict[tuple[str, ...], Reader] = {}
        self.find = self.shapes.get
        self._misses = 0

    def read(self, value: Any) -> Any:
        """Read any value."""
        fields = _scalars.read_object(value)
        read: Reader = self.find(tuple(fields), self.read_other)
        return read(fields)

    def read_other(self, fields: dict[str, Any]) -> Any:
        """Read an object of a shape for which there is no function."""
        layout, keys = _layout_of(self.cls), tuple(fields)
        self._misses += 1
        if self.is_worth_learning(layout, keys):
            self._misses = 0
            self.shapes[keys] = reader = _shape_reader(layout, keys)
            return reader(fields)
        return general_reader(self.cls)(fields)

    def is_worth_learning(self, layout: _Layout, keys: tuple[str, ...]) -> bool:
        """Whether to compile a function for a shape."""
        learnt = len(self.shapes)
        return (
            learnt < MAX_SHAPES
            and (learnt < FREE_SHAPES or self._misses >= MISSES_PER_SHAPE)
            and len(keys) <= len(layout.known) + _MAX_UNKNOWN_KEYS
            and layout.required.issubset(keys)
            and sum(map(len, keys)) <= _MAX_KEY_CHARACTERS
        )


model_reader: Final[Callable[[Any], ModelReader]] = cache(ModelReader)


class KindReader:
    """Reads objects into one of several classes, by the `type` in the object.

    Attributes:
        kinds: For each type, `find` and `read_other` of its class.
        unknown: The same of the class for unknown types.
    """

    def __init__(self, members: tuple[type[Any], ...]) -> None:
        (unknown,) = (member for member in members if _tag(member) is None)
        self._unknown = model_reader(unknown)
        self.unknown = (self._unknown.find, self._unknown.read_other)
        readers = {_tag(member): model_reader(member) for member in members if _tag(member)}
        self.kinds = {tag: (reader.find, reader.read_other) for tag, reader in readers.items()}
        # Only events have it.
        self._error: Any = getattr(unknown, "error", None)

    def read_unreadable(self, fields: dict[str, Any], error: ReadError) -> Any:
        """Read an object of a known type that cannot be read as what it claims to be."""
        made = self._unknown.read(fields)
        if self._error is not None:
            self._error.__set__(made, str(error))
        return made


kind_reader: Final[Callable[[Any], KindReader]] = cache(KindReader)


class _Layout(NamedTuple):
    """The fields of a class, resolved.

    Attributes:
        cls: The class.
        twin: A subclass of the same layout that is not frozen: an object is made as one, and
            becomes one of `cls` when it is complete. Several times faster than setting the slots
            of a frozen class.
        fields: The fields, without `extra`.
        known: The keys that are not kept in `extra`.
        required: The keys without which an object cannot be read.
    """

    cls: Any
    twin: type[Any]
    fields: Sequence[_Field]
    known: frozenset[str]
    required: frozenset[str]


@cache
def _layout_of(cls: Any) -> _Layout:
    attrs.resolve_types(cls)
    fields = [_field(each) for each in attrs.fields(cls) if each.name != "extra"]
    keys = {field.key for field in fields if field.key is not None}
    known = frozenset(keys | ({"type"} if _tag(cls) else set()))
    unfrozen = {"__setattr__": object.__setattr__, "__delattr__": object.__delattr__}
    twin = type(cls.__name__, (cls,), {"__slots__": (), **unfrozen})
    required = {field.key for field in fields if field.key and field.default is attrs.NOTHING}
    return _Layout(cls, twin, fields, known, frozenset(required))


def _field(field: attrs.Attribute[Any]) -> _Field:
    declared, nullable = _without_none(field.type)
    key = None if LOCAL in field.metadata else json_name(field)
    return _Field(field.name, key, declared, nullable, field.default)


def _shape_reader(layout: _Layout, keys: tuple[str, ...]) -> Reader:
    by_key = {field.key: field for field in layout.fields if field.key is not None}
    code = _begin(layout)
    values = [f"value{place}" for place in range(len(keys))]
    if keys:
        code.add(1, f"[{', '.join(values)}] = fields.values()")
    unknown = [(key, var) for key, var in zip(keys, values, strict=True) if key not in layout.known]
    kept = ", ".join(f"{code.constant('key', key)}: {var}" for key, var in unknown)
    code.add(1, f"kept = {{{kept}}}" if unknown else "kept = None")
    for key, var in zip(keys, values, strict=True):
        if field := by_key.get(key):
            if field.declared is not Any:
                _add_field(code, 1, field, var)
            code.add(1, f"made.{field.name} = {var}")
    for field in layout.fields:
        if field.key not in keys:
            code.add(1, f"made.{field.name} = {_default(code, field)}")
    return _end(code, layout)


@cache
def general_reader(cls: Any) -> Reader:
    """A function that reads objects of any shape into a class."""
    layout = _layout_of(cls)
    code = _begin(layout)
    known, absent = code.constant("known", layout.known), code.constant("absent", object())
    code.add(1, f"kept = {{k: fields[k] for k in fields if k not in {known}}} or None")
    for field in layout.fields:
        if field.key is None:
            code.add(1, f"made.{field.name} = {_default(code, field)}")
            continue
        code.add(1, f"value = fields.get({field.key!r}, {absent})")
        code.add(1, f"if value is {absent}:")
        if field.default is attrs.NOTHING:
            code.add(2, f"raise ReadError('is missing', {field.key!r})")
        else:
            code.add(2, f"value = {_default(code, field)}")
        if field.declared is not Any:
            code.add(1, "else:")
            _add_field(code, 2, field, "value")
        code.add(1, f"made.{field.name} = value")
    return _end(code, layout)


def _begin(layout: _Layout) -> _Code:
    code = _Code()
    code.names |= {
        "make": object.__new__,
        "keep": _keep,
        "as_extra": _as_extra,
        "no_extra": _NO_EXTRA,
        "twin": layout.twin,
        "cls": layout.cls,
    }
    code.add(0, "def read(fields):")
    code.add(1, "made = make(twin)")
    return code


def _end(code: _Code, layout: _Layout) -> Reader:
    code.add(1, "made.extra = no_extra if kept is None else as_extra(kept)")
    code.add(1, "made.__class__ = cls", "return made")
    return code.function(layout.cls.__name__)


def _default(code: _Code, field: _Field) -> str:
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return f"{code.constant('factory', field.default.factory)}()"
    return "None" if field.default is None else code.constant("default", field.default)


def _keep(kept: dict[str, Any] | None, key: str, value: Any) -> dict[str, Any]:
    if kept is None:
        return {key: value}
    kept[key] = value
    return kept


def _as_extra(kept: dict[str, Any]) -> Extra:
    # Without the copy that the constructor makes.
    extra = Extra.__new__(Extra)
    extra._fields = kept  # pyright: ignore[reportPrivateUsage]
    return extra


def _add_field(code: _Code, depth: int, field: _Field, var: str) -> None:
    """Lines that read the value of a variable as a field's."""
    plain = _plain_type(field.declared)
    guards = [f"type({var}) is not {plain.__name__}"] if plain else []
    guards += [f"{var} is not None"] if field.nullable else []
    if guards:
        code.add(depth, f"if {' and '.join(guards)}:")
        depth += 1
    code.add(depth, "try:")
    _add_value(code, depth + 1, field.declared, var)
    if field.default is None or field.default is UNSET:
        code.add(depth, "except ReadError:")
        code.add(depth + 1, f"kept = keep(kept, {field.key!r}, fields[{field.key!r}])")
        code.add(depth + 1, f"{var} = {_default(code, field)}")
    else:
        code.add(depth, "except ReadError as error:")
        code.add(depth + 1, f"raise error.within({field.key!r})")


def _add_value(code: _Code, depth: int, declared: Any, var: str) -> None:
    """Lines that read the value of a variable as a type."""
    members = _members(declared)
    if len(members) > 1:
        _add_kind(code, depth, members, var)
    elif declared in _SCALARS:
        code.add(depth, f"{var} = {code.constant('read', _SCALARS[declared])}({var})")
    elif declared is datetime:
        _add_time(code, depth, var)
    elif _is_mapping(declared):
        code.add(depth, f"{var} = {code.constant('read', _scalars.read_object)}({var})")
    elif typing.get_origin(declared) in {Sequence, list}:
        _add_list(code, depth, typing.get_args(declared)[0], var)
    else:
        reader = model_reader(declared)
        find, other = code.constant("find", reader.find), code.constant("other", reader.read_other)
        read = code.constant("read", reader.read)
        quick = f"{find}(tuple({var}), {other})({var})"
        code.add(depth, f"{var} = {quick} if type({var}) is dict else {read}({var})")


def _add_time(code: _Code, depth: int, var: str) -> None:
    # Nearly all times are of this form. What is not, or is no time, has a function of its own.
    parse, utc = code.constant("parse", datetime.fromisoformat), code.constant("utc", UTC)
    read = code.constant("read", _scalars.read_time)
    code.add(depth, "try:")
    code.add(depth + 1, f"moment = {parse}({var})")
    code.add(depth, "except (TypeError, ValueError):")
    code.add(depth + 1, f"{var} = {read}({var})")
    code.add(depth, "else:")
    code.add(depth + 1, f"{var} = moment if moment.tzinfo is {utc} else {read}({var})")


def _add_kind(code: _Code, depth: int, members: tuple[type[Any], ...], var: str) -> None:
    reader = kind_reader(members)
    kinds, unknown = code.constant("kinds", reader.kinds), code.constant("unknown", reader.unknown)
    read_object = code.constant("read", _scalars.read_object)
    code.add(depth, f"if type({var}) is not dict:")
    code.add(depth + 1, f"{var} = {read_object}({var})")
    code.add(depth, f"tag = {var}.get('type')")
    code.add(depth, f"find, other = {kinds}.get(tag, {unknown}) if type(tag) is str else {unknown}")
    code.add(depth, "try:")
    code.add(depth + 1, f"{var} = find(tuple({var}), other)({var})")
    code.add(depth, "except ReadError as error:")
    code.add(depth + 1, f"{var} = {code.constant('read', reader.read_unreadable)}({var}, error)")


def _add_list(code: _Code, depth: int, declared: Any, var: str) -> None:
    item, nullable = _without_none(declared)
    plain = _plain_type(item)
    guards = [f"type(item) is not {plain.__name__}"] if plain else []
    guards += ["item is not None"] if nullable else []
    code.add(depth, f"if type({var}) is not list:")
    code.add(depth + 1, f"{var} = {code.constant('read', _scalars.read_list)}({var})")
    code.add(depth, "items = []", "append = items.append", "try:")
    code.add(depth + 1, f"for item in {var}:")
    inner = depth + 2
    if guards:
        code.add(inner, f"if {' and '.join(guards)}:")
        inner += 1
    _add_value(code, inner, item, "item")
    code.add(depth + 2, "append(item)")
    code.add(depth, "except ReadError as error:")
    code.add(depth + 1, "raise error.within(len(items))")
    code.add(depth, f"{var} = items")


def _plain_type(declared: Any) -> type[Any] | None:
    """The type whose values need no reading, if there is one."""
    if declared in _SCALARS:
        plain: type[Any] = declared
        return plain
    return dict if _is_mapping(declared) else None


def _without_none(declared: Any) -> tuple[Any, bool]:
    """A type without None, Unset and literals, and whether it had None."""
    if not _is_union(declared):
        return declared, False
    members = typing.get_args(declared)
    kept = [
        member
        for member in members
        if member not in (types.NoneType, Unset) and typing.get_origin(member) is not Literal
    ]
    return typing.Union[tuple(kept)], types.NoneType in members  # noqa: UP007 - made at run time


def _members(declared: Any) -> tuple[Any, ...]:
    return typing.get_args(declared) if _is_union(declared) else (declared,)


def _is_union(declared: Any) -> bool:
    return typing.get_origin(declared) in {types.UnionType, typing.Union}


def _is_mapping(declared: Any) -> bool:
    return typing.get_origin(declared) in {Mapping, dict}


def _tag(cls: type[Any]) -> str | None:
    """The `type` of a class that is one kind of several."""
    tag = getattr(cls, "type", None)
    return tag if isinstance(tag, str) else None
