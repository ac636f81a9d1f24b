"""Reads models from JSON objects quickly, by learning the shapes in which they come.

An API's objects come in few shapes: the same keys in the same order, again and again. For each a
function is written that sets one field after the other, so that nothing is looked up for what is
there, and what is absent costs no more than setting its default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sunco.codec._scalars import read_object

__all__ = ["REQUIRED", "Field", "ShapeReader"]

_MOST_SHAPES: Final = 200

Hook = Callable[[Any, Any], Any]


class Field(NamedTuple):
    """A field of a model.

    Attributes:
        name: Its name in the model.
        key: Its name in JSON; None where it is no part of the JSON.
        plain: A type whose values are taken as they are.
        read: Reads all other values.
        default: What an absent one is; `REQUIRED` where it must not be absent.
    """

    name: str
    key: str | None
    plain: type
    read: Hook
    default: Any


class _Required:
    """What a field has that has no default."""


REQUIRED: Final = _Required()


class ShapeReader:
    """Reads objects into one class. It raises whatever goes wrong.

    Args:
        cls: A class with slots; its constructor is not called.
        fields: Its fields, but for `extra`.
        ignored: Keys that are known, and no fields.
        keep: Makes the field `extra` of the keys that nobody knows.
        otherwise: Reads what comes in too many shapes.
    """

    def __init__(
        self,
        cls: type[Any],
        fields: Sequence[Field],
        *,
        ignored: frozenset[str],
        keep: Callable[[dict[str, Any]], Any],
        otherwise: Hook,
    ) -> None:
        self._cls = cls
        self._fields = fields
        self._ignored = ignored
        self._keep = keep
        self._otherwise = otherwise
        self._shapes: dict[tuple[str, ...], Callable[[Mapping[str, Any]], Any]] = {}

    def hook(self) -> Hook:
        """What reads an object."""
        learn, known = self._learn, self._shapes.get

        def read(value: Any, _: Any) -> Any:
            if value.__class__ is not dict:
                read_object(value)
            keys = tuple(value)
            return (known(keys) or learn(keys))(value)

        return read

    def _learn(self, keys: tuple[str, ...]) -> Callable[[Mapping[str, Any]], Any]:
        # Who sends ever new keys must not fill the memory with them.
        if len(self._shapes) >= _MOST_SHAPES:
            return lambda fields: self._otherwise(fields, self._cls)
        names: dict[str, Any] = {"make": object.__new__, "cls": self._cls}
        lines = "\n    ".join(self._lines(keys, names))
        # Of what was received, only the number of keys gets into the text.
        exec(f"def read(fields):\n    {lines}", names)  # noqa: S102
        read: Callable[[Mapping[str, Any]], Any] = names["read"]
        self._shapes[keys] = read
        return read

    def _lines(self, keys: tuple[str, ...], names: dict[str, Any]) -> Iterator[str]:
        by_key = {field.key: field for field in self._fields if field.key is not None}
        yield "made = make(cls)"
        if keys:
            yield f"[{', '.join(f'value{place}' for place in range(len(keys)))}] = fields.values()"
        for place, key in enumerate(keys):
            if key in by_key:
                field = by_key[key]
                names[f"set{place}"] = self._setter(field.name)
                names[f"plain{place}"], names[f"read{place}"] = field.plain, field.read
                yield (
                    f"set{place}(made, value{place} if type(value{place}) is plain{place}"
                    f" else read{place}(value{place}, None))"
                )
        unknown = [key for key in keys if key not in by_key and key not in self._ignored]
        absent = {field.name: field.default for field in self._fields if field.key not in keys}
        if REQUIRED in absent.values():
            raise KeyError
        names |= {"keep": self._keep, "unknown": unknown, "set_extra": self._setter("extra")}
        if unknown:
            yield "set_extra(made, keep({key: fields[key] for key in unknown}))"
        else:
            absent["extra"] = self._keep({})
        for name, default in absent.items():
            names[f"set_{name}"], names[f"default_{name}"] = self._setter(name), default
            yield f"set_{name}(made, default_{name})"
        yield "return made"

    def _setter(self, name: str) -> Callable[[Any, Any], None]:
        # The class is frozen; its slots are not.
        setter: Callable[[Any, Any], None] = getattr(self._cls, name).__set__
        return setter
