"""What the documentation says of names is true."""

from __future__ import annotations

import importlib
import inspect
import re
import shlex
import tomllib
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from contract.calls import sent

from sunco import BasicAuth, Sunco, resources
from sunco.cli.commands import program
from sunco.wire import Operation

ROOT = Path(__file__).parent.parent.parent
PUBLIC = (
    "sunco",
    "sunco.bulk",
    "sunco.emulator",
    "sunco.models",
    "sunco.observe",
    "sunco.otel",
    "sunco.testing",
    "sunco.transport",
    "sunco.webhooks",
)

CONSOLE = re.MULTILINE | re.DOTALL

# Conveniences, which are no operations of the API.
COMPOSED = {"download", "post_once", "typing"}


def test_the_table_of_the_vendors_methods_names_every_method() -> None:
    table = (ROOT / "docs" / "vendor-methods.md").read_text(encoding="utf-8")
    names = re.findall(r"\| `([a-z_]+\.[a-z_]+)` \|$", table, re.MULTILINE)
    sunco = Sunco(base_url="http://localhost", auth=BasicAuth("k", "s"))
    assert len({attrgetter(name)(sunco).__qualname__ for name in names}) == len(names)
    assert len(names) == len(sent())


def test_the_readme_names_every_method() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \| (`.*`) \|$", readme, re.MULTILINE)
    named = {
        f"{namespace}.{name}"
        for namespace, names in rows
        for name in re.findall(r"`([a-z_]+)`", names)
    }
    classes = {name.replace("_", ""): name for name, _ in rows}
    namespaces = [method.__qualname__.split(".") for method in operations()]
    assert named == {f"{classes[home.lower()]}.{name}" for home, name in namespaces}


def operations() -> list[Callable[..., Any]]:
    namespaces: list[type[Any]] = [getattr(resources, name) for name in resources.__all__]
    return [
        method
        for namespace in namespaces
        for method in vars(namespace).values()
        if inspect.isfunction(method) and not method.__name__.startswith("_")
    ]


@pytest.mark.parametrize("method", operations(), ids=lambda method: method.__qualname__)
def test_help_is_enough_to_call_a_method(method: Callable[..., Any]) -> None:
    docstring = inspect.getdoc(method) or ""
    _, *parameters = inspect.signature(method).parameters
    for parameter in parameters:
        assert re.search(rf"^    {parameter}: \S", docstring, re.MULTILINE), parameter
    rows = vars(inspect.getmodule(method)).values()
    names = {row.name for row in rows if isinstance(row, Operation)}
    named = set(re.findall(r"\(`([A-Z]\w+)`\)", docstring))
    assert named <= names
    assert len(named) == (method.__name__ not in COMPOSED)


def test_everything_public_says_what_it_does() -> None:
    for home in PUBLIC:
        module = importlib.import_module(home)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                assert thing.__doc__, thing
            for each, member in vars(thing).items() if inspect.isclass(thing) else ():
                if inspect.isfunction(member) and not each.startswith("_"):
                    assert inspect.getdoc(member), f"{thing}.{each}"


def test_the_start_page_lists_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-z-]+)` \| ", page, re.MULTILINE)
    assert sorted(listed) == sorted(project["optional-dependencies"])


def test_documented_commands_exist() -> None:
    documented = [
        line
        for page in sorted((ROOT / "docs").rglob("*.md"))
        for block in re.findall(r"^```console\n(.*?)^```", page.read_text("utf-8"), CONSOLE)
        for line in block.splitlines()
        if line.startswith("sunco ")
    ]
    for line in documented:
        _, name, *words = shlex.split(line)
        options = {each for parameter in program.commands[name].params for each in parameter.opts}
        wanted = {word for word in words if word.startswith("-")}
        # The emulator has a parser of its own.
        assert wanted <= options or name == "emulator", line
    assert len(documented) > len(program.commands)
