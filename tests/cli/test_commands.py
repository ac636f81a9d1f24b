"""The other commands, their exit codes, and what loads when."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from cli.conftest import Commands
from sunco import APIConnectionError, HttpxTransport, Request, Response
from sunco._json import dump
from sunco.cli.commands import program


def responding(monkeypatch: pytest.MonkeyPatch, *responses: Any) -> list[Request]:
    """Let the API respond with these; the requests it got."""
    script, requests = list(responses), list[Request]()

    async def send(_: HttpxTransport, request: Request) -> Response:
        requests.append(request)
        response = script.pop(0)
        if isinstance(response, Exception):
            raise response
        if isinstance(response, Response):
            return response
        return Response(200, {}, dump(response))

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


def test_another_missing_module_is_raised_as_it_is(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "sunco.cli.commands", raising=False)
    monkeypatch.setitem(sys.modules, "sunco.cli.commands", None)
    with pytest.raises(ModuleNotFoundError, match=r"sunco\.cli\.commands"):
        commands()


def test_help_names_exit_codes_and_where_credentials_come_from(commands: Commands) -> None:
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
    ("response", "code"),
    [
        (APIConnectionError("refused", maybe_delivered=False), 5),
        (Response(404), 4),
        (Response(200, {}, b"<html>"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, response: Any, code: int
) -> None:
    if isinstance(response, KeyboardInterrupt):
        monkeypatch.setattr("anyio.run", interrupted)
    responding(monkeypatch, *[response] * 9)
    monkeypatch.setattr("anyio.sleep", no_sleep)
    assert commands("request", "GET", "/v2/apps") == code
    assert commands.errors.count("\n") == 1


def interrupted(_: Any) -> int:
    raise KeyboardInterrupt


async def no_sleep(_: float) -> None:
    """Time is not what is tested."""


def test_a_request_prints_the_response(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert commands.json("request", "get", "/v2/apps/{app_id}")["app"]["id"] == "app_demo"
    requests = responding(monkeypatch, {"é": 1}, {}, {}, Response(204))
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
def test_a_request_that_is_invalid_is_not_sent(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    requests = responding(monkeypatch)
    assert commands("request", *arguments) == 2
    assert requests == []
    assert commands.errors.count("\n") == 1


def test_all_pages_are_followed_forwards(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = responding(
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


def test_pages_that_are_newest_first_keep_their_order(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [{"received": "2026-01-02"}, {"received": "2026-01-01"}]
    responding(monkeypatch, {"messages": listed})
    assert commands.json("request", "GET", "/v2/messages", "--all") == listed


def test_a_list_without_items_is_an_empty_list(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    responding(monkeypatch, {"apps": []})
    assert commands.json("request", "GET", "/v2/apps", "--all") == []


CIRCLE: Any = {"apps": [], "meta": {"hasMore": True, "afterCursor": "a"}}
UNFOLLOWABLE: list[tuple[list[Any], int]] = [
    ([{"app": {}}], 1),
    ([[1]], 1),
    ([{"apps": [], "meta": {"hasMore": True}}], 1),
    ([CIRCLE, CIRCLE], 1),
]


@pytest.mark.parametrize(("responses", "code"), UNFOLLOWABLE)
def test_pages_that_cannot_be_followed_are_reported(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, responses: list[Any], code: int
) -> None:
    responding(monkeypatch, *responses)
    assert commands("request", "GET", "/v2/apps", "--all") == code


def test_exports(commands: Commands, tmp_path: Path) -> None:
    user, conversation = commands.talk(3)
    assert commands("export", "--user", user, "--to", tmp_path / "a") == 0
    assert "1 exported" in commands.output
    ids = tmp_path / "ids"
    ids.write_text(f"\ufeff{conversation}\n\ngone\n", encoding="utf-8")
    assert commands("export", "--from", ids, "--to", tmp_path / "a") == 1
    assert "0 exported, 1 failed, 1 kept as they were" in commands.output
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


def test_every_option_has_a_help_text() -> None:
    missing = [
        f"{name} {parameter.name}"
        for name, each in program.commands.items()
        for parameter in each.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    assert missing == []


def test_a_path_with_the_app_needs_the_setting(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUNCO_APP_ID")
    assert commands("request", "GET", "/v2/apps/{app_id}") == 3
    assert commands.errors == "sunco: {app_id} in PATH needs SUNCO_APP_ID.\n"


def test_a_body_comes_from_a_file_or_standard_input(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "body.json").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    piped = SimpleNamespace(buffer=io.BytesIO(b'{"a": 1}'))
    monkeypatch.setattr(sys, "stdin", piped)
    requests = responding(monkeypatch, Response(204), Response(204))
    assert commands("request", "POST", "/v2/x", "--json", f"@{tmp_path / 'body.json'}") == 0
    assert commands("request", "POST", "/v2/x", "--json", "-") == 0
    assert [request.content for request in requests] == [b'{"a":1}', b'{"a":1}']
    assert commands.output == ""


def test_text_from_the_server_cannot_control_the_terminal(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    title = "\x1b]0;owned\x07 \u202egnp.exe \x9b2J"
    responding(monkeypatch, Response(400, {}, dump({"errors": [{"code": "x", "title": title}]})))
    assert commands("request", "GET", "/v2/apps") == 4
    for character in "\x1b\x07\u202e\x9b":
        assert character not in commands.errors
    assert "\\x1b]0;owned\\x07 \\u202egnp.exe \\x9b2J" in commands.errors
    responding(monkeypatch, {"app": {"displayName": title}}, Response(403))
    assert commands("doctor") == 0
    assert "\x1b" not in commands.output
    assert "\\x1b]0;owned" in commands.output


def test_an_export_is_updated_and_written_to_one_table(commands: Commands, tmp_path: Path) -> None:
    user, conversation = commands.talk(2)
    arguments = ("export", "--user", user, "--to", tmp_path / "a")
    assert commands(*arguments) == 0
    post = f"/v2/apps/{{app_id}}/conversations/{conversation}/messages"
    body = '{"author": {"type": "business"}, "content": {"type": "text", "text": "new"}}'
    assert commands("request", "POST", post, "--json", body) == 0
    assert commands(*arguments) == 0
    assert "0 exported, 1 kept as they were" in commands.output
    assert "--update adds what is new" in commands.output
    assert commands(*arguments, "--update", "--table", tmp_path / "all.parquet") == 0
    assert "0 exported, 1 updated, 1 messages" in commands.output
    assert "5 rows in" in commands.output
    assert commands(*arguments, "--update") == 0
    assert "1 unchanged" in commands.output


@pytest.mark.parametrize("since", ["2020-01-01", "2020-01-01T00:00:00+0200"])
def test_an_export_can_begin_at_a_time(commands: Commands, tmp_path: Path, since: str) -> None:
    user, _ = commands.talk(2)
    assert commands("export", "--user", user, "--to", tmp_path, "--since", since) == 0
    assert "1 exported, 2 messages" in commands.output
    later = tmp_path / "later"
    assert commands("export", "--user", user, "--to", later, "--since", "2999-01-01") == 0
    assert "0 exported, 1 unchanged" in commands.output


def test_an_unknown_user_is_reported_and_the_others_are_exported(
    commands: Commands, tmp_path: Path
) -> None:
    user, _ = commands.talk(2)
    ids = tmp_path / "ids"
    ids.write_text(f"nobody\n{user}\n")
    assert commands("export", "--from", ids, "--by", "user", "--to", tmp_path / "a") == 1
    assert "1 exported, 1 failed" in commands.output
    assert "failed: user nobody: " in commands.output


def test_a_missing_file_of_ids_is_a_usage_error(commands: Commands, tmp_path: Path) -> None:
    assert commands("export", "--from", tmp_path / "missing.txt", "--to", tmp_path / "out") == 2
    assert "missing.txt cannot be read" in commands.errors
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_has_the_exit_code_of_output(
    commands: Commands, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert commands("export", "--user", "ada", "--to", tmp_path / "file" / "x") == 6


def test_a_missing_extra_is_a_matter_of_settings(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr("sunco.bulk.export.writers.import_module", missing)
    arguments = ("export", "--user", "ada", "--to", tmp_path / "a", "--format", "parquet")
    assert commands(*arguments) == 3
    assert "pip install 'sunco[parquet]'" in commands.errors
