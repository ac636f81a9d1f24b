"""Writers of models. The only file that imports cattrs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache, partial
from typing import Any, Final, NoReturn

import attrs
import cattrs
from cattrs.gen import make_dict_unstructure_fn, override

from sunco._literals import check_value, check_values, known_values
from sunco.codec._scalars import write_time
from sunco.errors import ConfigurationError
from sunco.models.base import LOCAL, READ_ONLY, UNSET, Model, Unset, json_name

__all__ = ["unstructure"]


_NO_EXTRA: Final = Model().extra


def unstructure(value: Any, *, read_only: bool) -> Any:
    """Plain values of a model, or of plain values with models in them.

    Args:
        value: The value.
        read_only: Whether to include what only the API sets.

    Raises:
        ConfigurationError: The value contains UNSET or a time without a time zone.
    """
    return _writer(read_only=read_only).unstructure(value)


@cache
def _writer(*, read_only: bool) -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_unstructure_hook(datetime, write_time)
    converter.register_unstructure_hook(Unset, _reject_unset)
    converter.register_unstructure_hook_factory(
        lambda cls: isinstance(cls, type) and issubclass(cls, Model),
        partial(_model_writer, read_only=read_only),
    )
    return converter


def _reject_unset(_: Unset) -> NoReturn:
    raise ConfigurationError("UNSET cannot be sent: leave the key out instead.")


def _model_writer(cls: type[Any], converter: cattrs.BaseConverter, *, read_only: bool) -> Any:
    attrs.resolve_types(cls)
    rules: dict[str, Any] = {
        field.name: override(
            rename=json_name(field),
            omit=True if not read_only and READ_ONLY in field.metadata else None,
            omit_if_default=field.default is None or field.default is UNSET,
        )
        for field in attrs.fields(cls)
    }
    rules |= {name: override(omit=True) for name in _not_in_json(cls)}
    write = make_dict_unstructure_fn(cls, converter, **rules)
    tag = getattr(cls, "type", None)
    start: dict[str, Any] = {"type": tag} if isinstance(tag, str) else {}
    enumerations = [] if read_only else list(_enumerations(cls))

    def write_model(value: Any) -> dict[str, Any]:
        for name, title, known, check in enumerations:
            given = getattr(value, name)
            if given is not None and given is not UNSET:
                check(title, given, known)
        written: dict[str, Any] = {**start, **write(value)}
        extra = value.extra
        # Nearly all models share the empty one: looking into it would cost a call.
        return written if extra is _NO_EXTRA or not extra else {**extra, **written}

    return write_model


def _enumerations(cls: type[Any]) -> Iterator[tuple[str, str, tuple[str, ...], Any]]:
    """The attributes whose values are checked before they are sent, and how."""
    for field in attrs.fields(cls):
        known = known_values(field.type)
        if known and READ_ONLY not in field.metadata:
            check = check_values if "Sequence" in str(field.type) else check_value
            yield field.name, f"{cls.__name__}.{field.name}", known, check


def _not_in_json(cls: type[Any]) -> Iterator[str]:
    yield "extra"
    yield from (field.name for field in attrs.fields(cls) if LOCAL in field.metadata)
