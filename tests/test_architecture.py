"""Imports point down, and the emulator imports nothing of the rest."""

from __future__ import annotations

import ast
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

import sunco
import sunco.models
import sunco.resources
import sunco.transport
import sunco.webhooks

SOURCE = Path(sunco.__file__).parent

# Each floor may import the floors below it, and rooms of its own floor that stand before it.
FLOORS = [
    ["errors", "_lazy", "_clock", "_sync", "_content_types", "_numbers", "_literals"],
    ["_json", "models", "_version", "_storage"],
    ["wire", "codec", "retry", "multipart", "ratelimit", "observe"],
    ["auth", "transport", "webhooks"],
    ["session", "pagination"],
    ["resources"],
    ["client"],
    ["__init__"],
    ["__main__"],
    ["bulk"],
    ["otel"],
    ["cli"],
]
RANK = {room: rank for rank, room in enumerate(room for floor in FLOORS for room in floor)}
OUTSIDE = {"emulator", "testing"}
ROOMS = {*RANK, *OUTSIDE}


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@cache
def syntax_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def names_imported_by(path: Path, *, at_run_time: bool = False) -> frozenset[str]:
    """Every module or name that a module imports, in full, wherever in the file it does."""
    found: set[str] = set()
    statements = [
        node for node in syntax_of(path).body if not (at_run_time and is_for_types_only(node))
    ]
    for node in chain.from_iterable(map(ast.walk, statements)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


def is_for_types_only(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def rooms_imported_by(path: Path) -> set[str]:
    """The rooms of sunco among them."""
    # Handlers are given the user's client, so that its type is named, and nothing of it imported.
    at_run_time = room_of(path) == "webhooks"
    parts = [name.split(".") for name in names_imported_by(path, at_run_time=at_run_time)]
    rooms = {
        inner[0] if inner and inner[0] in ROOMS else "__init__"
        for outer, *inner in parts
        if outer == "sunco"
    }
    # `to_dict` and `from_dict` are methods for the users' sake, and load the codec when called.
    if path == SOURCE / "models/base.py":
        assert "sunco.codec" not in modules_loaded_by(path)
        rooms.discard("codec")
    return rooms


MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(SOURCE)) for path in MODULES])
def test_imports_point_down(path: Path) -> None:
    room, imported = room_of(path), rooms_imported_by(path)
    if room == "emulator":
        assert imported <= {"emulator"}
    elif room == "testing":
        assert imported <= {"client", "transport", "emulator", "testing", "webhooks"}
    elif room == "cli":
        assert imported <= {
            "cli",
            "bulk",
            "emulator",
            "models",
            "webhooks",
            "__init__",
            "_json",
            "codec",
            "observe",
            "ratelimit",
            "_storage",
        }
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
                "_lazy",
                "_sync",
                "_literals",
                "_storage",
            }
            assert rooms_imported_by(path) <= below
        elif room_of(path) not in {"cli", "otel", "testing"}:
            assert "webhooks" not in rooms_imported_by(path)


def test_bulk_jobs_use_the_client_as_everybody_can_and_only_commands_and_metrics_know_them() -> (
    None
):
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
                "wire",
            }
        elif room_of(path) not in {"cli", "otel"}:
            assert not {"bulk", "cli"} & rooms_imported_by(path)


def test_every_module_has_its_layer() -> None:
    assert {room_of(path) for path in MODULES} == ROOMS


def test_models_import_nothing_but_each_other_errors_and_attrs() -> None:
    for path in SOURCE.glob("models/*.py"):
        assert rooms_imported_by(path) <= {"models", "_lazy", "errors"}


def test_only_the_codec_knows_cattrs_and_only_transports_know_http_libraries() -> None:
    for path in MODULES:
        libraries = {name.split(".")[0] for name in names_imported_by(path)}
        assert "cattrs" not in libraries or room_of(path) == "codec"
        http = libraries & {"aiohttp", "httpcore", "httpx"}
        assert not http or room_of(path) in {"transport", "testing"}
        assert "starlette" not in libraries or room_of(path) == "emulator"


EMULATOR = SOURCE / "emulator"
# Each layer of the emulator may import the layers below it; folders of one layer import no other.
EMULATOR_LAYERS = [
    {"errors", "schemas"},
    {"state"},
    {"services"},
    {"api", "end_users", "delivery", "persistence"},
    {"http"},
    {"controls"},
    {"emulator"},
    {"__init__", "config", "server"},
    {"__main__"},
]
EMULATOR_RANK = {name: rank for rank, names in enumerate(EMULATOR_LAYERS) for name in names}
EMULATOR_MODULES = sorted(EMULATOR.rglob("*.py"))


def part_of_emulator(path: Path) -> str:
    return path.relative_to(EMULATOR).parts[0].removesuffix(".py")


@pytest.mark.parametrize(
    "path", EMULATOR_MODULES, ids=[str(path.relative_to(EMULATOR)) for path in EMULATOR_MODULES]
)
def test_imports_of_the_emulator_point_down(path: Path) -> None:
    part = part_of_emulator(path)
    names = [name.split(".")[2:] for name in modules_imported_by(path) if "emulator" in name]
    imported = {name[0] if name else "__init__" for name in names} - {part}
    wrong = {other for other in imported if EMULATOR_RANK[other] >= EMULATOR_RANK[part]}
    # The validation of bodies needs no records, and records need no validation.
    assert not wrong
    assert "schemas" not in imported or part in {"api", "end_users", "http", "config"}


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


BY_NAME = {module_of(path): path for path in MODULES}


def modules_imported_by(path: Path) -> set[str]:
    """The modules of sunco that a module imports, lazily or for types included."""
    found: set[str] = set()
    for name in names_imported_by(path):
        module = name if name in BY_NAME else name.rpartition(".")[0]
        if module in BY_NAME and BY_NAME[module] != path:
            found.add(module)
    return found


def modules_loaded_by(path: Path) -> set[str]:
    """The modules of sunco that are imported when a module is."""
    found: set[str] = set()
    pending: list[ast.AST] = [syntax_of(path)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending.extend(node.orelse)
            continue
        else:
            pending.extend(ast.iter_child_nodes(node))
            continue
        for name in names:
            module = name if name in BY_NAME else name.rpartition(".")[0]
            if module in BY_NAME and BY_NAME[module] != path:
                found.add(module)
    return found


def cycles(graph: dict[str, set[str]]) -> set[str]:
    """The modules that are left when those without imports are removed again and again."""
    left = {name: set(imported) for name, imported in graph.items()}
    while leaves := {name for name, imported in left.items() if not imported & left.keys()}:
        left = {name: imported for name, imported in left.items() if name not in leaves}
    # Modules that import a cycle without being in it have no importer that is left.
    while roots := left.keys() - {one for imported in left.values() for one in imported}:
        left = {name: imported for name, imported in left.items() if name not in roots}
    return set(left)


def test_there_is_no_cycle_of_imports() -> None:
    assert not cycles({name: modules_loaded_by(path) for name, path in BY_NAME.items()})


def test_there_is_no_cycle_in_the_emulator_even_of_types() -> None:
    inside = {name: path for name, path in BY_NAME.items() if "emulator" in name}
    assert not cycles({name: modules_imported_by(path) for name, path in inside.items()})


def test_cycles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set[str]()}
    assert cycles(graph) == {"b", "c"}


def test_only_storage_and_the_journal_of_the_emulator_open_databases() -> None:
    opening = {
        path
        for path in MODULES
        if "sqlite3" in names_imported_by(path)
        for node in ast.walk(syntax_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sqlite3.connect"
    }
    assert opening == {
        SOURCE / "_storage" / "database.py",
        SOURCE / "_storage" / "file_lock.py",
        SOURCE / "emulator" / "persistence" / "journal.py",
    }


def test_the_transport_of_aiohttp_imports_neither_httpx_nor_httpcore() -> None:
    pending, seen = ["_aiohttp"], set[str]()
    while pending:
        name = pending.pop()
        seen.add(name)
        for imported in names_imported_by(SOURCE / "transport" / f"{name}.py"):
            assert imported.split(".")[0] not in {"httpx", "httpcore", "h11"}
            parts = imported.split(".")
            if parts[:2] == ["sunco", "transport"]:
                pending += {part for part in parts[2:] if part.startswith("_")} - seen
    assert {"_aiohttp", "_aiohttp_backend", "_inflight", "_request_body"} <= seen


def test_lazy_names_are_listed_by_dir() -> None:
    for module in (sunco, sunco.transport, sunco.models, sunco.resources, sunco.webhooks):
        assert set(module.__all__) <= set(dir(module))
        with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
            _ = module.Nonsense
