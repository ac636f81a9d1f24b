"""The other commands, their exit codes, and what loads when."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.conftest import Commands
from sunco import APIConnectionError, HttpxTransport, Request, Response
from sunco._json import dump


def answering(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> list[Request]:
    """Let the API answer these; the requests it got."""
    script, requests = list(answers), list[Request]()

    async def send(_: HttpxTransport, request: Request) -> Response:
        requests.append(request)
        answer = script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Response):
            return answer
        return Response(200, {}, dump(answer))

    monkeypatch.setattr(HttpxTransport, "send", send)
    return requests


def test_importing_sunco_loads_none_of_it() -> None:
    # Not click and rich: httpx loads them where they are installed.
    names = "{'pyarrow', 'sunco.bulk', 'sunco.cli'}"
    code = f"import sys, sunco; sunco.Sunco; print({names} & {{*sys.modules}})"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_without_click_it_says_what_to_install(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "click", None)
    for name in ("exit_codes", "commands"):
        monkeypatch.delitem(sys.modules, f"sunco.cli.{name}", raising=False)
    with pytest.raises(ValueError, match=r"pip install 'sunco\[cli\]'"):
        commands()


def test_a_missing_module_of_another_kind_is_no_matter_of_installing_it(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "sunco.cli.commands", raising=False)
    monkeypatch.setitem(sys.modules, "sunco.cli.commands", None)
    with pytest.raises(ModuleNotFoundError, match=r"sunco\.cli\.commands"):
        commands()


def test_help_tells_exit_codes_and_where_credentials_come_from(commands: Commands) -> None:
    assert commands("--help") == 0
    for text in ("send", "export", "request", "doctor", "emulator", "SUNCO_KEY_SECRET", "130"):
        assert text in commands.output
    assert commands("send", "--help") == 0
    assert "--secret" not in commands.output
    assert commands() in {0, 2}
    assert "Usage" in commands.output + commands.errors


def test_mistakes_in_the_command_are_one_line(commands: Commands) -> None:
    for arguments in (
        ["send", "--rate", "0", "x"],
        ["send", "--concurrency", "0", "x"],
        ["send"],
        ["nonsense"],
        ["export", "--to", "x"],
        ["export", "--to", "x", "--user", "a", "--conversation", "b"],
    ):
        assert commands(*arguments) == 2
        assert commands.errors.startswith("sunco: ")
        assert commands.errors.count("\n") == 1


def test_missing_settings_are_one_line(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUNCO_KEY_SECRET")
    assert commands("request", "GET", "/v2/apps") == 3
    assert commands.errors.startswith("sunco: key_secret is missing")
    assert commands.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (APIConnectionError("refused", maybe_delivered=False), 5),
        (Response(404), 4),
        (Response(200, {}, b"<html>"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, answer: Any, code: int
) -> None:
    if isinstance(answer, KeyboardInterrupt):
        monkeypatch.setattr("anyio.run", interrupted)
    answering(monkeypatch, *[answer] * 9)
    monkeypatch.setattr("anyio.sleep", no_sleep)
    assert commands("request", "GET", "/v2/apps") == code
    assert commands.errors.count("\n") == 1


def interrupted(_: Any) -> int:
    raise KeyboardInterrupt


async def no_sleep(_: float) -> None:
    """Time is not what is tested."""


def test_a_request_prints_what_is_answered(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert commands.json("request", "get", "/v2/apps/{app_id}")["app"]["id"] == "app_demo"
    requests = answering(monkeypatch, {"é": 1}, {}, {}, Response(204))
    assert commands("request", "POST", "/v2/x", "--json", '{"a": 1}', "-q", "b=c=d") == 0
    assert commands.output == '{\n  "é": 1\n}\n'
    assert (requests[0].content, requests[0].url) == (b'{"a":1}', "http://localhost/v2/x?b=c%3Dd")
    (tmp_path / "body.json").write_text("[1]", encoding="utf-8")
    assert commands("request", "POST", "/v2/x", "--json", f"@{tmp_path / 'body.json'}") == 0
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"[2]")))
    assert commands("request", "POST", "/v2/x", "--json", "-") == 0
    assert [request.content for request in requests[1:3]] == [b"[1]", b"[2]"]
    assert commands("request", "DELETE", "/v2/x") == 0
    assert commands.output == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["POST", "/v2/x", "--json", "{"],
        ["POST", "/v2/x", "--json", "@/no/such/file"],
        ["GET", "/v2/x", "-q", "page"],
        ["POST", "/v2/x", "--all"],
        ["GET", "v2/x"],
    ],
)
def test_a_request_that_cannot_work_is_not_sent(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    requests = answering(monkeypatch)
    assert commands("request", *arguments) == 3
    assert requests == []


def test_all_pages_are_followed_forwards(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = answering(
        monkeypatch,
        {"apps": [{"id": 1}], "meta": {"hasMore": True, "afterCursor": "a1"}},
        {"apps": [{"id": 2}], "links": {"next": "https://x/?page[after]=a2", "prev": "x"}},
        {"apps": [], "meta": None},
    )
    assert commands.json("request", "GET", "/v2/apps", "--all") == [{"id": 1}, {"id": 2}]
    assert [request.url.partition("?")[2] for request in requests] == [
        "",
        "page%5Bafter%5D=a1",
        "page%5Bafter%5D=a2",
    ]


def test_all_pages_are_followed_backwards(commands: Commands) -> None:
    _, conversation = commands.talk(120)
    assert commands.texts(conversation) == [str(number) for number in range(120)]


def test_pages_that_are_newest_first_stay_so(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [{"received": "2026-01-02"}, {"received": "2026-01-01"}]
    answering(monkeypatch, {"messages": listed})
    assert commands.json("request", "GET", "/v2/messages", "--all") == listed


def test_a_list_without_items_is_an_empty_list(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, {"apps": []})
    assert commands.json("request", "GET", "/v2/apps", "--all") == []


CIRCLE: Any = {"apps": [], "meta": {"hasMore": True, "afterCursor": "a"}}
UNFOLLOWABLE: list[tuple[list[Any], int]] = [
    ([{"app": {}}], 3),
    ([[1]], 3),
    ([{"apps": [], "meta": {"hasMore": True}}], 1),
    ([CIRCLE, CIRCLE], 1),
]


@pytest.mark.parametrize(("answers", "code"), UNFOLLOWABLE)
def test_all_that_cannot_be_followed_is_told(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, answers: list[Any], code: int
) -> None:
    answering(monkeypatch, *answers)
    assert commands("request", "GET", "/v2/apps", "--all") == code


def test_exports(commands: Commands, tmp_path: Path) -> None:
    user, conversation = commands.talk(3)
    assert commands("export", "--user", user, "--to", tmp_path / "a") == 0
    assert "1 exported" in commands.output
    ids = tmp_path / "ids"
    ids.write_text(f"\ufeff{conversation}\n\ngone\n", encoding="utf-8")
    assert commands("export", "--from", ids, "--to", tmp_path / "a") == 1
    assert "0 exported, 1 done before, 1 failed" in commands.output
    ids.write_text(user, encoding="utf-8")
    assert commands("export", "--from", ids, "--by", "user", "--to", tmp_path / "b") == 0
    assert commands("export", "--conversation", conversation, "--to", tmp_path / "b") == 0
    assert len((tmp_path / "b" / f"{conversation}.jsonl").read_bytes().splitlines()) == 5


def test_the_emulator_gets_its_arguments(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[Any] = []
    monkeypatch.setattr("sunco.emulator.__main__.main", got.append)
    assert commands("emulator", "--port", "0", "--help") == 0
    assert [tuple(arguments) for arguments in got] == [("--port", "0", "--help")]
