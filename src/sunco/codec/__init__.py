"""JSON to models and back.

Reading is tolerant and loses nothing: unknown keys are kept in a model's `extra`, unknown or
unreadable kinds become `Unknown...` classes, other parts that cannot be read are None with their
JSON in `extra`, and a scalar of another type is converted. Writing leaves out what is None or UNSET
by default, and writes `extra` back.
"""

from __future__ import annotations

import types
from typing import Any, TypeVar, cast, overload

from sunco import _json
from sunco._json import is_object
from sunco.codec._cattrs import unstructure
from sunco.codec._compiled import reader_of
from sunco.codec._explain import ReadError, kind_of
from sunco.errors import ConfigurationError, DecodeError
from sunco.models.base import json_name

__all__ = ["decode", "encode", "json_name", "reader_of", "structure", "to_plain"]

T = TypeVar("T")


@overload
def decode(content: bytes, into: type[T], *, key: str | None = None) -> T: ...


# A union is not a type[T]: the caller annotates the result.
@overload
def decode(content: bytes, into: types.UnionType, *, key: str | None = None) -> Any: ...


def decode(content: bytes, into: Any, *, key: str | None = None) -> Any:
    """Read a JSON document into a model, a list of models or a union such as `Event`.

    Args:
        content: The document.
        into: What to read: a model class, `list[App]`, or a union of models.
        key: The key of the document whose value is read.

    Raises:
        DecodeError: The document cannot be read; `location` is the path to the cause.
    """
    return structure(_json.load(content), into, key=key)


def structure(document: Any, into: type[T], *, key: str | None = None, at: str = "") -> T:
    """Read a parsed JSON document; see `decode`.

    Args:
        document: The document.
        into: What to read.
        key: The key of the document whose value is read.
        at: The document's own location, for errors.

    Raises:
        DecodeError: The document cannot be read.
    """
    if key is not None:
        if not is_object(document):
            raise DecodeError(f"expected an object with {key!r}, got {kind_of(document)}")
        if key not in document:
            raise DecodeError("is missing", location=key)
        document = document[key]
    try:
        model: T = reader_of(cast("Any", into))(document)
    except ReadError as error:
        raise DecodeError(error.reason, location=error.location(key or at)) from None
    except RecursionError:
        raise DecodeError("is nested too deeply", location=key or at) from None
    return model


def encode(value: Any, *, read_only: bool = True) -> bytes:
    """Write a model, or plain values with models in them, as JSON.

    Args:
        value: The value.
        read_only: Whether to include what only the API sets; requests leave it out.

    Raises:
        ConfigurationError: The value has no JSON form.
    """
    try:
        plain = unstructure(value, read_only=read_only)
    except RecursionError:
        raise ConfigurationError("The value is nested too deeply to be written as JSON.") from None
    return _json.dump(plain)


def to_plain(value: Any) -> Any:
    """Plain JSON values of a model: new dicts, lists, strings, numbers, booleans and None.

    Raises:
        ConfigurationError: The value has no JSON form.
    """
    return _json.load(encode(value))
