"""The base of all models: frozen attrs classes that keep unknown JSON fields."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Final,
    Literal,
    Self,
    TypeVar,
    cast,
    dataclass_transform,
)

import attrs

from sunco.errors import DecodeError

__all__ = [
    "JSON_KEY",
    "LOCAL",
    "READ_ONLY",
    "UNSET",
    "Extra",
    "Metadata",
    "Model",
    "Unset",
    "json_key",
    "json_name",
    "local",
    "model",
    "read_only",
]

_ModelT = TypeVar("_ModelT", bound="Model")


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Leaves a value unchanged: its key is not sent. `None` sends null, which clears the value."""

Metadata = Mapping[str, Any]
"""Custom properties: a flat mapping of strings, numbers and booleans, 4 kB at most."""

JSON_KEY: Final = "sunco.json_key"
READ_ONLY: Final = "sunco.read_only"
LOCAL: Final = "sunco.local"


def json_key(key: str) -> dict[str, Any]:
    """Mark a field whose JSON name is not its own name in camelCase."""
    return {JSON_KEY: key}


def read_only() -> dict[str, Any]:
    """Mark a field that the API sets: it is read and never sent."""
    return {READ_ONLY: True}


def local() -> dict[str, Any]:
    """Mark a field that is not part of the JSON."""
    return {LOCAL: True}


def json_name(field: attrs.Attribute[Any]) -> str:
    """A field's name in JSON: its own name in camelCase, unless `json_key` says otherwise."""
    named = field.metadata.get(JSON_KEY)
    if named is not None:
        return cast("str", named)
    first, *others = field.name.split("_")
    return first + "".join(word.capitalize() for word in others)


class Extra(Mapping[str, Any]):
    """A read-only mapping of the JSON fields that a model has no attribute for."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, Any] | None = None) -> None:
        self._fields = dict(fields or {})

    def __getitem__(self, key: str) -> Any:
        return self._fields[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(self._fields)


_NO_EXTRA: Final = Extra()


def _as_extra(fields: Mapping[str, Any]) -> Extra:
    if fields is _NO_EXTRA or not fields:
        return _NO_EXTRA
    return fields if isinstance(fields, Extra) else Extra(fields)


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field, attrs.Factory)
)
def model(cls: type[_ModelT]) -> type[_ModelT]:
    """Make a class a model: frozen, slotted, with keyword-only fields unless declared otherwise."""
    return attrs.frozen(cls, kw_only=True, repr=False)


@model
class Model:
    """The base class of all models.

    Pydantic and FastAPI accept models as types of fields and responses, and FastAPI as a body with
    `Annotated[Message, Body()]`.

    Attributes:
        extra: JSON fields that this version of sunco does not know, or could not read, by their
            JSON names. They are written back unchanged.
    """

    if TYPE_CHECKING:
        __attrs_attrs__: ClassVar[tuple[attrs.Attribute[Any], ...]]

    # Left out of the hash because its values are whatever JSON holds.
    extra: Mapping[str, Any] = attrs.field(default=_NO_EXTRA, converter=_as_extra, hash=False)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """Read a model from plain JSON values, such as a webhook's or `to_dict`'s.

        Raises:
            DecodeError: A required field is missing or cannot be read, or the document's `type` is
                that of another model.
        """
        from sunco import codec  # noqa: PLC0415 - models are usable without loading cattrs

        tag: object = getattr(cls, "type", None)
        if isinstance(tag, str) and document.get("type", tag) != tag:
            raise DecodeError(f"expected {tag!r}, got another type", location="type")
        return codec.structure(document, cls)

    def to_dict(self) -> dict[str, Any]:
        """The model as plain JSON values, with the field names of the API.

        Fields that are None or UNSET by default are left out, and times are in ISO 8601.

        Raises:
            ConfigurationError: A value has no JSON form, such as a time without a time zone.
        """
        from sunco import codec  # noqa: PLC0415 - as above

        return cast("dict[str, Any]", codec.to_plain(self))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Called by Pydantic: read objects with `from_dict`, write models with `to_dict`."""
        from pydantic_core import core_schema  # noqa: PLC0415 - loaded by the caller already

        del source, handler
        return core_schema.no_info_plain_validator_function(
            cls._validate, serialization=core_schema.plain_serializer_function_ser_schema(_to_dict)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        """Called by Pydantic and FastAPI for the JSON schema, which has no details."""
        del schema, handler
        return {"type": "object", "title": cls.__name__}

    @classmethod
    def _validate(cls, value: object) -> Self:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping):
            raise ValueError("expected an object")  # noqa: TRY004 - what Pydantic collects
        document = cast("Mapping[str, Any]", value)
        # A union of kinds is tried from left to right: a kind must not read what is not its own.
        tag: object = getattr(cls, "type", None)
        if isinstance(tag, str) and document.get("type") != tag:
            raise ValueError(f"expected an object with the type {tag!r}")
        try:
            return cls.from_dict(document)
        except DecodeError as error:
            raise ValueError(str(error)) from None

    def __repr__(self) -> str:
        """Show what is set, without the fields that contain secrets."""
        extra, *fields = attrs.fields(type(self))
        shown = [
            f"{field.name}={value!r}"
            for field in (*fields, extra)
            if field.repr and (value := getattr(self, field.name)) != field.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def _to_dict(value: Model) -> dict[str, Any]:
    return value.to_dict()
