"""Chooses the tests that run in WebAssembly: `selection.toml` lists them."""

from __future__ import annotations

import sys
import tomllib
from importlib import import_module
from pathlib import Path

import hypothesis
import pytest

_SELECTION = tomllib.loads(Path(__file__).with_name("selection.toml").read_text(encoding="utf-8"))
_TESTS = Path(__file__).parents[1]
_RUN = [_TESTS / path for path in _SELECTION["run"]]
_WITHOUT = {name for names in _SELECTION["without"].values() for name in names}


def pytest_configure() -> None:
    # WebAssembly takes several times as long.
    hypothesis.settings.register_profile("wasm", deadline=None)
    hypothesis.settings.load_profile("wasm")


def pytest_report_header() -> str:
    return f"wasm: Python {sys.version.split()[0]} on {sys.platform}"


def pytest_runtest_logstart(nodeid: str) -> None:
    # A stack that overflows ends Python without a word: `run.mjs` names the test.
    if sys.platform == "emscripten":
        import_module("js").lastTest = nodeid


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    if any(collection_path.match(name) for name in _WITHOUT):
        return True
    selected = any(
        collection_path.is_relative_to(path) or path.is_relative_to(collection_path)
        for path in _RUN
    )
    return None if selected else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if _is_left_out(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_left_out(item: pytest.Item) -> bool:
    name = item.nodeid.removeprefix("tests/")
    if name in _WITHOUT or name.partition("[")[0] in _WITHOUT:
        return True
    parameters = (
        item.callspec.params
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else {}
    )
    return any(
        parameters.get(parameter) in values
        for parameter, values in _SELECTION["without_parameters"].items()
    )
