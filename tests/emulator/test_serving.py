from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest

from sunco.emulator import __main__ as serving
from sunco.emulator.server import listen

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("measured_processes")

SECONDS = 60


def exports(text: str) -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)='?(.*?)'?$", text, re.MULTILINE))


@contextmanager
def serve(*options: str) -> Generator[subprocess.Popen[str], None, None]:
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        watchdog = threading.Timer(SECONDS, process.kill)
        watchdog.start()
        try:
            yield process
        finally:
            watchdog.cancel()
            process.kill()


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    with serve("--key-secret", "it is one") as process:
        yield process


def connect(server: subprocess.Popen[str]) -> httpx.Client:
    assert server.stdout
    settings = exports("".join(server.stdout.readline() for _ in range(4)))
    return httpx.Client(
        base_url=f"{settings['SUNCO_BASE_URL']}/v2/apps/{settings['SUNCO_APP_ID']}/",
        auth=(settings["SUNCO_KEY_ID"], settings["SUNCO_KEY_SECRET"]),
        timeout=SECONDS,
        trust_env=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_how_to_reach_it_serves_and_stops(
    server: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert server.stdout
    assert server.stderr
    settings = exports("".join(server.stdout.readline() for _ in range(4)))
    assert list(settings) == ["SUNCO_BASE_URL", "SUNCO_APP_ID", "SUNCO_KEY_ID", "SUNCO_KEY_SECRET"]
    assert settings["SUNCO_KEY_SECRET"] == "it is one"
    with httpx.Client(
        base_url=f"{settings['SUNCO_BASE_URL']}/v2/apps/{settings['SUNCO_APP_ID']}/",
        auth=(settings["SUNCO_KEY_ID"], settings["SUNCO_KEY_SECRET"]),
        timeout=SECONDS,
        trust_env=False,
    ) as http:
        user = http.post("users", json={"externalId": "a/b"}).raise_for_status().json()["user"]
        assert http.get("users/a%2Fb").json() == {"user": user}
        too_large = http.post("users", json={"padding": "x" * 2_000_000})
        assert too_large.status_code == 413
        # An open connection must not keep the server from stopping.
        server.send_signal(number)
        assert server.wait(SECONDS) == 0
    assert server.stdout.read() == ""
    assert server.stderr.read() == ""


def test_responses_are_sent_without_delay() -> None:
    with listen("127.0.0.1", 0) as listener:
        with socket.create_connection(listener.getsockname()):
            connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as stop:
            serving.main(["--port", str(port)])
    assert stop.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"Cannot listen on 127.0.0.1, port {port}: ")


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_what_is_not_a_port_is_rejected(capsys: pytest.CaptureFixture[str], port: str) -> None:
    with pytest.raises(SystemExit) as stop:
        serving.main([f"--port={port}"])
    assert stop.value.code == 2
    assert "must be a number from 0 to 65535" in capsys.readouterr().err


def test_with_a_file_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    options = ("--state", str(tmp_path / "state.sqlite"))
    with serve(*options) as server, connect(server) as http:
        user = http.post("users", json={"externalId": "ann"}).raise_for_status().json()["user"]
        server.send_signal(signal.SIGTERM)
        assert server.wait(SECONDS) == 0
    with serve(*options) as server, connect(server) as http:
        assert http.get("users/ann").json() == {"user": user}


def test_a_file_that_cannot_be_used_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (tmp_path, tmp_path / "letter"):
        if path != tmp_path:
            path.write_text("A letter" * 100)
        with pytest.raises(SystemExit) as stop:
            serving.main(["--state", str(path)])
        assert stop.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"Cannot use the state file {path}: ")


def test_faults_reach_a_client_and_not_the_log(server: subprocess.Popen[str]) -> None:
    with connect(server) as http:
        control = str(http.base_url.copy_with(path="/_emulator/fail"))
        for fault in ({"status": 503}, {"reset": True}):
            assert http.post(control, json=fault).status_code == 200
        assert http.post("users", json={}).status_code == 503
        with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
            http.post("users", json={})
        assert http.post("users", json={}).status_code == 201
    server.send_signal(signal.SIGTERM)
    assert server.wait(SECONDS) == 0
    assert server.stderr
    assert server.stderr.read() == ""


def test_webhooks_are_delivered_while_it_serves(server: subprocess.Popen[str]) -> None:
    received: list[tuple[str | None, bytes]] = []

    class Target(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append((self.headers["x-api-key"], body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with HTTPServer(("127.0.0.1", 0), Target) as target, connect(server) as http:
        target.timeout = SECONDS
        url = f"http://127.0.0.1:{target.server_port}/hook"
        webhook = {"target": url, "triggers": ["conversation:message"]}
        body = {"type": "custom", "webhooks": [webhook]}
        made = http.post("integrations", json=body).raise_for_status().json()["integration"]
        http.post("users", json={"externalId": "ann"}).raise_for_status()
        control = str(http.base_url.copy_with(path="/_emulator/say"))
        http.post(control, json={"user": "ann", "text": "hi"}).raise_for_status()
        target.handle_request()
        ((key, content),) = received
        assert key == made["webhooks"][0]["secret"]
        assert b'"text": "hi"' in content
