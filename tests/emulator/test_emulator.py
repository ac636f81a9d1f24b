from __future__ import annotations

import ast
import sys
from importlib.util import find_spec
from pathlib import Path
from subprocess import run
from typing import TYPE_CHECKING

import pytest

from sunco.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(str(sys.modules["sunco.emulator"].__file__)).parent
SERVING = {"anyio", "h11", "starlette", "trustme", "uvicorn"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            yield (
                f"{node.module}.{node.names[0].name}"
                if node.module == "sunco"
                else str(node.module)
            )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_uses_anything_but_its_own_package_and_what_serves_it(path: Path) -> None:
    foreign = {
        name
        for name in imported(path)
        if name.partition(".")[0] not in {*sys.stdlib_module_names, *SERVING}
        and not f"{name}.".startswith("sunco.emulator.")
    }
    assert not foreign


def test_there_are_modules_to_look_at() -> None:
    assert len(MODULES) > 10


def test_the_secret_is_not_in_the_repr() -> None:
    emulator = Emulator(app_id="shop", key_id="app_shop", key_secret="open sesame")
    assert repr(emulator) == "Emulator(app_id='shop', key_id='app_shop')"


def test_the_key_id_looks_like_the_key_of_an_app() -> None:
    assert Emulator().key_id.startswith("app_")


@pytest.mark.usefixtures("measured_processes")
@pytest.mark.parametrize(
    ("missing", "module"),
    [("starlette", "sunco.emulator"), ("uvicorn", "sunco.emulator.__main__")],
)
def test_what_to_install_is_said_when_it_is_missing(missing: str, module: str) -> None:
    assert find_spec(module)
    code = f"import sys; sys.modules[{missing!r}] = None; import {module}"
    result = run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "pip install 'sunco[emulator]'" in result.stderr.splitlines()[-1]
