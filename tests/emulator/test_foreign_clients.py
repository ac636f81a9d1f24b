"""Clients that know nothing of the emulator take a tour of it, over HTTP."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .test_serving import exports, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

TOURS = Path(__file__).parent / "foreign"
SECONDS = 60
STEPS = [
    "users",
    "conversations",
    "messages",
    "switchboard",
    "integrations",
    "participants",
    "clients",
    "attachments",
    "webhooks",
    "switchboards",
    "apps",
]


def has_javascript_package() -> bool:
    """Whether Node.js finds the vendor's package, for which `NODE_PATH` can be set."""
    node = shutil.which("node")
    if node is None:
        return False
    code = "require.resolve('sunshine-conversations-client')"
    return subprocess.run([node, "-e", code], capture_output=True, check=False).returncode == 0


def take(*command: str, options: Sequence[str] = (), prefix: str = "") -> list[str]:
    """The steps of a tour that were taken."""
    with serve(*options) as server:
        assert server.stdout
        count = 5 if "--tls" in options else 4
        settings = exports("".join(server.stdout.readline() for _ in range(count)))
        settings["SUNCO_BASE_URL"] += prefix
        names = ("BASE_URL", "APP_ID", "KEY_ID", "KEY_SECRET")
        done = subprocess.run(
            [*command, *(settings[f"SUNCO_{name}"] for name in names)],
            # Node.js trusts further authorities by another variable than OpenSSL.
            env={
                **os.environ,
                **settings,
                "NODE_EXTRA_CA_CERTS": settings.get("SSL_CERT_FILE", ""),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        sys.stdout.write(done.stdout)
        return [line.partition(":")[0] for line in done.stdout.splitlines()]


@pytest.mark.skipif(
    find_spec("sunshine_conversations_client") is None,
    reason="the vendor's Python package, sunshine-conversations-client, is not installed",
)
@pytest.mark.parametrize("seed", ["demo", "zendesk"])
def test_the_vendors_python_package_takes_the_tour(tmp_path: Path, seed: str) -> None:
    options = ("--seed", seed, "--tls", str(tmp_path / "ca.pem"))
    command = (sys.executable, "-W", "ignore", str(TOURS / "tour.py"))
    assert take(*command, options=options, prefix="/sc") == STEPS


@pytest.mark.skipif(
    not has_javascript_package(),
    reason="Node.js does not find the vendor's package, sunshine-conversations-client",
)
@pytest.mark.parametrize("secure", [False, True], ids=["http", "tls"])
def test_the_vendors_javascript_package_takes_the_tour(tmp_path: Path, *, secure: bool) -> None:
    options = ("--tls", str(tmp_path / "ca.pem")) if secure else ()
    steps = take("node", str(TOURS / "tour.js"), options=options, prefix="/sc")
    assert steps == [*STEPS, "installation"]
