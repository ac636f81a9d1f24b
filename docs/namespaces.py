"""Generates the reference of a namespace, with HTTP examples from the tests.

    .. namespace:: messages

Each method gets its signature and docstring, the API's name of it, and the call, requests and
responses of one of its rows in `tests/operations`. The tests assert these rows byte for byte, so
the examples cannot become outdated.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from sunco import resources
from sunco.wire import Operation

ROOT = Path(__file__).parent.parent
HIDDEN = "Basic YXBwX2tleTpzZWNyZXQ="

API_REFERENCE = "https://developer.zendesk.com/api-reference/conversations/#operation/"

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


@attrs.frozen
class Example:
    """A call, what it returns if nothing is sent, and the messages on the wire."""

    call: str
    returns: str | None
    messages: Sequence[str]


@cache
def examples() -> dict[str, Example]:
    """An example for each method: the row of the tests that is named like it, else the first."""
    sys.path.insert(0, str(ROOT / "tests"))
    found: dict[str, Example] = {}
    for path in sorted((ROOT / "tests" / "operations").glob("test_*.py")):
        module = import_module(f"operations.{path.stem}")
        rows = [*getattr(module, "ROWS", ()), *getattr(module, "EXCHANGES", ())]
        for row in sorted(rows, key=lambda row: " " in row.name):
            name = re.split(r"[ ,]", row.name)[0]
            if name not in found and (call := call_of(row.call)):
                found[name] = as_example(row, call)
    return found


def as_example(row: Any, call: str) -> Example:
    """The example of a row or an exchange of the tests."""
    if hasattr(row, "steps"):
        messages = [text for step in row.steps for text in wire(step, step.url)]
        return Example(call, None if row.steps else row.returns, messages)
    return Example(call, None, wire(row, f"https://acme.zendesk.com{row.target}"))


def wire(row: Any, url: str) -> list[str]:
    """The request and the response of a row or a step."""
    host, _, target = url.removeprefix("https://").partition("/")
    authorization = getattr(row, "authorization", HIDDEN)
    if authorization and authorization.startswith("Basic "):
        authorization = HIDDEN
    credential = [f"Authorization: {authorization}"] if authorization else []
    kind = getattr(row, "content_type", "application/json")
    head = [f"{row.method} /{target} HTTP/1.1", f"Host: {host}", *credential]
    status = HTTPStatus(row.status)
    start = f"HTTP/1.1 {status.value} {status.phrase}"
    if isinstance(row.response, bytes):
        response = f"{start}\n\n{row.response.decode()}"
    else:
        response = message([start], json.dumps(dict(row.response), ensure_ascii=False))
    return [message(head, row.body, kind), response]


def call_of(call: Any) -> str | None:
    """The source of a call, unless it depends on variables of a function."""
    if call.__closure__:
        return None
    text = Path(call.__code__.co_filename).read_text(encoding="utf-8")
    first = call.__code__.co_firstlineno
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.AsyncFunctionDef) and node.lineno == first:
            lines = text.splitlines()[node.body[0].lineno - 1 : node.end_lineno]
            return textwrap.dedent("\n".join(lines))
        if isinstance(node, ast.Lambda) and node.lineno == first:
            source = ast.get_source_segment(text, node.body) or ""
            parameter = node.args.args[0].arg
            source = re.sub(rf"\b{parameter}\.(?=[a-z_]+\.)", "sunco.", inspect.cleandoc(source))
            return source if "authorize_url" in source else f"await {source}"
    return None


def example_of(namespace: str, method: str) -> Iterator[str]:
    """The API's name, and the call, requests and responses of a method, as reStructuredText."""
    name = f"{namespace}.{method}"
    function = getattr(namespaces()[namespace], method)
    if operation := operation_of(function):
        yield f"API reference: `{operation.name} <{API_REFERENCE}{operation.name}>`__,"
        yield f"``{operation.method} {operation.path}``"
        yield ""
    example = examples().get(name)
    if example is None:
        logger.warning("No row of the tests has an example of %s", name)
        return
    yield from code("python", example.call)
    if "Paginator" in str(inspect.get_annotations(function).get("return", "")):
        yield "``await`` returns the first page; ``async for`` iterates over all pages."
        yield ""
    if example.returns:
        yield from code("text", example.returns)
    for text in example.messages:
        yield from code("http" if is_json(text) else "text", text)


def operation_of(method: Any) -> Operation[Any] | None:
    """The operation that a method's docstring names, if it is one of the API."""
    named = re.search(r"\(`(\w+)`\)", (inspect.getdoc(method) or "").partition("\n\n")[0])
    module = sys.modules[method.__module__]
    found: list[Operation[Any]] = [
        each for each in vars(module).values() if type(each) is Operation
    ]
    return next((each for each in found if named and each.name == named[1]), None)


def is_json(text: str) -> bool:
    """Whether the body of an HTTP message is JSON, if it has one."""
    return "\n\n" not in text or "application/json" in text


def message(head: list[str], body: str | None, kind: str = "application/json") -> str:
    """An HTTP message; JSON is indented."""
    if body is None:
        return "\n".join(head)
    if kind == "application/json":
        body = json.dumps(json.loads(body), ensure_ascii=False, indent=2)
    return "\n".join([*head, f"Content-Type: {kind}", "", *body.splitlines()])


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
