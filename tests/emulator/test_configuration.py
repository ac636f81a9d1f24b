"""What an emulator contains at the start: seeds, arguments and the configuration file."""

from __future__ import annotations

import asyncio
import re
import signal
import ssl
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sunco.emulator import Emulator
from sunco.emulator import __main__ as command_line
from sunco.emulator import server as serving
from sunco.emulator.config import SEEDS, ConfigError, read_config
from sunco.emulator.state import defaults

from .api import Api
from .test_serving import SECONDS, exports, serve

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
app_id = "app_mine"
key_id = "app_mine_key"
key_secret = "a secret"
account_key_id = "act_mine"
message_limit = 3
app_limit = 2
retry_scale = 0.5
seed = "empty"

[[integrations]]
id = "000000000000000000000001"
type = "custom"
webhooks = [{ target = "https://bot.example.org", triggers = ["user:update"], secret = "mine" }]

[[switchboard]]
name = "bot"
integrationId = "000000000000000000000001"
next = "agent"

[[switchboard]]
name = "agent"

[[partners]]
client_id = "partner"
client_secret = "partner secret"
redirect_uris = ["https://partner.example.org/callback"]
"""


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("seed", "types", "switchboard"),
    [
        (
            "demo",
            ["custom", "mailgun", "messagebird", "twilio", "web", "whatsapp"],
            ["bot", "agent"],
        ),
        (
            "zendesk",
            ["mailgun", "messagebird", "twilio", "web", "whatsapp"],
            ["zd-answerBot", "zd-agentWorkspace"],
        ),
        ("empty", [], None),
    ],
)
async def test_the_seeds(seed: Any, types: list[str], switchboard: list[str] | None) -> None:
    async with Api(Emulator(seed=seed)) as api:
        integrations = (await api.get("integrations"))["integrations"]
        assert sorted(one["type"] for one in integrations) == types
        boards = (await api.get("switchboards"))["switchboards"]
        assert len(boards) == (switchboard is not None)
        for board in boards:
            path = f"switchboards/{board['id']}/switchboardIntegrations"
            found = (await api.get(path))["switchboardIntegrations"]
            assert [one["name"] for one in found] == switchboard
            assert found[0]["nextSwitchboardIntegrationId"] == found[1]["id"]


@pytest.mark.anyio
async def test_control_passes_to_the_agents_of_an_account_of_zendesk() -> None:
    async with Api(Emulator(seed="zendesk")) as api:
        conversation = await api.personal(await api.user())
        path = f"conversations/{conversation['id']}"
        body = {"switchboardIntegration": "zd-agentWorkspace"}
        await api.call("POST", f"{path}/passControl", body)
        shown = (await api.get(path))["conversation"]["activeSwitchboardIntegration"]
        assert shown["integrationType"] == "zd:agentWorkspace"


def test_an_unknown_seed_is_rejected() -> None:
    unknown: Any = "full"
    with pytest.raises(ValueError, match="seed must be one of demo, zendesk, empty, not 'full'"):
        Emulator(seed=unknown)


@pytest.mark.anyio
async def test_a_configuration_file_has_the_arguments_of_an_emulator(tmp_path: Path) -> None:
    path = tmp_path / "emulator.toml"
    path.write_text(CONFIG)
    emulator = Emulator(**read_config(path))
    assert (emulator.app_id, emulator.account_key_id) == ("app_mine", "act_mine")
    async with Api(emulator) as api:
        (integration,) = (await api.get("integrations"))["integrations"]
        assert integration["webhooks"][0]["secret"] == "mine"
        conversation = await api.personal(await api.user())
        assert conversation["activeSwitchboardIntegration"]["name"] == "bot"
        for status in (201, 201, 201, 423):
            body = {"author": {"type": "business"}, "content": {"type": "text", "text": "x"}}
            path_ = f"conversations/{conversation['id']}/messages"
            await api.call("POST", path_, body, status=status)
        query = {"client_id": "partner", "response_type": "code"}
        response = await api.http.get("http://emulator/oauth/authorize", params=query)
        assert response.headers["location"].startswith("https://partner.example.org/callback?")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("app_id = ", "Invalid value"),
        ("appid = 'a'", "appid is not known"),
        ("message_limit = 0", "message_limit must be at least 1"),
        ("seed = 'full'", "seed must be one of demo, zendesk, empty"),
        ("[[integrations]]", r"integrations\[0\].type is required"),
        ("[[switchboard]]\nname = 'a'\nnext = 'b'", r"switchboard\[0\].next is not the name"),
        ("[[partners]]\nclient_id = 'a'", r"partners\[0\].client_secret is required"),
    ],
)
def test_an_invalid_configuration_is_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    path = tmp_path / "emulator.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        read_config(path)
    with pytest.raises(SystemExit) as stop:
        command_line.main(["--config", str(path)])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(f"Cannot use the configuration {re.escape(str(path))}: .*{problem}", line)


def test_a_configuration_that_is_not_there_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_config(str(tmp_path / "none.toml"))


def test_options_take_precedence_over_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "emulator.toml"
    path.write_text(CONFIG)
    with serve("--config", str(path), "--app-id", "app_other", "--seed", "demo") as server:
        assert server.stdout
        variables = exports("".join(server.stdout.readline() for _ in range(4)))
    assert variables["SUNCO_APP_ID"] == "app_other"
    assert variables["SUNCO_KEY_ID"] == "app_mine_key"


@pytest.mark.usefixtures("measured_processes")
def test_it_serves_with_tls(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    with serve("--tls", str(ca_file), "--host", "127.0.0.1") as server:
        assert server.stdout
        variables = exports("".join(server.stdout.readline() for _ in range(5)))
        assert variables["SSL_CERT_FILE"] == str(ca_file)
        url = variables["SUNCO_BASE_URL"]
        assert url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(ca_file))
        with httpx.Client(verify=context, trust_env=False, timeout=SECONDS) as http:
            for host in ("127.0.0.1", "localhost"):
                address = url.replace("127.0.0.1", host)
                auth = ("app_demo_key", "demo_secret")
                found = http.get(f"{address}/sc/v2/apps/app_demo", auth=auth)
                assert found.json()["app"]["id"] == "app_demo"
            with pytest.raises(httpx.ConnectError):
                httpx.get(url, trust_env=False)
        server.send_signal(signal.SIGTERM)
        assert server.wait(SECONDS) == 0


def test_a_certificate_authority_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        command_line.main(["--port", "0", "--tls", str(tmp_path / "none" / "ca.pem")])
    assert stop.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Cannot write the certificate authority: ")


def test_tls_without_trustme_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with (
        pytest.raises(ModuleNotFoundError, match=r"sunco\[emulator,emulator-tls\]"),
        serving.certificate_for("localhost", str(tmp_path / "ca.pem")),
    ):
        pass


def test_the_help_lists_the_options() -> None:
    command = [sys.executable, "-m", "sunco.emulator", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for option in ("--host", "--tls", "--config", "--seed", "--account-key-id", "--app-limit"):
        assert option in text


def test_the_seeds_of_the_command_line_are_those_that_there_are() -> None:
    assert tuple(defaults.SEEDS) == SEEDS


def test_the_console_is_opened_by_the_names_that_are_allowed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "emulator.toml"
    config.write_text('hosts = ["shop.test"]')
    opened: list[str] = []
    is_opened = threading.Event()
    statuses: list[int] = []

    def open_browser(url: str) -> bool:
        opened.append(url)
        is_opened.set()
        return True

    def serve_once(app: Any, _listener: Any, **_options: Any) -> None:
        assert is_opened.wait(60)
        asyncio.run(ask(app, f"http://{hosts.pop()}"))

    async def ask(app: Any, base_url: str) -> None:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=base_url) as http:
            statuses.append((await http.get("/_emulator/console")).status_code)

    monkeypatch.setattr("webbrowser.open", open_browser)
    monkeypatch.setattr(serving, "serve", serve_once)
    monkeypatch.setattr(serving, "stop_on_signals", lambda: None)
    hosts = ["shop.test", "other.test", "shop.test"]
    for options in (
        ["--config", str(config), "--open"],
        ["--open"],
        ["--allow-host", "shop.test", "--allow-host", "b.test", "--open"],
    ):
        command_line.main(["--port", "0", *options])
    assert statuses == [200, 403, 200]
    for output, url in zip(
        sorted(opened), sorted(exports_of(capsys.readouterr().out)), strict=True
    ):
        assert output == f"{url}/_emulator/console"


def exports_of(text: str) -> list[str]:
    return re.findall("SUNCO_BASE_URL='?(http://.*?)'?$", text, re.MULTILINE)
