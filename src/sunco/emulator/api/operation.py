"""Operations of the API: what they are, their calls, and the table that finds them by path."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote

from sunco.emulator.errors import ApiError, resource_not_found
from sunco.emulator.state.credentials import Principal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sunco.emulator.schemas.schema import Schema
    from sunco.emulator.state.account import Account
    from sunco.emulator.state.app import App

# The scopes that may call an operation, from the security sections of the spec.
PUBLIC: tuple[str, ...] = ()
ACCOUNT = ("account",)
APP = ("app", "account")
EVERYONE = ("integration", "app", "account")
WEBHOOKS = ("integration", "app")
INTEGRATION = ("integration",)

# The path prefix of the API on Zendesk subdomains.
PREFIX = "sc/"
_OTHER_VERSIONS = frozenset({"v1", "v1.1"})
_OTHER_PARTS = frozenset({"notifications", "templates"})


@dataclass(frozen=True, slots=True)
class Redirect:
    """A result that redirects the browser."""

    location: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file."""

    name: str
    media_type: str
    content: bytes


Result: TypeAlias = "dict[str, Any] | Redirect"


@dataclass(frozen=True, slots=True)
class Call:
    """An authorized request with a valid body.

    Args:
        account: The account.
        principal: The caller.
        ids: The ids in the path, by name.
        query: The decoded query.
        body: The JSON body, empty if the operation has none.
        origin: The base URL of the emulator.
        path: The path of the request.
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
        """The app in the path."""
        return self.account.apps[self.ids["appId"]]

    @property
    def url(self) -> str:
        """The URL of the request without its query."""
        return f"{self.origin}{self.path}"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API.

    Its function is not a coroutine: no other request runs between its reads and its writes.
    """

    name: str
    run: Callable[[Call], Result]
    method: str
    path: str
    status: int
    body: Schema | None
    body_required: bool
    scopes: tuple[str, ...]
    takes_file: bool
    takes_form: bool
    mutates: bool
    erases: bool


@dataclass(frozen=True, slots=True)
class OperationCall:
    """A call of an operation, which a recorder can execute."""

    operation: Operation
    call: Call

    @property
    def mutates(self) -> bool:
        """Whether the operation changes the state."""
        return self.operation.mutates

    @property
    def erases(self) -> bool:
        """Whether the data that it deletes must not stay in the journal."""
        return self.operation.erases

    @property
    def file(self) -> bytes:
        """The content of the uploaded file."""
        return self.call.upload.content if self.call.upload else b""

    def run(self) -> Result:
        """Execute the operation.

        Raises:
            ApiError: It is rejected.
        """
        return self.operation.run(self.call)

    def to_entry(self) -> dict[str, Any]:
        """The call as JSON values, without the file."""
        call, upload = self.call, self.call.upload
        return {
            "method": self.operation.method,
            "path": call.path,
            "ids": call.ids,
            "query": call.query,
            "body": call.body,
            "origin": call.origin,
            "principal": asdict(call.principal),
            "upload": upload and {"name": upload.name, "media_type": upload.media_type},
        }

    @classmethod
    def from_entry(
        cls, table: OperationTable, account: Account, entry: Mapping[str, Any], file: bytes
    ) -> OperationCall:
        """Undo `to_entry`."""
        operation, ids = table.find(entry["method"], entry["path"])
        call = Call(
            account,
            Principal(**entry["principal"]),
            {**ids, **entry["ids"]},
            entry["query"],
            entry["body"],
            entry["origin"],
            entry["path"],
            Upload(**entry["upload"], content=file) if entry["upload"] else None,
        )
        return cls(operation, call)


class Operations:
    """The operations of one namespace."""

    def __init__(self) -> None:
        self.all: list[Operation] = []

    def add(
        self,
        name: str,
        method: str,
        path: str,
        *,
        status: int = 200,
        body: Schema | None = None,
        body_required: bool = True,
        scopes: tuple[str, ...] = EVERYONE,
        takes_file: bool = False,
        takes_form: bool = False,
        mutates: bool | None = None,
        erases: bool = False,
    ) -> Callable[[Callable[[Call], Result]], Callable[[Call], Result]]:
        """Add the decorated function as an operation.

        Args:
            name: Its name in the spec, as `PostMessage`.
            method: The HTTP method.
            path: The path, with the names of ids in braces.
            status: The status of a successful response.
            body: The schema of the body, None if there is no body.
            body_required: Whether the body must be sent.
            scopes: The scopes that may call it; empty for no authentication.
            takes_file: Whether the body is an uploaded file.
            takes_form: Whether the body may also be a URL-encoded form.
            mutates: Whether it changes the state; by default, all methods but GET do.
            erases: Whether the data that it deletes must not stay in the journal.
        """

        def decorate(run: Callable[[Call], Result]) -> Callable[[Call], Result]:
            self.all.append(
                Operation(
                    name,
                    run,
                    method,
                    path,
                    status,
                    body,
                    body_required,
                    scopes,
                    takes_file,
                    takes_form,
                    method != "GET" if mutates is None else mutates,
                    erases,
                )
            )
            return run

        return decorate


class OperationTable:
    """Finds operations by path, in constant time.

    It matches the path as it was sent: an external id can contain an escaped slash, which cannot be
    distinguished from a separator in a decoded path. Names are matched in any case, a trailing
    slash and the prefix `/sc` are ignored.
    """

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            node = self._root
            for segment in operation.path.strip("/").split("/"):
                if segment.startswith("{"):
                    node.any_id = node.any_id or _Node()
                    node = node.any_id
                else:
                    node = node.named.setdefault(segment.lower(), _Node())
            node.methods[operation.method] = operation

    def find(self, method: str, raw_path: str) -> tuple[Operation, dict[str, str]]:
        """The operation at this path, and the ids in the path.

        Raises:
            ApiError: 404 for an unknown path, 405 for a method that the path does not have.
        """
        segments = [unquote(segment) for segment in _normalize(raw_path).split("/")]
        node = self._root
        for segment in segments:
            found = node.named.get(segment.lower()) or (node.any_id if segment else None)
            if found is None:
                raise _unknown_path(segments)
            node = found
        if not node.methods:
            raise _unknown_path(segments)
        operation = node.methods.get(method)
        if operation is None:
            allowed = ", ".join(sorted(node.methods))
            raise ApiError(
                405, "method_not_allowed", "Method not allowed", headers={"allow": allowed}
            )
        names = operation.path.strip("/").split("/")
        return operation, {
            name[1:-1]: segment
            for name, segment in zip(names, segments, strict=True)
            if name.startswith("{")
        }


@dataclass(slots=True)
class _Node:
    """A position in the tree of paths."""

    methods: dict[str, Operation] = field(default_factory=dict[str, "Operation"])
    named: dict[str, _Node] = field(default_factory=dict[str, "_Node"])
    any_id: _Node | None = None


def _normalize(raw_path: str) -> str:
    path = raw_path.removeprefix("/").removesuffix("/")
    return path[len(PREFIX) :] if path.lower().startswith(PREFIX) else path


def _unknown_path(segments: list[str]) -> ApiError:
    parts = {segment.lower() for segment in segments}
    if segments[0].lower() in _OTHER_VERSIONS or not _OTHER_PARTS.isdisjoint(parts):
        return resource_not_found("This part of the API is not emulated")
    return resource_not_found()
