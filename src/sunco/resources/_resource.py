"""The base of all namespaces."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar, cast

from sunco._numbers import is_integer
from sunco.errors import ConfigurationError
from sunco.models.base import UNSET, Model
from sunco.models.messages import Author
from sunco.models.pages import Listing
from sunco.pagination import Paginator
from sunco.session import Session
from sunco.wire import Operation

__all__ = ["Resource", "changes", "exactly_one", "given", "required"]

T = TypeVar("T")


class Resource:
    """A namespace of operations over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _paginate(
        self,
        operation: Operation[list[T]],
        *,
        after: str | None,
        before: str | None,
        page_size: int | None = None,
        params: Mapping[str, Any] | None = None,
        backwards: bool = False,
        **ids: str | None,
    ) -> Paginator[T]:
        size = given(size=page_size)

        async def fetch(*, after: str | None, before: str | None) -> Listing[T]:
            page = {"after": after, "before": before, **size}
            return await self._session.list_page(
                operation, params={"page": page, **(params or {})}, **ids
            )

        return Paginator(fetch, after=after, before=before, backwards=backwards)


def required(**values: Any) -> dict[str, Any]:
    """The values under their keys in JSON, checked; none of them can be None.

    Raises:
        ConfigurationError: A value is of a wrong type.
    """
    for key, value in values.items():
        _check(key, value)
    return values


def given(**values: Any) -> dict[str, Any]:
    """The values that were given; None is left out, as there is nothing to clear.

    Raises:
        ConfigurationError: A value is of a wrong type.
    """
    return required(**{key: value for key, value in values.items() if value is not None})


def changes(**values: Any) -> dict[str, Any]:
    """The values to update: None clears one, UNSET leaves it unchanged.

    Raises:
        ConfigurationError: A value is of a wrong type.
    """
    changed = {key: value for key, value in values.items() if value is not UNSET}
    for key, value in changed.items():
        if value is not None:
            _check(key, value)
    return changed


def _check(key: str, value: object) -> None:
    most = _MOST.get(key)
    if most is not None:
        if not is_integer(value) or not 1 <= value <= most:
            raise ConfigurationError(f"{_argument(key)} must be from 1 to {most}, not {value!r}.")
        return
    kinds, words = _KINDS[key]
    if not isinstance(value, kinds) or isinstance(value, bool) is not (kinds is bool):
        raise ConfigurationError(f"{_argument(key)} must be {words}, not {type(value).__name__}.")
    items = _ITEMS.get(key)
    if items is not None and not _holds(cast("Sequence[object]", value), items):
        raise ConfigurationError(f"{_argument(key)} must be {words}.")


def _holds(values: Sequence[object], kind: type[Any]) -> bool:
    return not isinstance(values, (str, bytes)) and all(isinstance(each, kind) for each in values)


def _argument(key: str) -> str:
    """The name of the argument that is sent under a key."""
    return _RENAMED.get(key) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower()


_RENAMED: Final = {"size": "page_size", "identities.email": "email", "for": "used_for"}

_OBJECT: Final = (Model, Mapping)
_TEXT: Final = """
    access after app_id before brandId client_id client_secret code conversationId
    defaultSwitchboardIntegrationId description displayName externalId for iconUrl identities.email
    integrationId integrationType mediaUrl name nextSwitchboardIntegrationId participantId
    redirect_uri schema serviceAccountId state survivingZendeskId switchboardIntegration target type
    userExternalId userId
"""
_KINDS: Final[Mapping[str, tuple[Any, str]]] = {
    **dict.fromkeys(_TEXT.split(), (str, "a str")),
    **dict.fromkeys(
        (
            "deliverStandbyEvents",
            "enabled",
            "includeFullSource",
            "includeFullUser",
            "subscribeSDKClient",
            "toBeRetained",
        ),
        (bool, "a bool"),
    ),
    **dict.fromkeys(
        (
            "changes",
            "confirmation",
            "content",
            "destination",
            "integration",
            "interactiveDataRef",
            "matchCriteria",
            "override",
            "profile",
            "settings",
        ),
        (_OBJECT, "a model or a mapping"),
    ),
    "author": (Author, "an Author"),
    "metadata": (Mapping, "a mapping"),
    "signedUpAt": (datetime, "a datetime"),
    **dict.fromkeys(("triggers", "types"), (Sequence, "a sequence of str")),
    **dict.fromkeys(("messenger", "instagram", "whatsapp"), (Sequence, "a sequence of mappings")),
}
"""The types of arguments, under their keys in JSON, and how errors name them."""
_MOST: Final[Mapping[str, int]] = {"messageHistoryCount": 10, "size": 100}
"""The largest values of arguments that are whole numbers from 1."""
_ITEMS: Final[Mapping[str, type[Any]]] = {
    **dict.fromkeys(("triggers", "types"), str),
    **dict.fromkeys(("messenger", "instagram", "whatsapp"), Mapping),
}


def exactly_one(**values: Any) -> None:
    """Check that one of several arguments was given.

    Raises:
        ConfigurationError: None was, or more than one.
    """
    named = [name for name, value in values.items() if value is not None]
    if len(named) == 1:
        return
    *others, last = values
    choice = f"{', '.join(others)} or {last}"
    got = f"not {' and '.join(named)} together" if named else "one is needed"
    raise ConfigurationError(f"Pass {choice}: {got}.")
