"""JSON to models and back. The only file that knows cattrs.

The reader is tolerant: what a model has no attribute for goes into its `extra`, kinds that are not
known become `Unknown...`, and a scalar of another type than declared is converted. The writer
leaves out what is None or UNSET by default, and writes `extra` back.
"""

from __future__ import annotations

import functools
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NoReturn, TypeVar, cast, overload

import attrs
import cattrs
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from sunco import _json
from sunco._json import is_object
from sunco.codec import _compiled
from sunco.codec._scalars import (
    kind_of,
    mismatch,
    read_boolean,
    read_integer,
    read_number,
    read_object,
    read_text,
    read_time,
    write_time,
)
from sunco.errors import ConfigurationError, DecodeError
from sunco.models.base import JSON_KEY, LOCAL, READ_ONLY, UNSET, Model, Unset

__all__ = ["decode", "encode", "json_name", "structure"]

T = TypeVar("T")
_Hook = Callable[[Any, Any], Any]

# Where what is unknown is handed to the generated readers. A document that has this very key loses
# nothing: it is unknown, too.
_EXTRA: Final = "sunco:extra"


@overload
def decode(content: bytes, into: type[T], *, key: str | None = None) -> T: ...


# A union is no type[T]: who reads one says what it is.
@overload
def decode(content: bytes, into: types.UnionType, *, key: str | None = None) -> Any: ...


def decode(content: bytes, into: Any, *, key: str | None = None) -> Any:
    """Read a JSON document into a model, a list of models or a union such as `Event`.

    Args:
        content: The document.
        into: What to read: a model class, `list[App]`, or a union of models.
        key: The key under which the document carries it.

    Raises:
        DecodeError: It cannot be read; `location` says where the trouble is.
    """
    return structure(_json.load(content), into, key=key)


def structure(document: Any, into: type[T], *, key: str | None = None, at: str = "") -> T:
    """As `decode`, for what has been read from JSON already; `at` says where it stood."""
    if key is not None:
        if not is_object(document):
            raise DecodeError(f"expected an object with {key!r}, got {kind_of(document)}")
        if key not in document:
            raise DecodeError("is missing", location=key)
        document = document[key]
    try:
        return _reader.structure(document, into)
    except Exception:  # noqa: BLE001 - whatever it was, the explaining reader finds it again
        raise _explain(document, into, key or at) from None


def encode(value: Any, *, read_only: bool = True) -> bytes:
    """Write a model, or plain values with models in them, as JSON.

    Args:
        value: What to write.
        read_only: Whether to write what the API sets itself; requests leave it out.

    Raises:
        ConfigurationError: Something in it has no form in JSON.
    """
    writer = _writer if read_only else _request_writer
    return _json.dump(writer.unstructure(value))


def _refuse_unset(_: Unset) -> NoReturn:
    raise ConfigurationError("UNSET cannot be sent: leave the key out instead.")


def json_name(field: attrs.Attribute[Any]) -> str:
    """A model field's name in JSON."""
    named = field.metadata.get(JSON_KEY)
    if named is not None:
        return cast("str", named)
    first, *others = field.name.split("_")
    return first + "".join(word.capitalize() for word in others)


def _fields(cls: type[Any]) -> Iterator[attrs.Attribute[Any]]:
    return (
        field
        for field in attrs.fields(cls)
        if field.name != "extra" and LOCAL not in field.metadata
    )


def _local_fields(cls: type[Any]) -> dict[str, Any]:
    return {
        field.name: override(omit=True) for field in attrs.fields(cls) if LOCAL in field.metadata
    }


def _tag(cls: type[Any]) -> str | None:
    """The discriminator of a class that is one kind of several."""
    tag = getattr(cls, "type", None)
    return tag if isinstance(tag, str) else None


def _is_model(cls: Any) -> bool:
    return isinstance(cls, type) and issubclass(cls, Model)


def _model_reader(cls: type[Any], converter: cattrs.BaseConverter) -> _Hook:
    attrs.resolve_types(cls)
    if any(callable(getattr(field.default, "factory", None)) for field in _fields(cls)):
        return _careful_model_reader(cls, converter)
    fields = [
        _compiled.Field(
            name=field.name,
            key=None if LOCAL in field.metadata else json_name(field),
            **_hook_and_plain_type(field.type, converter),
            default=_compiled.REQUIRED if field.default is attrs.NOTHING else field.default,
        )
        for field in attrs.fields(cls)
        if field.name != "extra"
    ]
    ignored = frozenset({"type"} if _tag(cls) else ())
    keep = cast("Any", attrs.fields_dict(cls)["extra"]).converter

    # Making one takes a while, and this one is hardly ever needed.
    @functools.cache
    def careful() -> _Hook:
        return _careful_model_reader(cls, converter)

    def otherwise(value: Any, into: Any) -> Any:
        return careful()(value, into)

    reader = _compiled.ShapeReader(cls, fields, ignored=ignored, keep=keep, otherwise=otherwise)
    return reader.hook()


def _hook_and_plain_type(declared: Any, converter: cattrs.BaseConverter) -> dict[str, Any]:
    """How to read a value, and of which type it needs no reading."""
    kinds = [kind for kind in _members(declared) if typing.get_origin(kind) is not Literal]
    plain = [kind for kind in kinds if kind in _PLAIN or _is_mapping(kind)]
    if len(plain) == 1:
        kind = dict if _is_mapping(plain[0]) else plain[0]
        return {"plain": kind, "read": converter.get_structure_hook(declared)}
    optional = types.NoneType in kinds
    if optional and len(kinds) == 2:  # noqa: PLR2004 - one besides
        (kind,) = [kind for kind in kinds if kind is not types.NoneType]
        return {"plain": types.NoneType, "read": converter.get_structure_hook(kind)}
    return {"plain": _Nothing, "read": converter.get_structure_hook(declared)}


def _members(declared: Any) -> list[Any]:
    members = typing.get_args(declared) if _is_union(declared) else (declared,)
    return [member for member in members if member is not Unset]


# What is of these types already needs no reading.
_PLAIN: Final = frozenset({str, bool, int, float})


class _Nothing:
    """A type that no value has."""


def _careful_model_reader(cls: type[Any], converter: cattrs.BaseConverter) -> _Hook:
    rules: dict[str, Any] = {
        field.name: override(rename=json_name(field)) for field in _fields(cls)
    }
    rules |= _local_fields(cls)
    read = make_dict_structure_fn(cls, converter, extra=override(rename=_EXTRA), **rules)
    known = {json_name(field) for field in _fields(cls)}
    if _tag(cls):
        known.add("type")

    def read_model(value: Any, into: Any) -> Any:
        fields = read_object(value)
        if not known.issuperset(fields):
            unknown = {key: item for key, item in fields.items() if key not in known}
            fields = fields | {_EXTRA: unknown}
        return read(fields, into)

    return read_model


def _model_writer(cls: type[Any], converter: cattrs.BaseConverter, *, read_only: bool) -> Any:
    rules: dict[str, Any] = {
        field.name: override(
            rename=json_name(field),
            omit=True if not read_only and READ_ONLY in field.metadata else None,
            omit_if_default=field.default is None or field.default is UNSET,
        )
        for field in _fields(cls)
    }
    rules |= _local_fields(cls)
    write = make_dict_unstructure_fn(cls, converter, extra=override(omit=True), **rules)
    tag = _tag(cls)
    start: dict[str, Any] = {"type": tag} if tag else {}

    def write_model(value: Any) -> dict[str, Any]:
        written: dict[str, Any] = {**start, **write(value)}
        return {**value.extra, **written} if value.extra else written

    return write_model


def _is_union(into: Any) -> bool:
    return typing.get_origin(into) in {types.UnionType, typing.Union}


def _union_reader(into: Any, converter: cattrs.BaseConverter) -> _Hook:
    """Reads `X | None`, `Literal[...] | str`, and the unions of models by their discriminator."""
    members = _members(into)
    kinds = [member for member in members if member is not types.NoneType]
    if all(map(_is_model, kinds)) and len(kinds) > 1:
        kind, read = into, _kind_reader(kinds, converter)
    else:
        (kind,) = [member for member in kinds if typing.get_origin(member) is not Literal]
        read = converter.get_structure_hook(kind)
    # One function, not one in another: most of what is read goes through here.
    if len(kinds) == len(members):
        return lambda value, _: read(value, kind)
    return lambda value, _: None if value is None else read(value, kind)


def _kind_reader(kinds: Sequence[type[Model]], converter: cattrs.BaseConverter) -> _Hook:
    (unknown,) = [kind for kind in kinds if _tag(kind) is None]
    readers = {_tag(kind): _lazily(converter, kind) for kind in kinds if kind is not unknown}
    read_unknown = _lazily(converter, unknown)

    def read_kind(value: Any, _: Any) -> Any:
        fields = read_object(value)
        tag = fields.get("type")
        if isinstance(tag, str) and (reader := readers.get(tag)):
            return reader(fields, None)
        try:
            return read_unknown(fields, None)
        except (ValueError, cattrs.BaseValidationError):
            # What nobody knows cannot be wrong: it is kept as it is.
            known = {"type": tag} if isinstance(tag, str) else {}
            return unknown(**known, extra={key: fields[key] for key in fields.keys() - known})

    return read_kind


def _lazily(converter: cattrs.BaseConverter, kind: type[Model]) -> _Hook:
    """A reader that is made when it is first needed: kinds can contain themselves."""
    made: list[_Hook] = []

    def read(value: Any, _: Any) -> Any:
        if not made:
            made.append(converter.get_structure_hook(kind))
        return made[0](value, kind)

    return read


def _is_sequence(into: Any) -> bool:
    return typing.get_origin(into) in {Sequence, list}


def _sequence_reader(into: Any, converter: cattrs.BaseConverter) -> _Hook:
    (item,) = typing.get_args(into)
    read = list_structure_factory(cast("type", types.GenericAlias(list, (item,))), converter)

    def read_list(value: Any, _: Any) -> Any:
        return read(value, into) if isinstance(value, list) else mismatch("a list", value)

    return read_list


def _is_mapping(into: Any) -> bool:
    return typing.get_origin(into) in {Mapping, dict}


def _make_reader(*, explaining: bool) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=explaining)
    for scalar, hook in (
        (str, read_text),
        (int, read_integer),
        (float, read_number),
        (bool, read_boolean),
        (datetime, read_time),
    ):
        converter.register_structure_hook(scalar, cast("_Hook", hook))
    converter.register_structure_hook_func(_is_mapping, read_object)
    converter.register_structure_hook_factory(_is_sequence, _sequence_reader)
    converter.register_structure_hook_factory(_is_union, _union_reader)
    converter.register_structure_hook_factory(
        _is_model, _careful_model_reader if explaining else _model_reader
    )
    return converter


def _make_writer(*, read_only: bool) -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_unstructure_hook(datetime, write_time)
    converter.register_unstructure_hook(Unset, _refuse_unset)
    converter.register_unstructure_hook_factory(
        _is_model, functools.partial(_model_writer, read_only=read_only)
    )
    return converter


_reader: Final = _make_reader(explaining=False)
_writer: Final = _make_writer(read_only=True)
_request_writer: Final = _make_writer(read_only=False)


@functools.cache
def _explaining_reader() -> cattrs.Converter:
    """Slower, and keeps track of where it is: used once something has gone wrong."""
    return _make_reader(explaining=True)


def _explain(document: Any, into: Any, key: str) -> DecodeError:
    location, cause = "", Exception("it cannot be read")
    try:
        _explaining_reader().structure(document, into)
    except Exception as error:  # noqa: BLE001 - the point is to describe whatever it is
        location, cause = _locate(error)
    if isinstance(cause, KeyError):
        location, reason = f"{location}.{cause.args[0]}", "is missing"
    elif isinstance(cause, RecursionError):
        reason = "is nested too deeply"
    else:
        reason = str(cause)
    return DecodeError(reason, location=f"{key}{location}".lstrip("."))


def _locate(error: Exception) -> tuple[str, Exception]:
    """The first thing that went wrong, and the way there: `[3].author.type`."""
    location = ""
    while isinstance(error, cattrs.BaseValidationError):
        inner = error.exceptions[0]
        for note in getattr(inner, "__notes__", ()):
            if isinstance(note, cattrs.IterableValidationNote):
                location += f"[{note.index}]"
            elif isinstance(note, cattrs.AttributeValidationNote) and not isinstance(
                inner, KeyError
            ):
                location += f".{json_name(getattr(attrs.fields(error.cl), note.name))}"
        error = inner
    return location, error
