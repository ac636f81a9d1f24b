from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from sunco.emulator import __main__ as serving

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 10


def exports(text: str) -> dict[str, str]:
    return dict(re.findall(r"^export (\w+)='?(.*?)'?$", text, re.MULTILINE))


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0", "--key-secret", "it is one"]
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_how_to_reach_it_serves_and_stops(
    server: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert server.stdout
    assert server.stderr
    told = exports("".join(server.stdout.readline() for _ in range(4)))
    assert list(told) == ["SUNCO_BASE_URL", "SUNCO_APP_ID", "SUNCO_KEY_ID", "SUNCO_KEY_SECRET"]
    assert told["SUNCO_KEY_SECRET"] == "it is one"
    with httpx.Client(
        base_url=f"{told['SUNCO_BASE_URL']}/v2/apps/{told['SUNCO_APP_ID']}/",
        auth=(told["SUNCO_KEY_ID"], told["SUNCO_KEY_SECRET"]),
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


def test_answers_are_sent_without_delay() -> None:
    with serving.listen("127.0.0.1", 0) as listener:
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
def test_what_is_not_a_port_is_refused(capsys: pytest.CaptureFixture[str], port: str) -> None:
    with pytest.raises(SystemExit) as stop:
        serving.main([f"--port={port}"])
    assert stop.value.code == 2
    assert "must be a number from 0 to 65535" in capsys.readouterr().err
