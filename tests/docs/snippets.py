"""The code blocks of a page as one module, for type checkers.

Imports stay at the top level. Everything else becomes the body of a coroutine function, since
blocks use top-level await. Its parameters are the names that every page may use.
"""

from __future__ import annotations

import ast
from pathlib import Path

from . import blocks

HEAD = """\
# pyright: strict, reportUnusedVariable=false, reportUnusedFunction=false, reportRedeclaration=false
from sunco import Sunco
from sunco.emulator import Emulator
"""
FUNCTION = "async def page(sunco: Sunco, emulator: Emulator) -> None:\n"


def module_of(page: Path) -> tuple[str, list[int]]:
    """A module with the blocks of a page, and the line of the page for each of its lines."""
    imports: list[tuple[str, int]] = []
    body: list[tuple[str, int]] = []
    for block in blocks.blocks_in(page.read_text(encoding="utf-8")):
        if block.tag != "python" or block.file is not None:
            continue
        imported = imported_lines(block.code)
        for number, line in enumerate(block.code.splitlines(), start=1):
            if number not in imported:
                body.append((line, block.line + number))
            elif not line.startswith("import ") or all(line != each for each, _ in imports):
                imports.append((line, block.line + number))
    lines = [
        *((line, 0) for line in HEAD.splitlines()),
        *imports,
        (FUNCTION, 0),
        *((f"    {line}" if line else "", number) for line, number in body),
    ]
    text = [line.rstrip("\n") for line, _ in lines]
    return "\n".join(text) + "\n", [number for _, number in lines]


def imported_lines(code: str) -> set[int]:
    """The lines of the top-level imports of a block."""
    return {
        line
        for node in ast.parse(code).body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
