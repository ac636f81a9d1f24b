"""Run schemathesis over a served emulator: `python -m emulator.fuzzing [EXAMPLES [SEED]]`.

It starts the emulator on a loopback port, and stops it. `SUNCO_OPENAPI` names the specification.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from .spec import document

# By the account's key: all but what only the keys of apps and integrations open.
RUNS = (
    ("act_demo_key", ("--exclude-tag", "Webhooks")),
    ("app_demo_key", ("--include-tag", "Webhooks")),
)
# Left out is that everything valid must be accepted: much of what the specification forbids, such
# as what excludes each other, stands in its text and not in its schemas.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
)


def populate(base_url: str) -> dict[str, str]:
    """Make one of everything that a path names, and return the ids by the names in paths."""
    with httpx.Client(
        base_url=f"{base_url}/v2/apps/app_demo/",
        auth=("app_demo_key", "demo_secret"),
        trust_env=False,
        timeout=10,
    ) as http:

        def make(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
            document = http.post(path, json=body).raise_for_status().json()
            (made,) = document.values()
            return dict(made)

        user = make("users", {"externalId": "ann"})
        participants = [{"userId": user["id"]}]
        conversation = make("conversations", {"type": "personal", "participants": participants})
        webhook: dict[str, Any] = {"target": "http://127.0.0.1:9/", "triggers": []}
        integration = make("integrations", {"type": "custom", "webhooks": [webhook]})
        control = httpx.URL(base_url).copy_with(path="/_emulator/authenticate")
        http.post(control, json={"user": "ann", "zendeskId": "7"}).raise_for_status()
        (board,) = http.get("switchboards").json()["switchboards"]
    return {
        "appId": "app_demo",
        "conversationId": conversation["id"],
        "integrationId": integration["id"],
        "switchboardId": board["id"],
        "userIdOrExternalId": "ann",
        "zendeskId": "7",
        "webhookId": integration["webhooks"][0]["id"],
    }


def configuration(ids: dict[str, str]) -> str:
    """The ids for paths; what deletes a thing gets an id of its own making."""
    lines = ["[parameters]", *(f'"path.{name}" = "{text}"' for name, text in ids.items())]
    for path, item in document()["paths"].items():
        names = re.findall(r"\{(\w+)\}", path)
        if "delete" in item and names:
            name = item["delete"]["operationId"]
            lines += ["", "[[operations]]", f'include-operation-id = "{name}"']
            lines += ["[operations.parameters]", f'"path.{names[-1]}" = "gone"']
    return "\n".join(lines)


def main(examples: str = "25", seed: str = "1") -> int:
    """Serve, run, and say how it went."""
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0", "--retry-scale", "0"]
    failed = 0
    for key_id, selection in RUNS:
        with (
            TemporaryDirectory() as folder,
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
        ):
            try:
                assert server.stdout is not None
                base_url = server.stdout.readline().partition("=")[2].strip()
                home = Path(folder)
                served = {**document(), "servers": [{"url": base_url}]}
                specification = json.dumps(served, default=str)
                (home / "schemathesis.toml").write_text(configuration(populate(base_url)))
                (home / "openapi.json").write_text(specification)
                arguments = ["run", "openapi.json", "--url", base_url, "--no-color"]
                arguments += ["--auth", f"{key_id}:demo_secret", "--checks", ",".join(CHECKS)]
                arguments += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure"]
                arguments += ["--max-examples", examples, "--seed", seed, "--warnings", "off"]
                tool = Path(sys.executable).with_name("schemathesis")
                run = subprocess.run(  # noqa: PLW1510
                    [tool, *arguments, *selection], cwd=folder
                )
                failed = failed or run.returncode
            finally:
                server.terminate()
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
