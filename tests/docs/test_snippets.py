"""The code blocks of the README and the documentation pass both type checkers in strict mode."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from . import snippets

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if "_build" not in path.parts and "```python" in path.read_text(encoding="utf-8")
)

pytestmark = pytest.mark.skipif(
    not (find_spec("mypy") and find_spec("pyright")), reason="nox -s types installs the checkers"
)

Problem = tuple[str, int, str]


def module_name(page: Path) -> str:
    parts = page.relative_to(ROOT).with_suffix("").parts
    return "_".join(("page", *parts)).replace("-", "_").lower() + ".py"


def run(*command: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=280,
    ).stdout


def reported_by_mypy(folder: Path) -> Iterator[Problem]:
    settings = folder / "mypy.ini"
    settings.write_text("[mypy]\nstrict = true\n")
    options = (f"--config-file={settings}", f"--cache-dir={ROOT / '.mypy_cache' / 'docs'}")
    report = run("mypy", "--output=json", *options, *map(str, sorted(folder.glob("*.py"))))
    for line in report.splitlines():
        assert line.startswith("{"), report
        found: dict[str, Any] = json.loads(line)
        if found["severity"] == "error":
            yield Path(found["file"]).name, found["line"], found["message"]


def reported_by_pyright(folder: Path) -> Iterator[Problem]:
    (folder / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    report: dict[str, Any] = json.loads(
        run("pyright", "--outputjson", "--project", str(folder), "--pythonpath", sys.executable)
    )
    for found in report["generalDiagnostics"]:
        yield Path(found["file"]).name, found["range"]["start"]["line"] + 1, found["message"]


def problems_of(folder: Path, pages: dict[str, tuple[str, str, list[int]]]) -> list[str]:
    for name, (_, text, _) in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    found = [*reported_by_mypy(folder), *reported_by_pyright(folder)]
    return [
        f"{pages[name][0]}:{pages[name][2][line - 1]}: {message}" for name, line, message in found
    ]


def test_snippets_pass_both_type_checkers(tmp_path: Path) -> None:
    pages = {
        module_name(path): (str(path.relative_to(ROOT)), *snippets.module_of(path))
        for path in PAGES
    }
    wrong = "async def page() -> None:\n    await Sunco.from_env().conversations.create(1)\n"
    pages["wrong.py"] = ("wrong", f"from sunco import Sunco\n\n\n{wrong}", list(range(1, 9)))
    problems = problems_of(tmp_path, pages)
    # Each checker finds the error that is made on purpose: its report was read.
    assert sum(each.startswith("wrong:5") for each in problems) == 2, problems
    assert [each for each in problems if not each.startswith("wrong")] == []
