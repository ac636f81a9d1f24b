"""Run by an interpreter that has sunco and nothing else: it imports, with what it names alone."""

from __future__ import annotations

import importlib
import re
import sys
from importlib import metadata
from pathlib import Path

import sunco

NAMED = {"anyio", "attrs", "cattrs", "h11", "httpcore", "httpx"}
BEHIND_EXTRAS = (
    "sunco.bulk.progress_bar",
    "sunco.cli",
    "sunco.emulator",
    "sunco.observe.otel",
    "sunco.otel",
    "sunco.testing",
    "sunco.transport._aiohttp_backend",
)


def requirements(name: str) -> set[str]:
    """What a distribution requires without any extra."""
    found = metadata.requires(name) or []
    return {
        re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()
        for requirement in found
        if "extra ==" not in requirement
    }


def module_names() -> list[str]:
    """All modules of the package."""
    home = Path(sunco.__file__).parent
    names = [
        ".".join(("sunco", *path.relative_to(home).with_suffix("").parts))
        for path in home.rglob("*.py")
    ]
    return sorted(name.removesuffix(".__init__") for name in names)


def main() -> None:
    """Check, and say what was found."""
    assert "site-packages" in sunco.__file__, sunco.__file__
    assert requirements("sunco") == NAMED, requirements("sunco")
    installed = {each.name.lower() for each in metadata.distributions()}
    wanted = {"sunco", "pip", "setuptools"}
    new = {"sunco"}
    while new:
        wanted |= new
        new = {each for name in new if name in installed for each in requirements(name)} - wanted
    assert installed <= wanted, installed - wanted
    names = [name for name in module_names() if not name.startswith(BEHIND_EXTRAS)]
    for name in names:
        importlib.import_module(name)
    sys.stdout.write(f"{len(names)} modules import with {', '.join(sorted(NAMED))}.\n")


if __name__ == "__main__":
    main()
