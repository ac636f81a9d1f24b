"""Chat with a bot in the terminal, with an emulator instead of the API.

The example bots use this when `SUNCO_KEY_ID` is not set. Each line that you type is a message of an
end user. A line that begins with `agent:` is a message of a human agent, and `agent: /done` passes
control back to the bot.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import anyio
import httpx
import uvicorn

from sunco import Sunco
from sunco.models import Author, Conversation, CustomIntegration, ParticipantUser, Webhook

PORT = 8000
TRIGGERS = ["conversation:message", "switchboard:passControl", "switchboard:releaseControl"]
AGENT = Author("business", display_name="Agent")


def run(create_app: Callable[[], Any], *, path: str, patience: float = 0.0) -> None:
    """Serve a bot: for your account if `SUNCO_KEY_ID` is set, otherwise for a chat here.

    Args:
        create_app: Creates the app, with the settings of the environment.
        path: The path of the webhook in the app.
        patience: Seconds to wait for a reply that is sent after the webhook's response.
    """
    if os.environ.get("SUNCO_KEY_ID"):
        uvicorn.run(create_app(), port=PORT)
        return
    with emulator() as control, socket.create_server(("127.0.0.1", 0)) as listener:
        target = f"http://127.0.0.1:{listener.getsockname()[1]}{path}"
        conversation, secret = anyio.run(prepare, target)
        os.environ["SUNCO_WEBHOOK_SECRET"] = secret
        with served(create_app(), listener):
            print(f"The console: {control.base_url.join('console')}", flush=True)
            print("Say something; an empty line ends it.", flush=True)
            Chat(control, conversation, patience).run()
            # The bot's own messages are delivered to it, too.
            control.post("drain", json={}).raise_for_status()


class Chat:
    """A conversation in the terminal."""

    def __init__(self, control: httpx.Client, conversation: Conversation, patience: float) -> None:
        self._control = control
        self._conversation = conversation
        self._patience = patience
        self._shown = 0

    def run(self) -> None:
        """Send each line and print the replies, until an empty line."""
        for line in map(str.strip, sys.stdin):
            if not line:
                break
            name, colon, text = line.partition(":")
            if name == "agent" and colon:
                anyio.run(self._act_as_agent, text.strip())
            else:
                said = {"user": "you", "conversation": self._conversation.id, "text": line}
                self._control.post("say", json=said).raise_for_status()
            self._control.post("drain", json={}).raise_for_status()
            self._print_replies()

    async def _act_as_agent(self, text: str) -> None:
        async with Sunco.from_env() as sunco:
            if text == "/done":
                await sunco.switchboard_actions.pass_control(self._conversation.id, "bot")
            else:
                await sunco.messages.post(self._conversation.id, text, author=AGENT)

    def _print_replies(self) -> None:
        latest = time.monotonic() + self._patience
        while not (replies := self._new_replies()) and time.monotonic() < latest:
            time.sleep(0.02)
        for message in replies:
            name = message["author"].get("displayName", "Bot")
            print(f"{name}: {message['content'].get('text', '')}", flush=True)

    def _new_replies(self) -> list[dict[str, Any]]:
        asked = self._control.get("messages", params={"conversation": self._conversation.id})
        messages: list[dict[str, Any]] = asked.raise_for_status().json()["messages"]
        new = [each for each in messages[self._shown :] if each["author"]["type"] == "business"]
        if new:
            self._shown = len(messages)
        return new


async def prepare(target: str) -> tuple[Conversation, str]:
    """Register the webhook, and create a conversation."""
    async with Sunco.from_env() as sunco:
        webhook = Webhook(target, triggers=TRIGGERS)
        integration = await sunco.integrations.create(CustomIntegration(webhooks=[webhook]))
        (created,) = await sunco.webhooks.list(integration.id or "")
        user = await sunco.users.create(external_id="you")
        conversation = await sunco.conversations.create(
            "personal", participants=[ParticipantUser(user_id=user.id)]
        )
        return conversation, created.secret or ""


@contextmanager
def emulator() -> Generator[httpx.Client]:
    """Start an emulator, set the environment for it, and yield a client of its control API."""
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,  # noqa: S603
    ):
        try:
            for _ in range(4):
                line = process.stdout.readline() if process.stdout else ""
                name, _, value = line.strip().removeprefix("export ").partition("=")
                os.environ[name] = value
            os.environ["SUNCO_INBOX"] = os.path.join(folder, "inbox.db")  # noqa: PTH118
            base_url = f"{os.environ['SUNCO_BASE_URL']}/_emulator/"
            with httpx.Client(base_url=base_url, trust_env=False, timeout=30) as control:
                yield control
        finally:
            process.terminate()


@contextmanager
def served(app: Any, listener: socket.socket) -> Generator[None]:
    """Serve an app in a thread for the duration of the block."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
