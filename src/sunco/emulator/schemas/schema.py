"""Schemas in the words of JSON Schema, and the problems of a value that does not match one."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

METADATA_BYTES = 4096

Rule: TypeAlias = "Callable[[Mapping[str, Any]], str | None]"


class Schema(Protocol):
    """A schema for a value."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        ...


@dataclass(frozen=True, slots=True)
class String:
    """A string."""

    min_length: int = 0
    max_length: int | None = None
    enum: tuple[str, ...] = ()
    pattern: str | None = None
    uri: bool = False

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        if not isinstance(value, str):
            yield f"{path} must be a string"
        elif self.enum and value not in self.enum:
            yield f"{path} must be one of {', '.join(self.enum)}"
        elif len(value) < self.min_length:
            yield f"{path} must be at least {self.min_length} characters long"
        elif self.max_length is not None and len(value) > self.max_length:
            yield f"{path} must be at most {self.max_length} characters long"
        elif (self.pattern and not re.fullmatch(self.pattern, value)) or (
            self.uri and not _is_uri(value)
        ):
            yield f"{path} is not in the right format"


@dataclass(frozen=True, slots=True)
class Number:
    """A number, or an integer."""

    minimum: float | None = None
    maximum: float | None = None
    integer: bool = False

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        kinds = (int,) if self.integer else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            yield f"{path} must be {'an integer' if self.integer else 'a number'}"
        elif self.minimum is not None and value < self.minimum:
            yield f"{path} must be at least {self.minimum}"
        elif self.maximum is not None and value > self.maximum:
            yield f"{path} must be at most {self.maximum}"


@dataclass(frozen=True, slots=True)
class Boolean:
    """A boolean."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        if not isinstance(value, bool):
            yield f"{path} must be a boolean"


@dataclass(frozen=True, slots=True)
class Nullable:
    """A value that may also be null."""

    schema: Schema

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        if value is not None:
            yield from self.schema.problems(value, path)


@dataclass(frozen=True, slots=True)
class TextOr:
    """A string, or something else."""

    other: Schema
    text: String = field(default_factory=String)

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        schema = self.text if isinstance(value, str) else self.other
        yield from schema.problems(value, path)


@dataclass(frozen=True, slots=True)
class NumberOr:
    """A number, or something else."""

    other: Schema
    number: Number

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        schema = self.other if _is_object(value) else self.number
        yield from schema.problems(value, path)


@dataclass(frozen=True, slots=True)
class Array:
    """An array."""

    items: Schema
    min_items: int = 0
    max_items: int | None = None

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        if not _is_array(value):
            yield f"{path} must be an array"
        elif len(value) < self.min_items:
            yield f"{path} must have at least {self.min_items} items"
        elif self.max_items is not None and len(value) > self.max_items:
            yield f"{path} must have at most {self.max_items} items"
        else:
            for index, item in enumerate(value):
                yield from self.items.problems(item, f"{path}[{index}]")


@dataclass(frozen=True, slots=True)
class Object:
    """An object.

    Args:
        properties: The known members.
        required: The members that must be there.
        rules: Conditions across members, checked once each member is valid.
        additional_properties: Whether unknown members are allowed, as in all schemas of the spec.
    """

    properties: Mapping[str, Schema] = field(default_factory=dict[str, Schema])
    required: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    additional_properties: bool = True

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        if not _is_object(value):
            yield f"{path} must be an object"
            return
        prefix = f"{path}." if path else ""
        found = [f"{prefix}{name} is required" for name in self.required if name not in value]
        for name, member in value.items():
            schema = self.properties.get(name)
            if schema is not None:
                found.extend(schema.problems(member, f"{prefix}{name}"))
            elif not self.additional_properties:
                found.append(f"{prefix}{name} is not known")
        yield from found or self._broken_rules(value, path)

    def _broken_rules(self, members: Mapping[str, Any], path: str) -> Iterator[str]:
        for rule in self.rules:
            problem = rule(members)
            if problem is not None:
                yield f"{path}: {problem}" if path else problem


@dataclass(frozen=True, slots=True)
class Tagged:
    """One of several objects, selected by their `type`."""

    variants: Mapping[str, Schema]

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        tag = value.get("type") if _is_object(value) else None
        variant = self.variants.get(tag) if isinstance(tag, str) else None
        if variant is None:
            yield f"{path}.type must be one of {', '.join(self.variants)}"
        else:
            yield from variant.problems(value, path)


@dataclass(frozen=True, slots=True)
class Metadata:
    """A flat object of strings, numbers and booleans, at most 4,096 bytes of JSON."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """The problems of the value at `path`, one message each."""
        if not _is_object(value):
            yield f"{path} must be an object"
            return
        for name, member in value.items():
            if not isinstance(member, str | int | float):
                yield f"{path}.{name} must be a string, a number or a boolean"
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode("utf-8", "replace")) > METADATA_BYTES:
            yield f"{path} must not exceed {METADATA_BYTES} bytes"


def exactly_one(*names: str) -> Rule:
    """A rule: exactly one of these members."""

    def rule(members: Mapping[str, Any]) -> str | None:
        if sum(name in members for name in names) == 1:
            return None
        return f"exactly one of {', '.join(names)} is required"

    return rule


def at_least_one(*names: str) -> Rule:
    """A rule: one or more of these members."""

    def rule(members: Mapping[str, Any]) -> str | None:
        if any(name in members for name in names):
            return None
        return f"one of {', '.join(names)} is required"

    return rule


def at_most_one(*names: str) -> Rule:
    """A rule: none or one of these members."""

    def rule(members: Mapping[str, Any]) -> str | None:
        if sum(name in members for name in names) <= 1:
            return None
        return f"only one of {', '.join(names)} is allowed"

    return rule


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_array(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)
