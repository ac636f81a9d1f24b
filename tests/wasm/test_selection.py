"""The list of what runs in WebAssembly, checked wherever the suite runs."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SELECTION = tomllib.loads((TESTS / "wasm/selection.toml").read_text(encoding="utf-8"))
LEFT_OUT = sorted(name for names in SELECTION["without"].values() for name in names)


@pytest.mark.parametrize("path", SELECTION["run"])
def test_what_is_run_exists(path: str) -> None:
    assert (TESTS / path).exists()


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_exists_and_would_be_run(name: str) -> None:
    path, _, test = name.partition("[")[0].partition("::")
    assert any((TESTS / path).is_relative_to(TESTS / run) for run in SELECTION["run"])
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    functions = {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not test or test in functions
