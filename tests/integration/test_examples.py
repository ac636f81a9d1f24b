"""The other examples, run as programs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
WITHOUT_ACCOUNT = {
    **{name: text for name, text in os.environ.items() if not name.startswith("SUNCO_")},
    "PYTHONIOENCODING": "utf-8",
}


def run(
    example: str, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / f"{example}.py", *arguments],
        env=WITHOUT_ACCOUNT | (env or {}),
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, str]]:
    """The settings of an emulator, as environment variables."""
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip() for _ in range(4)]
            yield dict(line.removeprefix("export ").split("=", 1) for line in lines)
        finally:
            process.terminate()


def test_messages_are_sent_in_bulk_to_an_emulator() -> None:
    result = run("bulk_send", "--rate", "5000")
    assert result.returncode == 0, result.stderr
    assert re.match(r"200 sent in [\d.]+ s, 0 sent before, 0 failed, 0 un", result.stdout)


def test_a_bulk_job_keeps_its_rate_and_is_resumed(account: dict[str, str], tmp_path: Path) -> None:
    exported = run("export_conversations", env=account)
    assert exported.returncode != 0
    assert "Name users" in exported.stderr

    with httpx.Client(
        base_url=f"{account['SUNCO_BASE_URL']}/v2/apps/{account['SUNCO_APP_ID']}",
        auth=(account["SUNCO_KEY_ID"], account["SUNCO_KEY_SECRET"]),
        trust_env=False,
    ) as api:
        user = api.post("/users", json={"externalId": "ada"}).json()["user"]
        body = {"type": "personal", "participants": [{"userId": user["id"]}]}
        conversation = api.post("/conversations", json=body).json()["conversation"]["id"]

    rows = tmp_path / "rows.csv"
    lines = [f"{number},{conversation},Offer {number}" for number in range(30)]
    rows.write_text("\n".join(["id,conversation_id,text", *lines, "lost,gone,Hello"]))
    arguments = [str(rows), "--rate", "40", "--journal", str(tmp_path / "journal.sqlite")]
    first = run("bulk_send", *arguments, env=account)
    assert first.returncode == 0, first.stderr
    sent = re.match(r"30 sent in ([\d.]+) s, 0 sent before, 1 failed, 0 uncertain", first.stdout)
    assert sent, first.stdout
    # A burst of ten is allowed, and one of the 31 requests is rejected.
    assert float(sent[1]) >= 0.4
    assert "lost: POST /v2/apps/app_demo/conversations/gone/messages" in first.stdout

    lines.append(f"late,{conversation},One more")
    rows.write_text("\n".join(["id,conversation_id,text", *lines]))
    again = run("bulk_send", *arguments, env=account)
    assert re.match(r"1 sent in [\d.]+ s, 30 sent before, 0 failed", again.stdout), again.stdout

    folder, table = tmp_path / "exported", tmp_path / "all.parquet"
    export = ("export_conversations", "ada", "nobody", "--to", str(folder), "--table", str(table))
    exported = run(*export, env=account)
    assert exported.returncode == 1
    assert "1 exported, 0 updated, 0 unchanged, 31 messages, 1 failed" in exported.stdout
    assert "user nobody: GET /v2/apps/app_demo/users/nobody responded 404" in exported.stdout
    assert f"33 rows in {table}" in exported.stdout
    records = [
        json.loads(line) for line in (folder / f"{conversation}.jsonl").read_bytes().splitlines()
    ]
    assert records[0]["conversation"]["id"] == conversation
    assert records[2]["message"]["content"] == {"type": "text", "text": "One more"}
    again = run(*export, env=account)
    assert "0 exported, 0 updated, 1 unchanged, 0 messages, 1 failed" in again.stdout


def test_a_conversation_is_exported_from_an_emulator(tmp_path: Path) -> None:
    result = run("export_conversations", "--to", str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "1 exported, 0 updated, 0 unchanged, 2 messages, 0 failed" in result.stdout
    (path,) = tmp_path.glob("*.jsonl")
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [record["kind"] for record in records] == [
        "conversation",
        "participant",
        "message",
        "message",
    ]
    assert records[2]["message"]["content"]["actions"][0]["payload"] == "TALK"


@pytest.fixture(scope="module")
def oauth_app() -> Iterator[str]:
    """The address of the OAuth app."""
    command = [sys.executable, str(EXAMPLES / "oauth_app.py"), "--port", "0"]
    with subprocess.Popen(
        command, env=WITHOUT_ACCOUNT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip().removeprefix("Open ")
        finally:
            process.send_signal(signal.SIGINT)


def csrf_token(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


@pytest.fixture
def browser(oauth_app: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=oauth_app, follow_redirects=True, trust_env=False) as client:
        yield client


def test_an_integration_is_installed_and_uninstalled_by_oauth(
    browser: httpx.Client, oauth_app: str
) -> None:
    form = {"csrf": csrf_token(browser.get("/").text)}
    installed = browser.post("/install", data=form)
    assert installed.status_code == 200
    assert "Uninstall from Demo" in installed.text
    callback = installed.history[-1].request.url
    assert str(callback).startswith(f"{oauth_app}callback?code=")

    uninstalled = browser.post("/uninstall/app_demo", data=form)
    assert uninstalled.status_code == 200
    assert "Uninstall" not in uninstalled.text
    assert browser.post("/uninstall/app_demo", data=form).status_code == 404


def test_installing_and_uninstalling_need_the_csrf_token_of_the_session(
    browser: httpx.Client, oauth_app: str
) -> None:
    assert browser.post("/install", data={"csrf": "guessed"}).status_code == 403
    form = {"csrf": csrf_token(browser.get("/").text)}
    assert browser.post("/install", data={"csrf": "guessed"}).status_code == 403
    assert browser.post("/install").status_code == 403
    assert "Uninstall" in browser.post("/install", data=form).text
    assert browser.post("/uninstall/app_demo", data={"csrf": "guessed"}).status_code == 403
    with httpx.Client(base_url=oauth_app, trust_env=False) as stranger:
        own = {"csrf": csrf_token(stranger.get("/").text)}
        assert stranger.post("/uninstall/app_demo", data=form).status_code == 403
        assert stranger.post("/uninstall/app_demo", data=own).status_code == 404
    assert "Uninstall" in browser.get("/").text


def test_a_callback_needs_the_state_of_the_session(browser: httpx.Client) -> None:
    forged = {"code": "stolen", "state": "guessed"}
    assert browser.get("/callback", params=forged).status_code == 400

    form = {"csrf": csrf_token(browser.get("/").text)}
    assert browser.get("/callback", params=forged).status_code == 400
    started = browser.post("/install", data=form, follow_redirects=False)
    assert browser.get("/callback", params=forged).status_code == 400
    state = httpx.URL(started.headers["location"]).params["state"]

    spent = browser.get("/callback", params={"code": "spent", "state": state})
    assert spent.status_code == 502
    assert "400" in spent.text
    assert browser.get("/callback", params={"code": "spent", "state": state}).status_code == 400
