"""How a shape is written down, and what is wrong with a value that should have it.

The shapes themselves are data, in `sunco.emulator.shapes`.
"""

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


class Shape(Protocol):
    """What a value may look like."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Say what is wrong with the value found at `path`."""
        ...


@dataclass(frozen=True, slots=True)
class String:
    """Text, within limits."""

    shortest: int = 0
    longest: int | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    uri: bool = False

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Say what is wrong with the value found at `path`."""
        if not isinstance(value, str):
            yield f"{path} must be a string"
        elif self.choices and value not in self.choices:
            yield f"{path} must be one of {', '.join(self.choices)}"
        elif len(value) < self.shortest:
            yield f"{path} must be at least {self.shortest} characters long"
        elif self.longest is not None and len(value) > self.longest:
            yield f"{path} must be at most {self.longest} characters long"
        elif (self.pattern and not re.fullmatch(self.pattern, value)) or (
            self.uri and not _is_uri(value)
        ):
            yield f"{path} is not in the right format"


@dataclass(frozen=True, slots=True)
class Number:
    """A number, within limits."""

    least: float | None = None
    most: float | None = None
    whole: bool = False

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Say what is wrong with the value found at `path`."""
        kinds = (int,) if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            yield f"{path} must be {'an integer' if self.whole else 'a number'}"
        elif self.least is not None and value < self.least:
            yield f"{path} must be at least {self.least}"
        elif self.most is not None and value > self.most:
            yield f"{path} must be at most {self.most}"


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Say what is wrong with the value found at `path`."""
        if not isinstance(value, bool):
            yield f"{path} must be a boolean"


@dataclass(frozen=True, slots=True)
class Nullable:
    """What may also be null."""

    shape: Shape

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Say what is wrong with the value found at `path`."""
        if value is not None:
            yield from self.shape.problems(value, path)


@dataclass(frozen=True, slots=True)
class Array:
    """A list, of some length."""

    each: Shape
    fewest: int = 0
    most: int | None = None

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Say what is wrong with the value found at `path`."""
        if not _is_array(value):
            yield f"{path} must be an array"
        elif len(value) < self.fewest:
            yield f"{path} must have at least {self.fewest} items"
        elif self.most is not None and len(value) > self.most:
            yield f"{path} must have at most {self.most} items"
        else:
            for index, item in enumerate(value):
                yield from self.each.problems(item, f"{path}[{index}]")


@dataclass(frozen=True, slots=True)
class Object:
    """An object with known fields. Others are let through: the spec closes no schema."""

    fields: Mapping[str, Shape] = field(default_factory=dict[str, Shape])
    required: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Say what is wrong with the value found at `path`."""
        if not _is_object(value):
            yield f"{path} must be an object"
            return
        prefix = f"{path}." if path else ""
        found = [f"{prefix}{name} is required" for name in self.required if name not in value]
        for name, member in value.items():
            shape = self.fields.get(name)
            if shape is not None:
                found.extend(shape.problems(member, f"{prefix}{name}"))
        # Rules look across fields, and may take it that each is well-formed.
        yield from found or self._broken_rules(value, path)

    def _broken_rules(self, members: Mapping[str, Any], path: str) -> Iterator[str]:
        for rule in self.rules:
            problem = rule(members)
            if problem is not None:
                yield f"{path}: {problem}" if path else problem


@dataclass(frozen=True, slots=True)
class Tagged:
    """One of several objects, told apart by their `type`."""

    kinds: Mapping[str, Shape]

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Say what is wrong with the value found at `path`."""
        tag = value.get("type") if _is_object(value) else None
        kind = self.kinds.get(tag) if isinstance(tag, str) else None
        if kind is None:
            yield f"{path}.type must be one of {', '.join(self.kinds)}"
        else:
            yield from kind.problems(value, path)


@dataclass(frozen=True, slots=True)
class Metadata:
    """A flat object of strings, numbers and booleans, of limited size."""

    def problems(self, value: Any, path: str) -> Iterator[str]:
        """Say what is wrong with the value found at `path`."""
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
    """A rule: one of these fields, and no other of them."""

    def rule(members: Mapping[str, Any]) -> str | None:
        if sum(name in members for name in names) == 1:
            return None
        return f"exactly one of {', '.join(names)} is required"

    return rule


def at_least_one(*names: str) -> Rule:
    """A rule: one of these fields, or more."""

    def rule(members: Mapping[str, Any]) -> str | None:
        if any(name in members for name in names):
            return None
        return f"one of {', '.join(names)} is required"

    return rule


def at_most_one(*names: str) -> Rule:
    """A rule: one of these fields, or none."""

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
