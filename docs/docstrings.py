"""Autodoc for the project's docstrings: names in backticks, and the fields of attrs classes.

`public` documents the names in a module's `__all__`, under the name that users import:

    .. public:: sunco.models.content
       :under: sunco.models
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType, UnionType
from typing import Any, ClassVar, Union, get_origin

import attrs
from docutils import nodes
from docutils.parsers.rst import directives
from pygments.lexers import find_lexer_class_by_name
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from sunco.resources._resource import Resource

# The modules that users import from. A name of several modules is documented in the first.
PUBLIC = (
    "sunco",
    "sunco.models",
    "sunco.webhooks",
    "sunco.bulk",
    "sunco.transport",
    "sunco.otel",
    "sunco.testing",
    "sunco.emulator",
)

logger = logging.getLogger(__name__)

FENCE = re.compile(r"^( *)```(\w*)$")
IN_BACKTICKS = re.compile(r"(?<![`\w:])`([^`]+)`(?!`)")
SECTION = re.compile(r"^[A-Z]\w+:$")
ENTRY = re.compile(r"^    (\w+): (.*)$")


class Public(SphinxDirective):
    """Documents a module's public names, or those of them that are given as content."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[Any] = {"under": directives.unchanged, "without": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Expand to directives of autodoc."""
        home = self.arguments[0]
        module = import_module(home)
        under = self.options.get("under", home)
        left_out = self.options.get("without", "").split()
        names = " ".join(self.content).split() or in_order(module)
        lines = [f".. py:currentmodule:: {under}", ""]
        for name in names:
            if name not in left_out:
                lines += [*entry_for(name, getattr(module, name), home), ""]
        return self.parse_text_to_nodes("\n".join(lines))


def in_order(module: ModuleType) -> list[str]:
    """The public names of a module in source order; imported names come first."""
    source = inspect.getsource(module)

    def position(name: str) -> int:
        found = re.search(rf"^(class |def |async def )?{name}\b", source, re.MULTILINE)
        return found.start() if found else 0

    return sorted(module.__all__, key=position)


def entry_for(name: str, thing: Any, home: str) -> list[str]:
    """The directive for a public name."""
    if inspect.isclass(thing):
        kind = "autoexception" if issubclass(thing, Exception) else "autoclass"
        # The docstring of a named tuple has its fields already.
        return [f".. {kind}:: {name}", *(["   :no-members:"] if issubclass(thing, tuple) else [])]
    if inspect.isroutine(thing):
        return [f".. autofunction:: {name}"]
    comments = ModuleAnalyzer.for_module(home).find_attr_docs()
    comment = comments.get(("", name), [])
    text = linked(" ".join(comment)).strip()
    if isinstance(thing, (str, frozenset, tuple)) or type(thing).__module__.startswith("sunco"):
        return [f".. py:data:: {name}", "", f"   {text}"]
    return [f".. py:type:: {name}", "", f"   {text}", "", f"   {annotation_text(thing)}"]


def annotation_text(alias: Any) -> str:
    """The meaning of a type alias, as a sentence."""
    if get_origin(alias) not in {Union, UnionType}:
        return f"Short for ``{str(alias).replace('collections.abc.', '').replace('typing.', '')}``."
    parts: list[str] = []
    for member in alias.__args__:
        if inspect.isclass(member):
            parts.append(linked(f"`{member.__name__}`"))
        else:
            literals = getattr(member, "__args__", ())
            parts += [f"``{value!r}``" for value in literals] or [f"``{member}``"]
    return f"One of {', '.join(parts)}."


@cache
def public_names() -> dict[str, str]:
    """Where each public name is documented."""
    found: dict[str, str] = {}
    for home in reversed(PUBLIC):
        found |= {name: f"{home}.{name}" for name in import_module(home).__all__}
    return found


def linked(text: str) -> str:
    """Convert Markdown's backticks to references for public names, and to code for others."""

    def replace(found: re.Match[str]) -> str:
        name = found[1]
        target = public_names().get(name)
        return f":py:obj:`{name} <{target}>`" if target else f"``{name}``"

    return IN_BACKTICKS.sub(replace, text)


def translated(lines: list[str]) -> Iterator[str]:
    """Docstring lines from Markdown to reStructuredText."""
    fenced: str | None = None
    for line in lines:
        fence = FENCE.match(line)
        if fenced is not None:
            if fence:
                fenced = None
                yield ""
            else:
                yield f"   {line}"
        elif fence:
            fenced = fence[1]
            yield f"{fence[1]}.. code-block:: {fence[2] or 'text'}"
            yield ""
        else:
            yield linked(line)


def split_attributes(lines: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    """A docstring without its attributes section, and the descriptions of the attributes."""
    rest: list[str] = []
    attributes: dict[str, list[str]] = {}
    current: str | None = None
    inside = False
    for line in lines:
        if SECTION.match(line):
            inside = line == "Attributes:"
            if inside:
                continue
        if not inside:
            rest.append(line)
        elif entry := ENTRY.match(line):
            current = str(entry[1])
            attributes[current] = [entry[2]]
        elif current is not None and line.strip():
            attributes[current].append(line.strip())
    return rest, attributes


def described_fields(cls: Any) -> dict[str, list[str]]:
    """The field descriptions in the docstrings of an attrs class and its bases."""
    described: dict[str, list[str]] = {}
    for each in reversed(cls.__mro__):
        described |= split_attributes(inspect.cleandoc(each.__doc__ or "").splitlines())[1]
    return described


def field_lines(cls: Any) -> Iterator[str]:
    """A directive for each field of an attrs class."""
    described = described_fields(cls)
    for field in attrs.fields(cls):
        if field.name.startswith("_") or field.name not in described:
            continue
        if field.name == "extra" and cls.__name__ != "Model":
            continue
        kind = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")
        yield ""
        yield f".. py:attribute:: {field.name}"
        yield f"   :type: {kind}"
        yield ""
        yield f"   {' '.join(described[field.name])}"


def read_docstring(
    _app: Sphinx, what: str, name: str, thing: Any, _options: Any, lines: list[str]
) -> None:
    """Convert a docstring for autodoc, before napoleon does."""
    if what == "module" and name == "sunco.errors":
        tree = [f"   {line}" for line in lines[2:]]
        lines[:] = [*lines[:2], ".. code-block:: text", "   :class: tree", "", *tree]
        return
    if what == "class" and attrs.has(thing):
        rest, _ = split_attributes(lines)
        lines[:] = [*rest, *field_lines(thing)]
    lines[:] = list(translated(lines))


def read_signature(
    _app: Sphinx, what: str, _name: str, thing: Any, _options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """Give attrs classes a signature of names and defaults; their types are listed below it."""
    if signature and (what == "exception" or is_not_made_by_users(thing)):
        return "", returns
    if what != "class" or not attrs.has(thing):
        return None
    positional: list[str] = []
    named: list[str] = []
    for field in attrs.fields(thing):
        if not field.init or field.name == "extra" or not signature:
            continue
        default = field.default
        shown = field.name
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            shown += "=..."
        elif default is not attrs.NOTHING:
            shown += f"={default!r}"
        (named if field.kw_only else positional).append(shown)
    return f"({', '.join([*positional, *(['*'] if named else []), *named])})", returns


def is_not_made_by_users(cls: object) -> bool:
    """Whether users never call the constructor: resources and protocols."""
    return inspect.isclass(cls) and (issubclass(cls, Resource) or "_is_protocol" in vars(cls))


def leave_builtins_alone(_app: Sphinx, doctree: nodes.document) -> None:
    """Keep the built-in `type` from being taken for one of the many fields of that name."""
    for reference in doctree.findall(addnodes.pending_xref):
        if reference.get("refdomain") == "py" and reference.get("reftarget") == "type":
            reference["reftarget"] = "builtins.type"
            reference["refspecific"] = False


def miss_nothing(_app: Sphinx, env: BuildEnvironment) -> None:
    """Warn about public names that are not documented."""
    documented = env.domains.python_domain.objects
    for target in public_names().values():
        if target not in documented and not target.endswith("__version__"):
            logger.warning("%s is public and not in the reference", target)


def no_overloads(_analyzer: ModuleAnalyzer, *_found: object) -> Any:
    """The overloads that the reference shows. Those of one method would fill pages."""
    return {}


def setup(app: Sphinx) -> ExtensionMetadata:
    """Called by Sphinx."""
    app.add_directive("public", Public)
    setattr(ModuleAnalyzer, "overloads", property(no_overloads, no_overloads))  # noqa: B010
    # There is no prompt in the blocks, so that they can be copied.
    app.add_lexer("console", find_lexer_class_by_name("bash"))
    app.connect("autodoc-process-docstring", read_docstring, priority=400)
    app.connect("autodoc-process-signature", read_signature)
    app.connect("doctree-read", leave_builtins_alone)
    app.connect("env-check-consistency", miss_nothing)
    return {"parallel_read_safe": True}
