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
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NoReturn, TypeVar, cast, overload

import attrs
import cattrs
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from sunco import jsontext
from sunco.errors import ConfigurationError, DecodeError
from sunco.jsontext import is_object
from sunco.models._model import JSON_KEY, LOCAL, READ_ONLY, UNSET, Model, Unset

__all__ = ["decode", "encode", "json_name", "structure"]

T = TypeVar("T")
_Hook = Callable[[Any, Any], Any]

# Where what is unknown is handed to the generated readers. A document that has this very key loses
# nothing: it is unknown, too.
_EXTRA: Final = "sunco:extra"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Final[Mapping[type, str]] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    types.NoneType: "null",
}


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
    return structure(jsontext.load(content), into, key=key)


def structure(document: Any, into: type[T], *, key: str | None = None, at: str = "") -> T:
    """As `decode`, for what has been read from JSON already; `at` says where it stood."""
    if key is not None:
        if not is_object(document):
            raise DecodeError(f"expected an object with {key!r}, got {_kind(document)}")
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
    return jsontext.dump(writer.unstructure(value))


class _MismatchError(ValueError):
    """A JSON value that cannot be read as what is declared."""


def _mismatch(expected: str, value: object) -> NoReturn:
    raise _MismatchError(f"expected {expected}, got {_kind(value)}")


def _kind(value: object) -> str:
    return _KINDS.get(type(value), type(value).__name__)


def _read_text(value: Any, _: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    _mismatch("text", value)


def _read_integer(value: Any, _: Any) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise _MismatchError("expected a whole number, got other text") from None
    _mismatch("a whole number", value)


def _read_number(value: Any, _: Any) -> float:
    # An integer stays one, so that it is written back as it came.
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            # Whole numbers are not always within a float's precision: ids, for one.
            return int(value)
        except ValueError:
            pass
        try:
            number = float(value)
        except ValueError:
            raise _MismatchError("expected a number, got other text") from None
        if abs(number) < float("inf"):
            return number
    _mismatch("a number", value)


def _read_boolean(value: Any, _: Any) -> bool:
    if isinstance(value, bool):
        return value
    match value:
        case 1 | "true" | "True" | "1":
            return True
        case 0 | "false" | "False" | "0":
            return False
        case _:
            _mismatch("a boolean", value)


# Seconds would be beyond the year 5000 here, so a larger number must be milliseconds.
_LARGEST_SECONDS: Final = 1e11


def _read_time(value: Any, _: Any) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) > _LARGEST_SECONDS else value
            return _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        raise _MismatchError("expected a time in ISO 8601") from None
    _mismatch("a time", value)


def _read_object(value: Any, _: Any = None) -> dict[str, Any]:
    return value if is_object(value) else _mismatch("an object", value)


def _write_time(value: datetime) -> str:
    if value.tzinfo is None:
        raise ConfigurationError(
            f"{value!r} has no time zone: use an aware datetime, as in datetime.now(UTC)."
        )
    value = value.astimezone(UTC)
    # The API has milliseconds; finer time is kept where there is any, so that nothing is lost.
    precision = "microseconds" if value.microsecond % 1000 else "milliseconds"
    return value.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


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
    rules: dict[str, Any] = {
        field.name: override(rename=json_name(field)) for field in _fields(cls)
    }
    rules |= _local_fields(cls)
    read = make_dict_structure_fn(cls, converter, extra=override(rename=_EXTRA), **rules)
    known = {json_name(field) for field in _fields(cls)}
    if _tag(cls):
        known.add("type")

    def read_model(value: Any, into: Any) -> Any:
        fields = _read_object(value)
        if not known.issuperset(fields):
            fields = fields | {_EXTRA: {key: fields[key] for key in fields.keys() - known}}
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
    members = [member for member in typing.get_args(into) if member is not Unset]
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
        fields = _read_object(value)
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

    @functools.cache
    def hook() -> _Hook:
        return converter.get_structure_hook(kind)

    return lambda value, _: hook()(value, kind)


def _is_sequence(into: Any) -> bool:
    return typing.get_origin(into) in {Sequence, list}


def _sequence_reader(into: Any, converter: cattrs.BaseConverter) -> _Hook:
    (item,) = typing.get_args(into)
    read = list_structure_factory(cast("type", types.GenericAlias(list, (item,))), converter)

    def read_list(value: Any, _: Any) -> Any:
        return read(value, into) if isinstance(value, list) else _mismatch("a list", value)

    return read_list


def _is_mapping(into: Any) -> bool:
    return typing.get_origin(into) in {Mapping, dict}


def _make_reader(*, explaining: bool) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=explaining)
    for scalar, hook in (
        (str, _read_text),
        (int, _read_integer),
        (float, _read_number),
        (bool, _read_boolean),
        (datetime, _read_time),
    ):
        converter.register_structure_hook(scalar, cast("_Hook", hook))
    converter.register_structure_hook_func(_is_mapping, _read_object)
    converter.register_structure_hook_factory(_is_sequence, _sequence_reader)
    converter.register_structure_hook_factory(_is_union, _union_reader)
    converter.register_structure_hook_factory(_is_model, _model_reader)
    return converter


def _make_writer(*, read_only: bool) -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_unstructure_hook(datetime, _write_time)
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
