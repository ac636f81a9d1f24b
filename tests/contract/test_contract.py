"""The code is what the specification says. Runs where SUNCO_OPENAPI names the specification."""

from __future__ import annotations

import copy
import json
import os
import typing
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Any

import pytest

from contract.calls import sent
from contract.differences import find_differences
from contract.drift import main, report
from contract.loss import lost
from contract.parts import LEFT_OUT
from contract.specification import Specification, read_document
from sunco import codec
from sunco.models import Event

PATH = os.environ.get("SUNCO_OPENAPI", "")
if not PATH:
    pytest.skip("SUNCO_OPENAPI names no specification", allow_module_level=True)

Edit = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return read_document(PATH)


def test_there_is_no_difference_but_those_that_are_meant(document: dict[str, Any]) -> None:
    differences = find_differences(Specification(document))
    assert report(differences) == ""
    assert {d.text for d in differences} == LEFT_OUT.keys()


def test_every_operation_has_its_method(document: dict[str, Any]) -> None:
    listed = {operation.name for operation in Specification(document).operations()}
    assert len(listed) == 68
    assert sent().keys() == listed


def test_every_schema_has_been_looked_at(document: dict[str, Any]) -> None:
    specification = Specification(document)
    find_differences(specification)
    unseen = {f"schema {name}" for name in specification.schemas.keys() - specification.seen}
    assert unseen <= LEFT_OUT.keys()
    assert len(specification.schemas) == 224


def schemas(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def edit_trigger(document: dict[str, Any]) -> None:
    (tag,) = (tag for tag in document["tags"] if tag["name"] == "Webhooks")
    tag["description"] += "\n| user:vanish | When a user vanishes. |\n"


def add_operation(document: dict[str, Any]) -> None:
    document["paths"]["/v2/things"] = {
        "get": {"operationId": "ListThings", "tags": [], "responses": {"200": {}}}
    }


EDITS: list[tuple[Edit, str, str]] = [
    (add_operation, "added", "operation ListThings (GET /v2/things)"),
    (lambda d: d["paths"].pop("/v2/tokenInfo"), "removed", "operation GetTokenInfo"),
    (
        lambda d: d["paths"].update({"/v2/tokenData": d["paths"].pop("/v2/tokenInfo")}),
        "changed",
        "GetTokenInfo: path is /v2/tokenData, not /v2/tokenInfo",
    ),
    (
        lambda d: d["paths"]["/v2/apps/{appId}"].update(
            put=d["paths"]["/v2/apps/{appId}"].pop("patch")
        ),
        "changed",
        "UpdateApp: method is PUT, not PATCH",
    ),
    (
        lambda d: schemas(d)["page"]["properties"].update(sort={"type": "string"}),
        "added",
        "ListApps: query takes page[sort]",
    ),
    (
        lambda d: d["components"]["parameters"]["appFilterQuery"]["schema"]["properties"].pop(
            "serviceAccountId"
        ),
        "removed",
        "ListApps: query does not take filter[serviceAccountId]",
    ),
    (
        lambda d: schemas(d)["userCreateBody"]["properties"].update(mood={"type": "string"}),
        "added",
        "CreateUser: body takes mood",
    ),
    (
        lambda d: schemas(d)["passControlBody"]["properties"].pop("metadata"),
        "removed",
        "PassControl: body does not take metadata",
    ),
    (
        lambda d: schemas(d)["userCreateBody"].update(required=["externalId", "profile", "age"]),
        "changed",
        "CreateUser: body always needs age",
    ),
    (
        lambda d: schemas(d)["target"].update(nullable=True),
        "added",
        "UpdateWebhook: body can clear target",
    ),
    (
        lambda d: schemas(d)["icon"].pop("nullable"),
        "removed",
        "UpdateConversation: body cannot clear iconUrl",
    ),
    (
        lambda d: schemas(d)["conversationTruncated"]["properties"].update(
            topic={"type": "string"}
        ),
        "added",
        "Conversation: field topic",
    ),
    (
        lambda d: schemas(d)["participant"]["properties"].pop("lastRead"),
        "removed",
        "Participant: field lastRead",
    ),
    (
        lambda d: schemas(d)["participant"]["properties"].update(unreadCount={"type": "string"}),
        "changed",
        "Participant.unread_count: string, not <class 'int'>",
    ),
    (
        lambda d: schemas(d)["client"]["properties"]["displayName"].update(readOnly=True),
        "changed",
        "Client.display_name: read-only",
    ),
    (
        lambda d: schemas(d)["clientType"]["enum"].append("pigeon"),
        "added",
        "Client.type: value pigeon",
    ),
    (
        lambda d: schemas(d)["clientType"]["enum"].remove("gbm"),
        "removed",
        "Client.type: value gbm",
    ),
    (
        lambda d: schemas(d)["content"]["discriminator"]["mapping"].update(
            hologram="#/components/schemas/textMessage"
        ),
        "added",
        "Message.content: kind hologram",
    ),
    (edit_trigger, "added", "event user:vanish"),
    (
        lambda d: schemas(d)["userRemoveEvent"]["allOf"][1]["properties"]["payload"][
            "properties"
        ].update(regret={"type": "boolean"}),
        "added",
        "UserRemovePayload: field regret",
    ),
    (
        lambda d: schemas(d)["appResponse"]["properties"].update(bill={"type": "object"}),
        "added",
        "CreateApp: the response also has bill",
    ),
    (
        lambda d: schemas(d).update(thing={"type": "object", "properties": {}}),
        "added",
        "schema thing",
    ),
]


@pytest.mark.parametrize(("edit", "kind", "text"), EDITS, ids=[text for _, _, text in EDITS])
def test_every_drift_is_found(document: dict[str, Any], edit: Edit, kind: str, text: str) -> None:
    edited = copy.deepcopy(document)
    edit(edited)
    found = {(d.kind, d.text) for d in find_differences(Specification(edited))}
    assert (kind, text) in found


def test_drift_is_reported_and_fails(
    document: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([PATH]) == 0
    assert "The code is what version" in capsys.readouterr().out
    edited = copy.deepcopy(document)
    add_operation(edited)
    schemas(edited)["clientType"]["enum"].remove("gbm")
    newer = tmp_path / "newer.yaml"
    newer.write_text(json.dumps(edited), encoding="utf-8")
    assert main([str(newer)]) == 1
    assert capsys.readouterr().out == (
        "The specification has, and the code has not (1):\n"
        "  operation ListThings (GET /v2/things)\n"
        "\n"
        "The code has, and the specification has not (2):\n"
        "  Client.type: value gbm\n"
        "  ClientAssociation.type: value gbm\n"
        "\n"
    )
    assert main([]) == 2


def test_every_example_of_a_response_is_read_and_nothing_is_lost(document: dict[str, Any]) -> None:
    read = 0
    for name, value in Specification(document).response_examples():
        known = sent()[name][0].operation
        if known.response_type is not NoneType:
            model = codec.decode(json.dumps(value).encode(), known.response_type, key=known.key)
            carried = value if known.key is None else value[known.key]
            assert lost(carried, json.loads(codec.encode(model))) == [], name
            read += 1
    assert read == 53


def test_every_example_of_an_event_is_read_and_nothing_is_lost(document: dict[str, Any]) -> None:
    kinds = {kind.type: kind for kind in typing.get_args(Event)}
    examples = Specification(document).event_examples()
    for trigger, events in examples.items():
        for event in events:
            model: Any = codec.decode(json.dumps(event).encode(), Event)
            assert type(model) is kinds[trigger]
            assert lost(event, json.loads(codec.encode(model))) == []
    assert len(examples) == 25
