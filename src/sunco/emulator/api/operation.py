"""Operations: what one is, what it is called with, and the table that finds it by its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from sunco.emulator.errors import ApiError, resource_not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sunco.emulator.http.authentication import Principal
    from sunco.emulator.schemas.schema import Shape
    from sunco.emulator.state.account import Account
    from sunco.emulator.state.app import App

# The scopes that a key may have to be let in, as the spec's security sections give them.
NOBODY_IN_PARTICULAR: tuple[str, ...] = ()
ACCOUNT = ("account",)
APP = ("app", "account")
EVERYONE = ("integration", "app", "account")
WEBHOOKS = ("integration", "app")
INTEGRATION = ("integration",)


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer that sends a browser elsewhere."""

    location: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file."""

    name: str
    media_type: str
    content: bytes


Answer: TypeAlias = "dict[str, Any] | Redirect"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has been let in: authenticated, and its body in shape.

    Args:
        account: All that there is.
        principal: Who is calling.
        ids: The ids in the path, by name.
        query: The decoded query.
        body: The JSON body, empty if the operation takes none.
        origin: The address of the emulator.
        path: The path asked for.
        upload: The uploaded file, if the operation takes one.
    """

    account: Account
    principal: Principal
    ids: Mapping[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    origin: str
    path: str
    upload: Upload | None = None

    @property
    def app(self) -> App:
        """The app that the path names."""
        return self.account.apps[self.ids["appId"]]

    @property
    def address(self) -> str:
        """The address asked for, without its query."""
        return f"{self.origin}{self.path}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint.

    Its function is not a coroutine: no other request can come between what it reads and what it
    writes.
    """

    run: Callable[[Call], Answer]
    method: str
    path: str
    status: int
    body: Shape | None
    body_required: bool
    scopes: tuple[str, ...]
    takes_file: bool
    changes: bool


class Operations:
    """The operations of one namespace, collected by decorating their functions."""

    def __init__(self) -> None:
        self.all: list[Operation] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        body: Shape | None = None,
        body_required: bool = True,
        scopes: tuple[str, ...] = EVERYONE,
        takes_file: bool = False,
        changes: bool | None = None,
    ) -> Callable[[Callable[[Call], Answer]], Callable[[Call], Answer]]:
        """Make the decorated function the operation at this address.

        Args:
            method: The HTTP method.
            path: The path, with the names of ids in braces.
            status: The status of an answer that is not an error.
            body: The shape of the body, if there is one.
            body_required: Whether the body may not be left out.
            scopes: The scopes that may call it; without any, no key is needed.
            takes_file: Whether the body is an uploaded file.
            changes: Whether it changes anything; by default, all but GET does.
        """
        changing = method != "GET" if changes is None else changes

        def decorate(run: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
            operation = Operation(
                run, method, path, status, body, body_required, scopes, takes_file, changing
            )
            self.all.append(operation)
            return run

        return decorate


class _Place:
    """A node of the tree of paths."""

    def __init__(self) -> None:
        self.named: dict[str, _Place] = {}
        self.any_id: _Place | None = None
        self.methods: dict[str, Operation] = {}


class OperationTable:
    """Finds operations, in time that does not grow with their number.

    It looks at the path as it was sent: an external id may contain an escaped slash, which a
    decoded path would not tell from a separator.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Place()
        for operation in operations:
            place = self._root
            for segment in operation.path.strip("/").split("/"):
                if segment.startswith("{"):
                    place.any_id = place.any_id or _Place()
                    place = place.any_id
                else:
                    place = place.named.setdefault(segment, _Place())
            place.methods[operation.method] = operation

    def find(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]]:
        """The operation at this address, and the ids in its path.

        Raises:
            ApiError: 404 for an unknown path, 405 for a method that it does not have.
        """
        segments = [unquote(segment) for segment in raw_path.removeprefix("/").split("/")]
        place = self._root
        for segment in segments:
            found = place.named.get(segment) or (place.any_id if segment else None)
            if found is None:
                raise resource_not_found()
            place = found
        if not place.methods:
            raise resource_not_found()
        operation = place.methods.get(method)
        if operation is None:
            allowed = ", ".join(sorted(place.methods))
            raise ApiError(
                405, "method_not_allowed", "Method not allowed", headers={"allow": allowed}
            )
        names = operation.path.strip("/").split("/")
        return operation, {
            name[1:-1]: segment
            for name, segment in zip(names, segments, strict=True)
            if name.startswith("{")
        }
