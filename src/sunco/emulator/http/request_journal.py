"""The last requests to the API, with their bodies. Secrets are masked."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_REQUESTS = 1000
MAX_BODY_BYTES = 100_000
MASK = "***"
SECRET_NAMES = frozenset(
    {
        "accesstoken",
        "access_token",
        "apikey",
        "authtoken",
        "certificate",
        "channelaccesstoken",
        "channelsecret",
        "client_secret",
        "code",
        "confirmationcode",
        "consumersecret",
        "messagebirdaccesskey",
        "pageaccesstoken",
        "password",
        "pushsecret",
        "refreshtoken",
        "secret",
        "serverkey",
        "signingkey",
        "token",
        "tokensecret",
        "webhooksecret",
    }
)


@dataclass(frozen=True, slots=True)
class RequestEntry:
    """A request to the API and its response.

    Args:
        id: Its number, from 1.
        operation: The operation, as `PostMessage`; None if no operation has this path.
        method: The HTTP method.
        path: The path as it was sent.
        query: The decoded query.
        body: The JSON body of the request, or a note on its size; secrets are masked.
        status: The status of the response; None if the connection was broken.
        response: The JSON body of the response, or a note on its size; secrets are masked.
        at: When it arrived, in the format of the API.
        duration: The seconds until the response was sent.
    """

    id: int
    operation: str | None
    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int | None
    response: Any
    at: str
    duration: float

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON values."""
        return asdict(self)


class RequestJournal:
    """Keeps the last thousand requests.

    Args:
        recorded: Called after each request.
    """

    def __init__(self, recorded: Callable[[RequestEntry], None]) -> None:
        self.entries: deque[RequestEntry] = deque(maxlen=MAX_REQUESTS)
        self._recorded = recorded
        self._number = 0

    def add(self, **members: Any) -> None:
        """Add an entry; see `RequestEntry` for the members, all but `id`."""
        self._number += 1
        entry = RequestEntry(id=self._number, **members)
        self.entries.append(entry)
        self._recorded(entry)

    def find(
        self,
        *,
        operation: str | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        unmatched: bool = False,
        limit: int | None = None,
    ) -> list[RequestEntry]:
        """The last requests that match all that is given, the oldest first.

        Args:
            operation: The operation.
            method: The HTTP method.
            path: The path.
            status: The status of the response.
            unmatched: Whether only those that no operation has the path of.
            limit: How many at most.
        """
        wanted = {"operation": operation, "method": method, "path": path, "status": status}
        found = [
            entry
            for entry in self.entries
            if all(value is None or getattr(entry, name) == value for name, value in wanted.items())
            and not (unmatched and entry.operation is not None)
        ]
        return found if limit is None else found[-limit:]


def readable(content: bytes, media_type: str) -> Any:
    """A body as it is kept: masked JSON, or a note on its type and size."""
    if not content:
        return None
    if len(content) <= MAX_BODY_BYTES and media_type.partition(";")[0].strip().endswith("json"):
        try:
            return masked(json.loads(content))
        except (ValueError, RecursionError):
            pass
    return f"{len(content)} bytes of {media_type or 'unknown type'}"


def masked(value: Any) -> Any:
    """JSON values with everything masked whose name says that it is a secret."""
    if isinstance(value, dict):
        members = cast("Mapping[str, Any]", value)
        return {
            name: MASK if name.lower() in SECRET_NAMES and member else masked(member)
            for name, member in members.items()
        }
    if isinstance(value, list):
        return [masked(member) for member in cast("list[object]", value)]
    return value
