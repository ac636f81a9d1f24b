"""Both checkers accept what is right, and reject what is wrong for the reason that is given."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PROGRAMS = [HERE / "accepted.py", HERE / "rejected.py"]

Reasons = dict[tuple[str, int], set[str]]

pytestmark = pytest.mark.skipif(
    not (find_spec("mypy") and find_spec("pyright")), reason="nox -s types has the checkers"
)


def run(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=120,
    ).stdout


def said_by_mypy() -> Iterator[tuple[str, int, str]]:
    for line in run("mypy", "--output=json", *map(str, PROGRAMS)).splitlines():
        said: dict[str, Any] = json.loads(line)
        if said["severity"] == "error":
            yield said["file"], said["line"], said["code"]


def said_by_pyright(folder: Path) -> Iterator[tuple[str, int, str]]:
    # The project's own settings leave out the program of mistakes, wherever it is named.
    for program in PROGRAMS:
        shutil.copy(program, folder)
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    report: dict[str, Any] = json.loads(
        run("pyright", "--outputjson", "--project", str(folder), "--pythonpath", sys.executable)
    )
    assert report["summary"]["filesAnalyzed"] == len(PROGRAMS)
    for said in report["generalDiagnostics"]:
        yield said["file"], said["range"]["start"]["line"] + 1, said.get("rule", said["message"])


def by_line(said: Iterator[tuple[str, int, str]]) -> Reasons:
    reasons: Reasons = defaultdict(set)
    for file, line, reason in said:
        reasons[Path(file).name, line].add(reason)
    return dict(reasons)


def expected(*, of_pyright: bool) -> Reasons:
    reasons: Reasons = {}
    lines = (HERE / "rejected.py").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        comment = re.search(r"  # ([\w-]+(?:, [\w-]+)+)$", line)
        if comment:
            named = comment[1].split(", ")
            reasons["rejected.py", number] = {
                name for name in named if name.startswith("report") is of_pyright
            }
    return reasons


def test_the_comments_are_read() -> None:
    assert len(expected(of_pyright=True)) == len(expected(of_pyright=False)) > 30


def test_mypy_notices_these_mistakes_and_no_others() -> None:
    assert by_line(said_by_mypy()) == expected(of_pyright=False)


def test_pyright_notices_these_mistakes_and_no_others(tmp_path: Path) -> None:
    assert by_line(said_by_pyright(tmp_path)) == expected(of_pyright=True)
