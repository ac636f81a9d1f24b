"""The house has floors: imports point down, and the emulator stands on its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sunco

SOURCE = Path(sunco.__file__).parent

# Each floor may import the floors below it, and rooms of its own floor that stand before it.
FLOORS = [
    ["errors", "_lazy", "_clock", "_sync"],
    ["_json", "models", "_version", "_storage"],
    ["wire", "codec", "retry", "multipart", "ratelimit", "observe"],
    ["auth", "transport", "otel", "webhooks"],
    ["session", "pagination"],
    ["resources"],
    ["client"],
    ["__init__"],
    ["__main__"],
    ["bulk"],
    ["cli"],
]
RANK = {room: rank for rank, room in enumerate(room for floor in FLOORS for room in floor)}
OUTSIDE = {"emulator", "testing"}
ROOMS = {*RANK, *OUTSIDE}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def names_imported_by(path: Path) -> set[str]:
    """Every module or name that a module imports, in full, wherever in the file it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms_imported_by(path: Path) -> set[str]:
    """The rooms of sunco among them."""
    parts = [name.split(".") for name in names_imported_by(path)]
    return {
        inner[0] if inner and inner[0] in ROOMS else "__init__"
        for outer, *inner in parts
        if outer == "sunco"
    }


MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(SOURCE)) for path in MODULES])
def test_imports_point_down(path: Path) -> None:
    room, imported = room_of(path), rooms_imported_by(path)
    if room == "emulator":
        assert imported <= {"emulator"}
    elif room == "testing":
        assert imported <= {"client", "transport", "emulator"}
    elif room == "cli":
        assert imported <= {"cli", "bulk", "emulator", "models", "__init__"}
    else:
        assert not imported & OUTSIDE
        upward = {other for other in imported if RANK[other] > RANK[room]}
        assert not upward, f"{room} imports {upward}"


def test_receiving_needs_no_client_and_the_client_no_receiving() -> None:
    for path in MODULES:
        if room_of(path) == "webhooks":
            below = {
                "webhooks",
                "codec",
                "_json",
                "models",
                "errors",
                "_clock",
                "_sync",
                "_storage",
            }
            assert rooms_imported_by(path) <= below
        else:
            assert "webhooks" not in rooms_imported_by(path)


def test_bulk_jobs_use_the_client_as_everybody_can_and_only_the_command_line_knows_them() -> None:
    for path in MODULES:
        if room_of(path) == "bulk":
            assert rooms_imported_by(path) <= {
                "__init__",
                "_json",
                "_storage",
                "_sync",
                "bulk",
                "codec",
                "models",
            }
        elif room_of(path) != "cli":
            assert not {"bulk", "cli"} & rooms_imported_by(path)


def test_every_room_has_its_floor() -> None:
    assert {room_of(path) for path in MODULES} == ROOMS


def test_models_import_nothing_but_each_other_and_attrs() -> None:
    for path in SOURCE.glob("models/*.py"):
        assert rooms_imported_by(path) <= {"models", "_lazy"}


def test_only_the_codec_knows_cattrs_and_only_transports_know_http_libraries() -> None:
    for path in MODULES:
        libraries = {name.split(".")[0] for name in names_imported_by(path)}
        assert "cattrs" not in libraries or room_of(path) == "codec"
        http = libraries & {"aiohttp", "httpcore", "httpx"}
        assert not http or room_of(path) in {"transport", "testing"}
        assert "starlette" not in libraries or room_of(path) == "emulator"
