"""The files of the testing guide, in a folder of their own, under each plugin that it names."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
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

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def _no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def run(
    pytester: pytest.Pytester, arguments: Sequence[str], marker: str = "", settings: str = ""
) -> pytest.RunResult:
    """Run the tests of the guide as they are in the folder, with these plugins alone."""
    for name, code in FILES.items():
        if not (pytester.path / name).exists():
            (pytester.path / name).write_text(code + (marker if name == "test_shop.py" else ""))
    pytester.makeini(f"[pytest]\n{settings}{FILTERS}")
    return pytester.runpytest_inprocess("-p", "sunco_pytest", "-p", "no:cacheprovider", *arguments)


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
    pytester: pytest.Pytester,
    marker: str,
    settings: str,
    arguments: Sequence[str],
    passed: int,
) -> None:
    run(pytester, arguments, marker, settings).assert_outcomes(passed=passed)


def test_the_error_of_a_handler_fails_the_tests(pytester: pytest.Pytester) -> None:
    app = FILES["shop.py"].replace("await ctx.reply(", "raise LookupError(")
    (pytester.path / "shop.py").write_text(app)
    result = run(pytester, ASYNCIO, settings=AUTO)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines("*LookupError: You said: Hello!")


@pytest.mark.skipif(not find_spec("mypy"), reason="nox -s types installs the checkers")
def test_the_files_of_the_guide_pass_a_type_checker(tmp_path: Path) -> None:
    for name, code in FILES.items():
        (tmp_path / name).write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", f"--cache-dir={CACHE}", *FILES],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
