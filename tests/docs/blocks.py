"""Code blocks of Markdown files and docstrings, and how they are executed.

The Python blocks of a document are executed in order, in one namespace and one event loop, with
top-level await. Functions named `test_...` are called with fixtures. A block tagged `output` is the
expected output of the blocks before it. Blocks in HTML comments are executed, too: they contain
setup that is of no interest to readers. A block that begins with a comment such as `# shop.py` is a
file of its own: it is left out, and a test of its page runs it.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<tag>\S*)[^\n]*\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
# Blocks with these URLs need a server, and are compiled only.
SERVERS = ("postgresql://", "redis://")
EXEMPT = {"console", "ini", "json", "markdown", "text", "toml", "yaml"}


class Block(NamedTuple):
    """A fenced block, and the line before its first."""

    tag: str
    code: str
    line: int

    @property
    def file(self) -> str | None:
        """The name of the file that the block is, if it is one."""
        named = re.match(r"# (\w+\.py)\n", self.code)
        return named[1] if named else None


def blocks_in(text: str, first_line: int = 0) -> Iterator[Block]:
    for fence in FENCE.finditer(text):
        line = first_line + text.count("\n", 0, fence.start("code"))
        code = re.sub(rf"^{fence['indent']}", "", fence["code"], flags=re.MULTILINE)
        tag = fence["tag"]
        if not tag.startswith("{") and tag not in EXEMPT:
            assert tag in {"python", "output"}, f"line {line} begins a block tagged {tag!r}"
            yield Block(tag, code, line)


def docstrings_in(path: Path) -> Iterator[tuple[str, int]]:
    """The docstrings of a module that hold blocks, and the lines they begin at."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        docstring = ast.get_docstring(node) if isinstance(node, kinds) else None
        if docstring and "```" in docstring and isinstance(node, kinds):
            yield docstring, node.body[0].lineno - 1


class Reader:
    """Executes the blocks of a page in order."""

    def __init__(
        self, path: Path, namespace: Mapping[str, Any], fixtures: Callable[[], Mapping[str, Any]]
    ) -> None:
        self._path = path
        self._fixtures = fixtures
        self._names = dict(namespace)
        self._printed = io.StringIO()

    def run(self, blocks: Iterator[Block]) -> int:
        """Run blocks, and return how many there were."""
        count = 0
        with asyncio.Runner() as runner:
            for count, block in enumerate(blocks, start=1):  # noqa: B007 - counted
                if block.tag == "output":
                    self._compare(block)
                elif block.file is None:
                    self._run_one(block, runner)
        return count

    def _compare(self, block: Block) -> None:
        printed = self._printed.getvalue()
        self._printed.seek(0)
        self._printed.truncate()
        wanted = re.escape(block.code).replace(re.escape("..."), ".*?")
        where = f"{self._path}:{block.line}"
        assert re.fullmatch(wanted, printed, re.DOTALL), f"{where} is printed as:\n{printed}"

    def _run_one(self, block: Block, runner: asyncio.Runner) -> None:
        known = dict(self._names)
        with contextlib.redirect_stdout(self._printed):
            code = self._compiled(block)
            if any(url in block.code for url in SERVERS):
                return
            if code.co_flags & inspect.CO_COROUTINE:
                runner.run(eval(code, self._names))  # noqa: S307 - the project's own words
            else:
                exec(code, self._names)  # noqa: S102 - as above
            for name, value in list(self._names.items()):
                # A parametrized test has arguments that are no fixtures.
                parametrized = any(
                    mark.name == "parametrize" for mark in getattr(value, "pytestmark", ())
                )
                is_new = value is not known.get(name)
                if name.startswith("test_") and is_new and not parametrized:
                    fixtures = self._fixtures()
                    wanted = inspect.signature(value).parameters
                    runner.run(value(**{each: fixtures[each] for each in wanted}))

    def _compiled(self, block: Block) -> CodeType:
        tree = ast.parse(block.code, filename=str(self._path))
        ast.increment_lineno(tree, block.line)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code: CodeType = compile(tree, str(self._path), "exec", flags=flags, dont_inherit=True)
        return code
