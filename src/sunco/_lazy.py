"""Public names of a package that are imported on first access."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_getattr"]


def lazy_getattr(
    package: str, modules: Mapping[str, str | tuple[str, ...]]
) -> Callable[[str], Any]:
    """Make a package's `__getattr__`, and install a `__dir__` that lists the lazy names.

    Args:
        package: The package's name.
        modules: For each name, the submodule that defines it, or several to search in order.
    """
    namespace = vars(sys.modules[package])

    def load(name: str) -> Any:
        candidates = modules.get(name, ())
        for module in (candidates,) if isinstance(candidates, str) else candidates:
            part = import_module(f"{package}.{module}")
            if name in part.__all__:
                namespace[name] = getattr(part, name)
                return namespace[name]
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    namespace["__dir__"] = lambda: sorted({*namespace, *modules})
    return load
