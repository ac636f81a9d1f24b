"""The example of a deployment: the app under uvicorn, and the files that start its processes."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import httpx
import psycopg
import pytest
import uvicorn
import yaml
from support import postgres
from webhooks.support import SECRET, delivery, message

from sunco.cli.commands import program
from sunco.cli.worker import load_router

DEPLOY = Path(__file__).parent.parent.parent / "examples" / "deploy"
SUNCO = "from sunco.cli import main; main()"
SHUTDOWN_TIMEOUT = 10
GUARD = 120.0

posix = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped with SIGTERM")


@pytest.fixture
def database() -> Iterator[str]:
    """The DSN of a database of its own: the app uses the default schema."""
    name, address = f"deploy_{uuid.uuid4().hex[:12]}", urlsplit(postgres.dsn())
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield address._replace(path=f"/{name}").geturl()
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def running(database: str, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """A process of the app, whose output and log are one stream."""
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("SUNCO_")},
        "PYTHONUNBUFFERED": "1",
        "SUNCO_POSTGRES": database,
        "SUNCO_WEBHOOK_SECRET": SECRET,
    }
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=DEPLOY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        # A process that hangs ends the test as well.
        timer = threading.Timer(GUARD, process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """The output up to a line that contains a text."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    pytest.fail(f"The process ended without {text!r}: {seen}")


def stop(process: subprocess.Popen[str]) -> str:
    """End a process with SIGTERM; returns the rest of its output."""
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=GUARD)
    # Uvicorn raises the signal again when it has shut down.
    assert process.returncode in {0, -signal.SIGTERM}, output
    return output


def ready(http: httpx.Client, pending: int) -> None:
    """Wait until the app reports this number of pending events."""
    deadline = time.monotonic() + GUARD
    while (found := http.get("/readyz").json()).get("pending") != pending:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@posix
def test_the_app_stores_what_a_worker_processes_and_both_shut_down_gracefully(
    database: str,
) -> None:
    port = postgres.free_port()
    with running(
        database, "-m", "uvicorn", "app:app", "--host", "127.0.0.1", "--port", str(port)
    ) as web:
        read_until(web, "Uvicorn running on")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            assert http.get("/healthz").json() == {"status": "ok"}
            response = http.get("/readyz")
            assert response.status_code == 200
            assert response.json() == {"status": "ok", "pending": 0, "late": False}
            for number in range(3):
                event = message(f"e{number}", f"c{number}", f"text {number}")
                response = http.post(
                    "/sunco/",
                    content=delivery(event),
                    headers={"X-API-Key": SECRET, "Content-Type": "application/json"},
                )
                assert response.status_code == 200
            assert http.get("/readyz").json()["pending"] == 3
            with running(database, "-c", SUNCO, "worker", "app:router") as worker:
                output = read_until(worker, "Processing the inbox of app:router")
                ready(http, 0)
                output += stop(worker)
                assert worker.returncode == 0
            assert all(f"text {number}" in output for number in range(3))

            with psycopg.connect(database, autocommit=True) as connection:
                connection.execute("DROP SCHEMA sunco CASCADE")
            response = http.get("/readyz")
            assert response.status_code == 503
            assert "sunco postgres migrate" in response.json()["status"]
            assert http.get("/healthz").status_code == 200
        assert "Application shutdown complete" in stop(web)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings with which the app can be imported; it connects to nothing."""
    monkeypatch.setenv("SUNCO_POSTGRES", "postgresql://postgres@database/app")
    monkeypatch.setenv("SUNCO_WEBHOOK_SECRET", SECRET)
    monkeypatch.chdir(DEPLOY)
    monkeypatch.setattr(sys, "path", [str(DEPLOY), *sys.path])
    monkeypatch.delitem(sys.modules, "app", raising=False)
    yield
    sys.modules.pop("app", None)


def check_command(command: Sequence[str]) -> str:
    """Check that a program has this subcommand, its options and its app; returns its name."""
    name, *arguments = command
    parser: click.Command = {"sunco": program, "uvicorn": uvicorn.main}[Path(name).name]
    words = [name]
    while isinstance(parser, click.Group):
        word, *arguments = arguments
        words.append(word)
        found = parser.get_command(click.Context(parser), word)
        assert found is not None, words
        parser = found
    # A wrong option or argument is a UsageError.
    context = parser.make_context(words[-1], arguments)
    if words[-1] == "worker":
        assert load_router(context.params["router"]).inbox is not None
    if words[-1] == "uvicorn":
        assert paths_of(context.params["app"])
    return " ".join(words)


def paths_of(app: str) -> set[str]:
    """The paths that an app serves."""
    module, _, attribute = app.partition(":")
    found: Any = getattr(__import__(module), attribute)
    return {route.path for route in found.routes}


def seconds(text: str) -> int:
    assert text.endswith("s")
    return int(text.removesuffix("s"))


@pytest.mark.usefixtures("settings")
def test_the_commands_of_the_compose_file_exist() -> None:
    compose: Any = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services: dict[str, Any] = compose["services"]
    commands = {
        name: check_command(service["command"])
        for name, service in services.items()
        if "command" in service
    }
    assert commands == {
        "migrate": "sunco postgres migrate",
        "web": "uvicorn",
        "worker": "sunco worker",
    }
    assert seconds(services["worker"]["stop_grace_period"]) > SHUTDOWN_TIMEOUT
    for service in services.values():
        assert set(service.get("depends_on", {})) <= services.keys()
        for volume in service.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"]
    for name in commands:
        assert services[name]["environment"]["SUNCO_POSTGRES"].startswith("postgresql://")


@pytest.mark.usefixtures("settings")
def test_the_commands_and_probes_of_the_kubernetes_manifests_exist() -> None:
    text = (DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for manifest in yaml.safe_load_all(text):
        name, spec = manifest["metadata"]["name"], manifest["spec"]
        if manifest["kind"] == "Deployment":
            labels = spec["template"]["metadata"]["labels"]
            assert spec["selector"]["matchLabels"] == labels
        pod = spec["template"]["spec"]
        (container,) = pod["containers"]
        command: list[str] = container["command"]
        if command[:2] == ["sh", "-c"]:
            command = shlex.split(os.path.expandvars(command[2].removeprefix("exec ")))
        found[name] = check_command(command)
        if found[name] == "sunco worker":
            assert pod["terminationGracePeriodSeconds"] > SHUTDOWN_TIMEOUT
        for probe in ("livenessProbe", "readinessProbe"):
            if probe in container:
                request = container[probe]["httpGet"]
                assert request["path"] in paths_of("app:app")
                assert request["port"] == container["ports"][0]["containerPort"]
                assert str(request["port"]) in command
    assert found == {
        "bot-web": "uvicorn",
        "bot-worker": "sunco worker",
        "spring-campaign": "sunco send",
    }


@pytest.mark.usefixtures("settings")
def test_the_command_of_the_systemd_unit_exists() -> None:
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "sunco-worker.service", encoding="utf-8")
    service = unit["Service"]
    assert check_command(shlex.split(service["ExecStart"])).endswith("sunco worker")
    assert int(service["TimeoutStopSec"]) > SHUTDOWN_TIMEOUT
    assert unit["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(
    "command", ["sunco werker app:router", "sunco worker app:router --fast", "uvicorn app:ap"]
)
def test_a_command_that_does_not_exist_is_found(command: str) -> None:
    with pytest.raises((AssertionError, AttributeError, click.UsageError)):
        check_command(command.split())
