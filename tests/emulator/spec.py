"""Holding what the emulator says against the API's specification.

`SUNCO_OPENAPI` names the specification's file. Where it is set, every response to every test of the
emulator, and every webhook's call, is validated against its schemas.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import httpx

SPEC = os.environ.get("SUNCO_OPENAPI")
needs_spec = pytest.mark.skipif(
    SPEC is None, reason="SUNCO_OPENAPI does not name the API's specification"
)

JSON = dict[str, Any]
METHODS = ("get", "post", "patch", "put", "delete")


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with the specification.

    Args:
        reason: What it is.
        correct: Puts it right.
        excuses: Patterns of what it makes validators complain of, where it cannot be put right.
    """

    reason: str
    correct: Callable[[JSON], None] = lambda _: None
    excuses: tuple[str, ...] = ()


def document_errors(specification: JSON) -> None:
    schema = {"$ref": "#/components/schemas/errorResponse"}
    error = {"description": "error", "content": {"application/json": {"schema": schema}}}
    for item in specification["paths"].values():
        for method in METHODS:
            for status in UNDOCUMENTED if method in item else ():
                item[method]["responses"].setdefault(str(status), error)


def correct_dataset_id(specification: JSON) -> None:
    properties = specification["components"]["schemas"]["conversionEvents"]["properties"]
    properties["datasetId"]["type"] = "integer"


def leave_native_content_out(specification: JSON) -> None:
    del specification["components"]["schemas"]["messagePost"]["properties"]["schema"]


def admit_other_types(specification: JSON) -> None:
    del specification["components"]["schemas"]["integration"]["discriminator"]


def any_instead_of_one(schema: Any) -> None:
    if isinstance(schema, dict):
        members = cast("JSON", schema)
        if isinstance(members.get("oneOf"), list):
            members["anyOf"] = members.pop("oneOf")
        for member in members.values():
            any_instead_of_one(member)
    elif isinstance(schema, list):
        for item in cast("list[Any]", schema):  # type: ignore[redundant-cast]
            any_instead_of_one(item)


UNDOCUMENTED = (400, 401, 402, 403, 404, 405, 409, 413, 423, 429, 500, 502, 503, 504)
FAULTS = (
    Fault(
        "It documents an error only where it has an example of one: every operation with a body "
        "can respond 400, every one that needs a key 401 and 403, and so on.",
        document_errors,
    ),
    Fault(
        "It says that datasetId is a string, and gives an integer for an example.",
        correct_dataset_id,
    ),
    Fault(
        "It takes the native content of a channel where schema is whatsapp, and wants the content "
        "of every message that it returns to be of one of nine types.",
        leave_native_content_out,
        (r"\.content: .* (discriminating property 'type'|could not be resolved)$",),
    ),
    Fault(
        "It knows sixteen types of integrations, and has another in its own examples: "
        "zd:agentWorkspace. What partners install has their own client id for its type.",
        admit_other_types,
    ),
    Fault(
        "Its alternatives are oneOf, but most of them are open and require nothing, or do not say "
        "what their type must be: an object that is meant for one is valid by several.",
        lambda specification: any_instead_of_one(specification["components"]),
    ),
)
EXCUSES = [re.compile(excuse) for fault in FAULTS for excuse in fault.excuses]


class Problem(Protocol):
    json_path: str
    message: str


class Validator(Protocol):
    def iter_errors(self, instance: Any) -> Iterable[Problem]: ...


@cache
def document() -> JSON:
    """The specification, put right."""
    import yaml  # noqa: PLC0415 - does not exist as pure Python

    assert SPEC is not None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: JSON = yaml.load(Path(SPEC).read_text(encoding="utf-8"), loader)  # noqa: S506
    for fault in FAULTS:
        fault.correct(loaded)
    return loaded


@cache
def operations() -> list[tuple[str, re.Pattern[str], JSON]]:
    """Every operation with its method and the pattern of its path, the most literal first."""
    found = [
        (method.upper(), re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operation)
        for path, item in sorted(document()["paths"].items(), key=lambda one: one[0].count("{"))
        for method, operation in item.items()
        if method in METHODS
    ]
    assert len(found) == 68
    return found


def operation_at(method: str, path: str) -> JSON | None:
    for its_method, pattern, operation in operations():
        if its_method == method and pattern.fullmatch(path):
            return operation
    return None


@cache
def validator(pointer: str) -> Validator:
    """Validates against the schema at `pointer`, a JSON pointer into the specification."""
    from openapi_schema_validator import (  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs]
        OAS30ReadValidator,  # pyright: ignore[reportUnknownVariableType]
        oas30_format_checker,
    )

    schema: Any = document()
    for part in pointer.strip("/").split("/"):
        schema = schema[part.replace("~1", "/").replace("~0", "~")]
    root = {"allOf": [schema], "components": document()["components"]}
    return cast("Validator", OAS30ReadValidator(root, format_checker=oas30_format_checker))


def problems(pointer: str, instance: Any) -> list[str]:
    found = [
        f"{error.json_path}: {error.message}" for error in validator(pointer).iter_errors(instance)
    ]
    return [text for text in found if not any(excuse.search(text) for excuse in EXCUSES)]


seen: set[tuple[str, int]] = set()
"""The operations that have responded, by id and status."""


async def check_response(response: httpx.Response) -> None:
    """Validate a response against the specification, if there is one."""
    if SPEC is None:
        return
    request = response.request
    path = request.url.raw_path.decode().partition("?")[0]
    operation = operation_at(request.method, path)
    if operation is None:
        return
    await response.aread()
    name, status = operation["operationId"], response.status_code
    seen.add((name, status))
    if "content-length" in response.headers and "html" in response.headers["content-type"]:
        return
    documented = operation["responses"].get(str(status))
    assert documented is not None, f"{name} responds {status}"
    (media_type,) = documented["content"]
    assert response.headers["content-type"].partition(";")[0] == media_type
    if media_type != "application/json":
        return
    template = next(
        path
        for path, item in document()["paths"].items()
        if any(one is operation for one in item.values())
    )
    escaped = template.replace("~", "~0").replace("/", "~1")
    method = request.method.lower()
    pointer = f"/paths/{escaped}/{method}/responses/{status}/content/application~1json/schema"
    found = problems(pointer, response.json())
    assert not found, f"{name} {status}: {found}"


def check_call(body: JSON) -> None:
    """Validate a webhook's call: the events of each kind against the schema of that kind."""
    if SPEC is None:
        return
    assert list(body) == ["app", "webhook", "events"]
    assert not problems("/components/schemas/appSubSchema", body["app"])
    assert not problems("/components/schemas/webhookSubSchema", body["webhook"])
    for event in body["events"]:
        found = problems(f"/components/schemas/{schema_of(event['type'])}", event)
        assert not found, f"{event['type']}: {found}"


def schema_of(trigger: str) -> str:
    """The name of the schema for events of this kind."""
    special = {"typing:start": "typing", "typing:stop": "typing"}
    words = re.split(":", special.get(trigger, trigger))
    name = words[0] + "".join(word[0].upper() + word[1:] for word in words[1:])
    return name if trigger.startswith("switchboard:") else f"{name}Event"
