"""Generates the reference of a namespace, with HTTP examples from the tests.

    .. namespace:: messages

Each method gets its signature and docstring, and the call, request and response of one of its
rows in `tests/operations`. The tests assert these rows byte for byte, so the examples cannot become
outdated.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from sunco import resources

ROOT = Path(__file__).parent.parent
HIDDEN = "Basic YXBwX2tleTpzZWNyZXQ="

# Methods that are composed of operations, and those whose tests have no row.
WITHOUT_ROW = {
    "activities.typing",
    "attachments.delete",
    "attachments.download",
    "attachments.upload",
    "messages.post_once",
    "oauth.authorize_url",
    "oauth.get_token",
    "oauth.revoke_access",
    "oauth.token_info",
}

logger = logging.getLogger(__name__)


class Namespace(SphinxDirective):
    """Documents the methods of a namespace."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Expand to directives of autodoc."""
        name = self.arguments[0]
        cls = namespaces()[name]
        lines: list[str] = []
        for method in methods_of(cls):
            full = f"{cls.__module__}.{cls.__qualname__}.{method}"
            lines += [f".. automethod:: {full}", "", *indented(example_of(name, method)), ""]
        return self.parse_text_to_nodes("\n".join(lines))


@cache
def namespaces() -> dict[str, type[Any]]:
    """The classes of the namespaces, by the names of the client's attributes."""
    classes: list[type[Any]] = [getattr(resources, name) for name in resources.__all__]
    return {cls.__module__.rpartition(".")[2]: cls for cls in classes}


def methods_of(cls: type[Any]) -> list[str]:
    """The public methods of a namespace in source order."""
    return [
        name
        for name, member in vars(cls).items()
        if inspect.isfunction(member) and not name.startswith("_")
    ]


@cache
def rows() -> dict[str, Any]:
    """A row of the tests for each method: the one that is named like it, else the first."""
    sys.path.insert(0, str(ROOT / "tests"))
    found: dict[str, Any] = {}
    for path in sorted((ROOT / "tests" / "operations").glob("test_*.py")):
        module = import_module(f"operations.{path.stem}")
        for row in getattr(module, "ROWS", ()):
            name = re.match(r"\w+\.\w+", row.name)
            if name and call_of(row):
                if row.name == name[0]:
                    found[name[0]] = row
                else:
                    found.setdefault(name[0], row)
    return found


def call_of(row: Any) -> str | None:
    """The source of a row's call, unless it depends on variables of a function."""
    if row.call.__closure__:
        return None
    text = Path(row.call.__code__.co_filename).read_text(encoding="utf-8")
    first = row.call.__code__.co_firstlineno
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Lambda) and node.lineno == first:
            source = ast.get_source_segment(text, node.body) or ""
            parameter = node.args.args[0].arg
            return re.sub(rf"\b{parameter}\.(?=[a-z_]+\.)", "sunco.", inspect.cleandoc(source))
    return None


def example_of(namespace: str, method: str) -> Iterator[str]:
    """The call, request and response of a method, as reStructuredText."""
    name = f"{namespace}.{method}"
    row = rows().get(name)
    if row is None:
        if name not in WITHOUT_ROW:
            logger.warning("No row of the tests has an example of %s", name)
        return
    returns_pages = "list" in method and "Paginator" in inspect.get_annotations(
        getattr(namespaces()[namespace], method)
    ).get("return", "")
    yield from code("python", f"await {call_of(row)}")
    if returns_pages:
        yield "``await`` returns the first page; ``async for`` iterates over all pages."
        yield ""
    host = ["Host: acme.zendesk.com", f"Authorization: {HIDDEN}"]
    yield from code("http", message([f"{row.method} {row.target} HTTP/1.1", *host], row.body))
    status = HTTPStatus(row.status)
    body = json.dumps(dict(row.response), ensure_ascii=False)
    yield from code("http", message([f"HTTP/1.1 {status.value} {status.phrase}"], body))


def message(head: list[str], body: str | None) -> str:
    """An HTTP message with a readable body."""
    if body is None:
        return "\n".join(head)
    readable = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    return "\n".join([*head, "Content-Type: application/json", "", readable])


def code(language: str, text: str) -> Iterator[str]:
    """A code block."""
    yield f".. code-block:: {language}"
    yield ""
    yield from indented(text.splitlines())
    yield ""


def indented(lines: Any) -> list[str]:
    """Lines as the content of a directive."""
    return [f"   {line}" if line else "" for line in lines]


def use_the_clients_names(_app: Sphinx, doctree: nodes.document) -> None:
    """Show `sunco.messages.post` in place of the class that defines it."""
    names = {f"{cls.__qualname__}.": f"sunco.{name}." for name, cls in namespaces().items()}
    for prefix in doctree.findall(addnodes.desc_addname):
        name = names.get(prefix.astext())
        if name and prefix.parent.parent.get("objtype") == "method":
            prefix.children[:] = [nodes.Text(name)]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Called by Sphinx."""
    app.add_directive("namespace", Namespace)
    app.connect("doctree-read", use_the_clients_names)
    return {"parallel_read_safe": True}
