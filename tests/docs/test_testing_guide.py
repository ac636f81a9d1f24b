"""The files of the testing guide, in a folder of their own, under each plugin that it names."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from . import blocks

ROOT = Path(__file__).parent.parent.parent
GUIDE = ROOT / "docs" / "guides" / "testing.md"
CACHE = ROOT / ".mypy_cache" / "docs"
FILES = {
    block.file: block.code
    for block in blocks.blocks_in(GUIDE.read_text(encoding="utf-8"))
    if block.file is not None
}
STRICT = "import pytest\n\npytestmark = pytest.mark.asyncio\n"
ANYIO = "import pytest\n\npytestmark = pytest.mark.anyio\n"

# pytest-asyncio warns where its default for the scope of loops is not set.
FILTERS = """\
filterwarnings =
    error
    ignore::pytest.PytestDeprecationWarning
"""

Result = subprocess.CompletedProcess[str]


def write(folder: Path, marker: str = "", settings: str = "") -> None:
    for name, code in FILES.items():
        (folder / name).write_text(code + (marker if name == "test_shop.py" else ""))
    (folder / "pytest.ini").write_text(f"[pytest]\n{settings}{FILTERS}")


def run(folder: Path, *arguments: str) -> Result:
    command = [sys.executable, "-m", "pytest", "-p", "sunco_pytest", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


ASYNCIO = ("-p", "pytest_asyncio.plugin")
XDIST = ("-p", "xdist.plugin", "-n", "2")
AUTO = "asyncio_mode = auto\n"
VARIANTS = {
    "pytest-asyncio, strict": (STRICT, "", ASYNCIO, 2),
    "pytest-asyncio, auto": ("", AUTO, ASYNCIO, 2),
    "anyio": (ANYIO, "", ("-p", "anyio.pytest_plugin"), 4),
    "pytest-asyncio, auto, xdist": ("", AUTO, (*ASYNCIO, *XDIST), 2),
}


def test_the_guide_has_the_files() -> None:
    assert sorted(FILES) == ["conftest.py", "shop.py", "test_shop.py"]


@pytest.mark.parametrize(
    ("marker", "settings", "arguments", "passed"), VARIANTS.values(), ids=VARIANTS
)
def test_the_tests_of_the_guide_pass(
    tmp_path: Path, marker: str, settings: str, arguments: tuple[str, ...], passed: int
) -> None:
    write(tmp_path, marker, settings)
    done = run(tmp_path, *arguments)
    assert f"{passed} passed" in done.stdout, done.stdout + done.stderr


def test_the_error_of_a_handler_fails_the_tests(tmp_path: Path) -> None:
    write(tmp_path, "", AUTO)
    app = FILES["shop.py"].replace("await ctx.reply(", "raise LookupError(")
    (tmp_path / "shop.py").write_text(app)
    done = run(tmp_path, *ASYNCIO)
    assert "2 failed" in done.stdout, done.stdout + done.stderr
    assert "LookupError: You said: Hello!" in done.stdout


@pytest.mark.skipif(not find_spec("mypy"), reason="nox -s types installs the checkers")
def test_the_files_of_the_guide_pass_a_type_checker(tmp_path: Path) -> None:
    write(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={CACHE}", *FILES],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
