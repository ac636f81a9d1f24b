"""`sunco verify`: against the emulator, and against planted differences."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from cli.conftest import Commands
from cli.test_commands import responding
from sunco import HttpxTransport, Request, Response

Change = Callable[[Request, Response], Response]


def planting(monkeypatch: pytest.MonkeyPatch, change: Change) -> list[Request]:
    """Change responses on their way; returns the requests."""
    send, requests = HttpxTransport.send, list[Request]()

    async def changed(self: HttpxTransport, request: Request) -> Response:
        requests.append(request)
        return change(request, await send(self, request))

    monkeypatch.setattr(HttpxTransport, "send", changed)
    return requests


def verify(commands: Commands, *options: str) -> int:
    return commands("verify", "--rate", "100000", *options)


def test_an_emulator_is_as_known_and_left_as_it_was(commands: Commands) -> None:
    assert verify(commands, "--write") == 0, commands.output
    assert "DIFFERS" not in commands.output
    assert "✗" not in commands.output
    assert "understood: encoded and literal" in commands.output
    assert "Unknown fields, kinds and values: none\n" in commands.output
    assert "not checked" not in commands.output
    assert commands.output.count("✓") == 26


def test_reading_creates_nothing(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = planting(monkeypatch, lambda _, response: response)
    assert verify(commands) == 0, commands.output
    assert {request.method for request in requests} == {"GET"}
    assert "read only" in commands.output


def test_the_report_holds_no_personal_data(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    created: list[str] = []

    def note(request: Request, response: Response) -> Response:
        if request.method == "POST" and response.content:
            created.extend(re.findall(r'"id":"(\w{24})"', response.content.decode()))
        return response

    planting(monkeypatch, note)
    assert verify(commands, "--write") == 0
    assert len(created) > 100
    for text in (*created, "app_demo", "sunco-verify-", "localhost"):
        assert text not in commands.output


def edited(path: str, method: str, edit: Callable[[Any], Any]) -> Change:
    def change(request: Request, response: Response) -> Response:
        if request.method != method or not request.path.endswith(path) or response.status >= 400:
            return response
        content = json.dumps(edit(response.json())).encode()
        return Response(response.status, response.headers, content)

    return change


def status(path: str, method: str, response_status: int, **errors: str) -> Change:
    def change(request: Request, response: Response) -> Response:
        if request.method != method or not request.path.endswith(path):
            return response
        return Response(
            response_status, {}, json.dumps({"errors": [errors]} if errors else {}).encode()
        )

    return change


def accepted(_: Request, response: Response) -> Response:
    return Response(201, {}, b'{"messages": []}') if response.status in {400, 413} else response


def without(name: str) -> Callable[[Any], Any]:
    return lambda document: {key: value for key, value in document.items() if key != name}


def reversed_messages(document: Any) -> Any:
    return document | {"messages": document["messages"][::-1]}


def with_meta(**meta: Any) -> Callable[[Any], Any]:
    return lambda document: document | {"meta": document.get("meta", {}) | meta}


def cleared_metadata(document: Any) -> Any:
    return {"messages": [message | {"metadata": {}} for message in document["messages"]]}


def renamed(document: Any) -> Any:
    return {"user": document["user"] | {"id": "other"}}


def unknown(document: Any) -> Any:
    return {"app": document["app"] | {"displayName": 1, "newField": "private"}}


def changed(kind: str, **fields: Any) -> Callable[[Any], Any]:
    """Set fields of the object that is wrapped, or of the first of a list, where it is there."""

    def edit(document: Any) -> Any:
        value = document.get(kind)
        if isinstance(value, list):
            return document | {kind: [value[0] | fields, *value[1:]]}
        return document if value is None else document | {kind: value | fields}

    return edit


def damaged(_: Request, response: Response) -> Response:
    if response.content != b"sunco verify":
        return response
    return Response(response.status, response.headers, b"SUNCO VERIFY")


WEBHOOK = {"target": "https://example.com/sunco", "triggers": ["conversation:referral"]}

DIFFERENCES: list[tuple[Change, str]] = [
    (edited("/app_demo", "GET", without("app")), "the response has no object 'app'"),
    (edited("/app_demo", "GET", lambda _: []), "the response is not a JSON object"),
    (status(f"/{'0' * 24}", "GET", 403, code="x", title="y"), "responded 403 for an unknown"),
    (status(f"/{'0' * 24}", "GET", 404), "no code or no title"),
    (status(f"/{'0' * 24}", "GET", 200), "an object that does not exist was found"),
    (edited("/integrations", "GET", without("integrations")), "has no list 'integrations'"),
    (edited("/integrations", "GET", without("meta")), "no meta.hasMore"),
    (edited("/users", "POST", lambda _: {"user": {}}), "cannot be read at"),
    (edited("/users", "POST", renamed), "responded 404"),
    (edited("/conversations", "GET", lambda d: d | {"conversations": []}), "found 0"),
    (edited("/conversations", "GET", lambda d: d | {"conversations": []}), "understood: neither"),
    (edited("/participants", "GET", lambda d: d | {"participants": []}), "has 0 participants"),
    (edited("/messages", "POST", cleared_metadata), "metadata is not kept"),
    (edited("/messages", "GET", reversed_messages), "newest first"),
    (edited("/messages", "GET", with_meta(hasMore=False)), "hasMore is not true"),
    (edited("/messages", "GET", with_meta(beforeCursor=None)), "has no beforeCursor"),
    (edited("/messages", "GET", lambda d: d | {"messages": d["messages"][:7]}), "has 7 messages"),
    (edited("", "PATCH", changed("conversation", description=None)), "a missing key changes"),
    (
        edited("", "PATCH", changed("conversation", description="to be removed")),
        "null does not clear a value",
    ),
    (accepted, "it was accepted"),
    (edited("", "DELETE", lambda _: {"message": {}}), "responded with 'message'"),
    (status("/messages", "POST", 418), "responded 418"),
    (edited("/tokenInfo", "GET", changed("app", id="x")), "another app"),
    (edited("/attachments", "POST", changed("attachment", mediaType="x/y")), "another media type"),
    (damaged, "the content is another"),
    (edited("/messages", "POST", lambda _: {"messages": []}), "0 messages"),
    (edited("/messages", "POST", changed("messages", content={"type": "x"})), "is no file"),
    (edited("/messages", "POST", changed("messages", content={"type": "file"})), "no mediaUrl"),
    (edited("/integrations", "POST", changed("integration", webhooks=[])), "has no webhook"),
    (edited("/integrations", "POST", changed("integration", webhooks=[WEBHOOK])), "no secret"),
    (edited("", "PATCH", changed("webhook", triggers=[])), "the triggers are others"),
    (edited("", "PATCH", changed("webhook", target="x")), "DIFFERS: a webhook is updated"),
    (edited("/webhooks", "GET", lambda _: {"webhooks": []}), "0 webhooks"),
    (edited("", "DELETE", lambda _: {"x": 1}), "DIFFERS: deleting a webhook"),
    (status("/integrations", "POST", 500), "responded 500"),
    (status("/oauth/token", "POST", 200), "DIFFERS: an OAuth code"),
]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first test sees that pages have 100 messages; posting that many takes the longest."""
    monkeypatch.setattr("sunco.emulator.api.messages.MAX_SIZE", 10)
    monkeypatch.setattr("sunco.cli.verify._PAGE", 10)
    monkeypatch.setattr("sunco.cli.verify._MESSAGES", 13)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(("change", "found"), DIFFERENCES, ids=[text for _, text in DIFFERENCES])
def test_a_planted_difference_is_found(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, change: Change, found: str
) -> None:
    planting(monkeypatch, change)
    assert verify(commands, "--write") == 1
    assert found in commands.output
    assert "DIFFERS" in commands.output


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("change", "skipped"),
    [
        (status("/integrations", "POST", 403), "the key may not create one (403)"),
        (status("/tokenInfo", "GET", 401), "the credential is no OAuth token (401)"),
    ],
    ids=["integrations", "oauth"],
)
def test_what_the_key_may_not_do_is_not_checked(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, change: Change, skipped: str
) -> None:
    planting(monkeypatch, change)
    assert verify(commands, "--write") == 0
    assert skipped in commands.output


@pytest.mark.usefixtures("small_pages")
def test_without_an_upload_none_is_posted(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    planting(monkeypatch, status("/attachments", "POST", 403))
    assert verify(commands, "--write") == 1
    assert "not checked: an upload is posted as a file (nothing was uploaded)" in commands.output


@pytest.mark.usefixtures("small_pages")
def test_what_cannot_be_removed_is_counted_and_the_rest_is_removed(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(request: Request, response: Response) -> Response:
        if request.method == "DELETE" and "/webhooks/" not in request.path:
            return Response(403, {}, b"{}") if "/integrations/" in request.path else response
        return response

    requests = planting(monkeypatch, keep)
    assert verify(commands, "--write") == 1
    assert "1 objects are left: responded 403" in commands.output
    assert any(request.method == "DELETE" and "/users/" in request.path for request in requests)


@pytest.mark.usefixtures("small_pages")
def test_unknown_values_of_enums_are_named(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"triggers": ["conversation:referral", "user:merge", "coffee:ready"]}
    planting(monkeypatch, edited("/webhooks", "GET", changed("webhooks", **values)))
    assert verify(commands, "--write") == 0
    unknown = "Unknown fields, kinds and values: Webhook.triggers = 'coffee:ready'\n"
    assert unknown in commands.output


def test_unknown_fields_are_named_without_their_values(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    planting(monkeypatch, edited("/app_demo", "GET", unknown))
    assert verify(commands) == 0
    assert "Unknown fields, kinds and values: App.newField" in commands.output
    assert "private" not in commands.output


def test_without_a_user_the_rest_is_not_checked(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    planting(monkeypatch, status("/users", "POST", 403))
    assert verify(commands, "--write") == 1
    assert "not checked: posting responds with a list of messages" in commands.output


def test_a_key_that_may_not_list_integrations_skips_their_checks(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    planting(monkeypatch, status("/integrations", "GET", 403))
    assert verify(commands) == 0
    assert "the key may not list integrations (403)" in commands.output


def test_limits_and_retries_are_counted(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [Response(429, {"Retry-After": "0", "X-RateLimit-Limit": "7"}, b"{}")]

    def limit(_: Request, response: Response) -> Response:
        return (
            left.pop()
            if left
            else Response(
                response.status, {**response.headers, "X-RateLimit-Limit": "7"}, response.content
            )
        )

    planting(monkeypatch, limit)
    assert verify(commands) == 0
    assert "responses were 429, 1 retries; headers x-ratelimit-limit" in commands.output


def test_it_needs_an_app(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sunco.Sunco.app_id", None)
    responding(monkeypatch)
    assert verify(commands) == 3
    assert "SUNCO_APP_ID" in commands.errors


def one_unknown_integration(document: Any) -> Any:
    return document | {"integrations": [{"id": "i1", "type": "carrier-pigeon", "wing": "left"}]}


def test_unknown_kinds_are_named_and_one_integration_is_not_enough(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    planting(monkeypatch, edited("/integrations", "GET", one_unknown_integration))
    assert verify(commands) == 0
    assert "UnknownIntegration of type 'carrier-pigeon'" in commands.output
    assert "it needs two integrations" in commands.output
    assert "left" not in commands.output
