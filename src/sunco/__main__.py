"""Versions for a bug report: `python -m sunco`."""

from __future__ import annotations

import platform
import re
import sys
from importlib import metadata
from typing import Final

from sunco._version import __version__

__all__ = ["main", "report"]

_END_OF_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")
_EXTRA: Final = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


def report() -> str:
    """The versions of sunco, Python and the dependencies, and the extras that are installed."""
    needed: dict[str, list[str]] = {}
    for requirement in _requirements():
        extra = _EXTRA.search(requirement)
        name = _END_OF_NAME.split(requirement, maxsplit=1)[0]
        needed.setdefault(extra[1] if extra else "", []).append(name)
    dependencies = needed.pop("", [])
    lines = [
        f"sunco {__version__}",
        f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}",
        "",
        "Dependencies",
        *(f"  {name:<9} {_version(name) or 'missing'}" for name in sorted(dependencies)),
        "",
        "Extras",
        *(f"  {extra:<9} {_presence(needed[extra])}" for extra in sorted(needed)),
    ]
    return "\n".join(lines) + "\n"


def _requirements() -> list[str]:
    try:
        return metadata.requires("sunco") or []
    except metadata.PackageNotFoundError:
        # The package is on the path without being installed; its version is known nevertheless.
        return []


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _presence(names: list[str]) -> str:
    found = {name: _version(name) for name in sorted(set(names))}
    versions = ", ".join(f"{name} {version or 'missing'}" for name, version in found.items())
    return f"{'present' if all(found.values()) else 'absent'} ({versions})"


def main() -> None:
    """Print the report."""
    sys.stdout.write(report())


if __name__ == "__main__":
    main()
