"""A bot of the examples, in a process of its own, driven through a served emulator."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunco.emulator.server import listen
from sunco.emulator.state.defaults import BOT_ID

from .test_serving import SECONDS, exports, serve

if TYPE_CHECKING:
    import socket
    from collections.abc import Generator, Mapping

import httpx

EXAMPLES = Path(__file__).parents[2] / "examples"
TRIGGERS = ["conversation:message", "switchboard:passControl"]


@contextmanager
def bot(
    name: str, listener: socket.socket, settings: Mapping[str, str]
) -> Generator[None, None, None]:
    """Run a bot that listens on a socket which is open already, so nobody has to wait for it."""
    number = listener.fileno()
    command = [sys.executable, "-m", "uvicorn", "--factory", f"{name}:create_app"]
    with subprocess.Popen(
        [*command, "--fd", str(number), "--log-level", "warning"],
        cwd=EXAMPLES,
        env={**os.environ, **settings},
        pass_fds=[number],
    ) as process:
        try:
            # The socket accepts connections before the bot has started.
            host, port = listener.getsockname()
            transport = httpx.HTTPTransport(retries=5)
            with httpx.Client(transport=transport, timeout=SECONDS) as http:
                http.get(f"http://{host}:{port}/")
            yield
        finally:
            process.terminate()
            process.wait(SECONDS)


def test_a_bot_passes_control_to_an_agent_and_gets_it_back() -> None:
    with serve() as server, listen("127.0.0.1", 0) as listener:
        assert server.stdout
        settings = exports("".join(server.stdout.readline() for _ in range(4)))
        target = f"http://127.0.0.1:{listener.getsockname()[1]}/sunco"
        with httpx.Client(
            base_url=f"{settings['SUNCO_BASE_URL']}/v2/apps/{settings['SUNCO_APP_ID']}/",
            auth=(settings["SUNCO_KEY_ID"], settings["SUNCO_KEY_SECRET"]),
            timeout=SECONDS,
            trust_env=False,
        ) as http:

            def do(path: str, **body: Any) -> dict[str, Any]:
                document: dict[str, Any] = http.post(path, json=body).raise_for_status().json()
                return document

            path = f"integrations/{BOT_ID}/webhooks"
            webhook = do(path, target=target, triggers=TRIGGERS)["webhook"]
            do("users", externalId="ann")
            emulator = f"{settings['SUNCO_BASE_URL']}/_emulator"
            with bot(
                "handoff_bot", listener, settings | {"SUNCO_WEBHOOK_SECRET": webhook["secret"]}
            ):
                for text in ("Hi!", "An agent, please.", "Is anybody there?"):
                    do(f"{emulator}/say", user="ann", text=text)
                    do(f"{emulator}/drain")
                conversation = do(f"{emulator}/conversation", user="ann")["conversation"]
                assert conversation["activeSwitchboardIntegration"]["name"] == "agent"
                control = f"conversations/{conversation['id']}/passControl"
                do(control, switchboardIntegration="bot")
                do(f"{emulator}/drain")
                said = http.get(
                    f"{emulator}/messages", params={"conversation": conversation["id"]}
                ).json()["messages"]
    assert [message["content"]["text"] for message in said] == [
        "Hi!",
        "I am only a bot. Ask for an agent.",
        "An agent, please.",
        "One moment: I am fetching an agent.",
        "Is anybody there?",
        "It is me again, the bot.",
    ]
