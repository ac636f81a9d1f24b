"""The example bots, run as programs with a chat in the terminal."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sunco.emulator import Emulator
from sunco.models import ParticipantUser
from sunco.testing import connect

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
GREETING = "Say something; an empty line ends it."
BOTS: dict[str, list[tuple[str, str | None]]] = {
    "echo_bot": [("hello", "Bot: hello"), ("and again", "Bot: and again")],
    "fastapi_bot": [("hello", "Bot: You said: hello"), ("more", "Bot: You said: more")],
    "ai_bot": [
        ("an order", "Bot: What would you like to do with your order?"),
        ("a human, please", "Bot: One moment, I am connecting you with a colleague."),
        ("agent: Hello, I am Eve.", "Agent: Hello, I am Eve."),
        ("agent: /done", "Bot: I am back, the bot. How can I help?"),
    ],
    "handoff_bot": [
        ("hello", "Bot: I am only a bot. Ask for an agent."),
        ("an agent, please", "Bot: One moment: I am fetching an agent."),
        ("is anybody there?", None),
        ("agent: Hello, I am Eve.", "Agent: Hello, I am Eve."),
        ("thank you", None),
        ("agent: /done", "Bot: It is me again, the bot."),
        ("hello", "Bot: I am only a bot. Ask for an agent."),
        ("", None),
        ("nobody reads this", None),
    ],
}


@pytest.mark.parametrize("bot", BOTS)
def test_the_bot_replies(bot: str) -> None:
    turns = BOTS[bot]
    environment = {name: text for name, text in os.environ.items() if name[:6] != "SUNCO_"}
    result = subprocess.run(
        [sys.executable, EXAMPLES / f"{bot}.py"],
        input="".join(f"{said}\n" for said, _ in turns),
        env={**environment, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=60,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr == ""
    replies = [reply for _, reply in turns if reply is not None]
    console, *lines = result.stdout.splitlines()
    assert console.startswith("The console: http://127.0.0.1:")
    assert console.endswith("/_emulator/console")
    assert lines == [GREETING, *replies]


@pytest.mark.anyio
async def test_the_pages_of_the_fastapi_bot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    emulator = Emulator()
    for name, value in {
        "SUNCO_BASE_URL": "http://localhost",
        "SUNCO_APP_ID": emulator.app_id,
        "SUNCO_KEY_ID": emulator.key_id,
        "SUNCO_KEY_SECRET": emulator.key_secret,
        "SUNCO_WEBHOOK_SECRET": "demo",
        "SUNCO_INBOX": str(tmp_path / "inbox.db"),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "path", [str(EXAMPLES), *sys.path])
    bot = importlib.import_module("fastapi_bot")
    app = bot.create_app()
    transport = httpx.ASGITransport(app)
    async with (
        connect(emulator) as sunco,
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://bot") as browser,
    ):
        assert (await browser.get("/health")).json() == {"pending": 0, "failed": 0}
        assert (await browser.post("/sunco/", json={"events": []})).status_code == 401
        app.dependency_overrides[bot.get_sunco] = lambda: sunco
        user = await sunco.users.create(external_id="ada")
        conversation = await sunco.conversations.create(
            "personal", participants=[ParticipantUser(user_id=user.id)]
        )
        for text in ("Hello!", "Still there?"):
            await sunco.messages.post(conversation.id, text)
        replied = await browser.get(f"/conversations/{conversation.id}/texts")
        assert replied.json() == ["Hello!", "Still there?"]
