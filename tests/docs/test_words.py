"""The project uses standard technical terms: those of docs/glossary.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

# A term of a private vocabulary, and the standard one.
REPLACED = {
    # A field of a form has an answer, and Answer Bot is a product.
    r"answer(s|ed|ing)?(?! to an? \w+ field| bot)": "response, respond (HTTP), reply (a bot)",
    r"under way": "in flight",
    r"(?<!\.)tell|tells|told|telling": "notify, emit, report",
    r"became of|becomes of": "result, outcome",
    r"settle(s|d|ment)?|settling": "record; grace period",
    r"fate(s)?": "status",
    r"refus(e|es|ed|al|als|ing)": "reject, error response",
    r"set aside": "dead-lettered",
    r"tried again|tries again": "retried",
    r"tries": "attempts",
    r"whoever": "the caller, the sender, a client that",
    r"gone on with|goes on with|go on with": "resumed",
    r"takes? in|taken in": "receive",
    r"carr(y|ies|ied|ying) out": "execute",
    r"hand(s|ed)? over": "dispatch, pass control",
    r"go(es)? wrong|went wrong": "fail",
    r"bears? (it|being)": "be idempotent",
    r"lane(s)?": "ordering key",
    r"trouble": "fault injection, failure",
    r"signs? of life": "typing indicator, read receipt",
    r"likewise": "as above; repeat the reason",
    r"so many": "a number, a limit",
    r"stands? in": "appear in; replace",
    r"house": "project",
}
PRIVATE = re.compile(rf"\b({'|'.join(REPLACED)})\b", re.IGNORECASE)

PROSE = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").glob("*.svg")]
    if "_build" not in path.parts
)
CODE = sorted(
    path
    for folder in ("src", "examples", "benchmarks", "docs", "tests/docs")
    for path in (ROOT / folder).rglob("*.py")
    if "_build" not in path.parts and path != Path(__file__)
)

# Files that keep such a term: the schema of an earlier version, and a constant of rate limiters.
NOT_YET: tuple[str, ...] = ("src/sunco/webhooks/inbox/sqlite.py",)


def private_terms_in(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        f"{path.relative_to(ROOT)}:{number}: {found[0]!r}"
        for number, line in enumerate(lines, start=1)
        for found in PRIVATE.finditer(line.replace("_", " "))
    ]


@pytest.mark.parametrize("path", PROSE, ids=[str(path.relative_to(ROOT)) for path in PROSE])
def test_pages_use_the_terms_of_the_glossary(path: Path) -> None:
    assert private_terms_in(path) == []


def test_source_code_uses_the_terms_of_the_glossary() -> None:
    found = [term for path in CODE for term in private_terms_in(path)]
    assert [term for term in found if not term.startswith(NOT_YET)] == []
    for name in NOT_YET:
        assert any(term.startswith(name) for term in found), f"{name} can leave the list"


def names_defined_in(path: Path) -> Iterator[str]:
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.arg():
                yield node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case _:
                pass


def test_names_in_tests_use_the_terms_of_the_glossary() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for name in names_defined_in(path)
        # `tell` is a method of Python's files.
        if name != "tell" and PRIVATE.search(re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", name))
    ]
    assert found == []


def test_other_terms_are_found() -> None:
    assert PRIVATE.findall("The API answered, and whoever asked was told.")
    assert PRIVATE.findall("A bot's reply is part of an in-flight response.") == []


def test_the_glossary_is_in_alphabetical_order() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    (body,) = re.findall(r"```\{glossary\}\n(.*?)```", page, re.DOTALL)
    terms = re.findall(r"^([a-z].*)$", body, re.MULTILINE)
    assert terms == sorted(terms)
