"""The other examples, as a newcomer runs them."""

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
    """An account, as the environment names it."""
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
    assert re.match(r"500 sent in [\d.]+ s, 0 sent before, 0 failed, 0 un", result.stdout)


def test_a_bulk_job_keeps_its_rate_and_goes_on_where_it_was(
    account: dict[str, str], tmp_path: Path
) -> None:
    exported = run("export_conversations", env=account)
    assert exported.returncode != 0
    assert "Name a user" in exported.stderr

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
    # Ten may go at once, and one of the 31 is refused.
    assert float(sent[1]) >= 0.4
    assert "lost: POST /v2/apps/app_demo/conversations/gone/messages responded 404" in first.stdout

    lines.append(f"late,{conversation},One more")
    rows.write_text("\n".join(["id,conversation_id,text", *lines]))
    again = run("bulk_send", *arguments, env=account)
    assert re.match(r"1 sent in [\d.]+ s, 30 sent before, 0 failed", again.stdout), again.stdout

    exported = run("export_conversations", "ada", env=account)
    assert exported.returncode == 0, exported.stderr
    first_line, *messages = map(json.loads, exported.stdout.splitlines())
    assert first_line["conversation"]["id"] == conversation
    assert len(messages) == 31
    assert messages[0]["message"]["content"] == {"type": "text", "text": "One more"}
    assert {message["conversationId"] for message in messages} == {conversation}


def test_a_conversation_is_exported_from_an_emulator() -> None:
    result = run("export_conversations")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [next(iter(line)) for line in lines] == ["conversation", "message", "message"]
    assert lines[1]["message"]["content"]["actions"][0]["payload"] == "TALK"
    assert json.loads(result.stderr)["messages"] == 2


@pytest.fixture
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


def test_an_integration_is_installed_by_oauth(oauth_app: str) -> None:
    with httpx.Client(base_url=oauth_app, follow_redirects=True, trust_env=False) as browser:
        installed = browser.get("/")
        assert (installed.status_code, installed.text) == (200, "Installed in Demo.")
        assert installed.history[-1].headers["location"].startswith(f"{oauth_app}callback?code=")

        forged = browser.get("/callback", params={"code": "stolen", "state": "guessed"})
        assert forged.status_code == 400

        assert browser.post("/uninstall/app_demo").text == "Uninstalled."
        assert browser.post("/uninstall/app_demo").status_code == 404

        browser.cookies.set("oauth_state", "mine")
        spent = browser.get("/callback", params={"code": "spent", "state": "mine"})
        assert spent.status_code == 502
        assert "responded 400" in spent.text
