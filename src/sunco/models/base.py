"""What all models share: frozen attrs classes that keep what they do not know."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar, cast, dataclass_transform

import attrs

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
"""Leaves a value as it is: its key is not sent. `None` sends null, which clears the value."""

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
    """Mark a field that is no part of the JSON."""
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
    """Make `cls` a model: frozen, slotted, keyword-only but for fields that say otherwise."""
    return attrs.frozen(cls, kw_only=True, repr=False)


@model
class Model:
    """What every model can do.

    Attributes:
        extra: JSON fields that this version of sunco does not know, by their JSON names. They are
            written back as they were read.
    """

    if TYPE_CHECKING:
        __attrs_attrs__: ClassVar[tuple[attrs.Attribute[Any], ...]]

    # Left out of the hash because its values are whatever JSON holds.
    extra: Mapping[str, Any] = attrs.field(default=_NO_EXTRA, converter=_as_extra, hash=False)

    def __repr__(self) -> str:
        """Show what is set, without the fields that hold secrets."""
        extra, *fields = attrs.fields(type(self))
        shown = [
            f"{field.name}={value!r}"
            for field in (*fields, extra)
            if field.repr and (value := getattr(self, field.name)) != field.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"
