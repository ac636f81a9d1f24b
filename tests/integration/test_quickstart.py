"""The demo, as a newcomer runs it: over real sockets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_quickstart_has_its_conversation() -> None:
    command = [sys.executable, "-m", "sunco.emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            assert emulator.stdout is not None
            lines = [emulator.stdout.readline() for _ in range(4)]
            exports = dict(line.strip().removeprefix("export ").split("=", 1) for line in lines)
            result = subprocess.run(
                [sys.executable, ROOT / "examples" / "quickstart.py"],
                env={
                    **os.environ,
                    **exports,
                    "SUNCO_DEMO_TWILIO_ID": "000000005eed000000000002",
                    "PYTHONIOENCODING": "utf-8",
                    "COLUMNS": "200",
                },
                capture_output=True,
                check=False,
                encoding="utf-8",
                timeout=60,
            )
        finally:
            emulator.terminate()
    assert result.returncode == 0, result.stdout + result.stderr
    for said in (
        "250 messages posted, 32 at a time",
        "250 messages read back, newest first, none missing, none twice",
        "in 3 pages of 100, 100, 50",
        "“Shall we continue?” [Yes] [Read more]",
        "the guest joined “Planning”: 2 take part",
        "the guest left again: 1 takes part",
        "control passed from “bot” to “agent”",
        "a client of type “twilio” is pending",
        "responded 404 conversation_not_found: Conversation not found.",
        "both users deleted",
    ):
        assert said in result.stdout
    assert exports["SUNCO_KEY_SECRET"] not in result.stdout
