"""The command line in this process, against an emulator without a socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from sunco import Sunco
from sunco.cli import main
from sunco.emulator import Emulator
from sunco.models import ParticipantUser
from sunco.testing import connect

SETTINGS = {
    "SUNCO_APP_ID": "app_demo",
    "SUNCO_KEY_ID": "app_demo_key",
    "SUNCO_KEY_SECRET": "s3cret-of-the-test",
    "SUNCO_BASE_URL": "http://localhost",
}


class Commands:
    """Runs commands; keeps what the client is to be, and what was said."""

    def __init__(
        self, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.emulator = emulator
        self._monkeypatch = monkeypatch
        self._capfd = capfd
        self.output = self.errors = ""

    def __call__(self, *arguments: object) -> int:
        """The exit code of a command."""
        self._monkeypatch.setattr("sys.argv", ["sunco", *map(str, arguments)])
        code: Any = 0
        try:
            main()
        except SystemExit as ending:
            code = ending.code
        said = self._capfd.readouterr()
        self.output, self.errors = said.out, said.err
        assert SETTINGS["SUNCO_KEY_SECRET"] not in self.output + self.errors
        return 0 if code is None else int(code)

    def json(self, *arguments: object) -> Any:
        """What a command prints, as JSON."""
        assert self(*arguments) == 0, self.errors
        return json.loads(self.output)

    def talk(self, messages: int = 0) -> tuple[str, str]:
        """A user and a conversation with so many messages; their ids."""

        async def make() -> tuple[str, str]:
            async with connect(self.emulator) as sunco:
                user = await sunco.users.create()
                conversation = await sunco.conversations.create(
                    "personal", participants=[ParticipantUser(user_id=user.id)]
                )
                for number in range(messages):
                    await sunco.messages.post(conversation.id, str(number))
                return user.id, conversation.id

        return anyio.run(make)

    def texts(self, conversation: str) -> list[str]:
        """The texts of a conversation, the oldest first."""
        path = f"/v2/apps/{{app_id}}/conversations/{conversation}/messages"
        listed = self.json("request", "GET", path, "--all")
        return [message["content"]["text"] for message in reversed(listed)]


@pytest.fixture
def anyio_backend() -> str:
    """Commands run on asyncio."""
    return "asyncio"


@pytest.fixture
def commands(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., int]:
    """Runs commands against an emulator."""
    emulator = Emulator(key_secret=SETTINGS["SUNCO_KEY_SECRET"])
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    from_env = Sunco.from_env

    def in_process(**options: Any) -> Sunco:
        from_env(**options)
        return connect(emulator, **options)

    monkeypatch.setattr(Sunco, "from_env", in_process)
    return Commands(emulator, monkeypatch, capfd)
