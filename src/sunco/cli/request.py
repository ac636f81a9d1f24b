"""`sunco request`: any endpoint, and all pages of it."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import attrs
import click
from rich.console import Console

from sunco import ConfigurationError, PaginationError, Sunco
from sunco.cli.exit_codes import client
from sunco.cli.input import opened

__all__ = ["Asking", "ask"]


@attrs.frozen(kw_only=True)
class Asking:
    """What is asked for."""

    method: str
    path: str
    query: Sequence[str]
    body: str | None
    everything: bool


async def ask(asking: Asking) -> int:
    """Ask for it and print the answer; returns the command's exit code."""
    path = asking.path.replace("{app_id}", os.environ.get("SUNCO_APP_ID", "{app_id}"))
    params, body = _params(asking.query), _body(asking.body)
    if asking.everything and asking.method.upper() != "GET":
        raise ConfigurationError("--all follows the pages of a GET.")
    async with client() as sunco:
        if asking.everything:
            await _print_all(_items(sunco, path, params))
        else:
            response = await sunco.request(asking.method, path, params=params, json=body)
            if response.content:
                _print(response.json())
    return 0


def _params(query: Sequence[str]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in query]
    wrong = [name for name, equals, _ in pairs if not (name and equals)]
    if wrong:
        raise ConfigurationError(f"--query takes NAME=VALUE, not {wrong[0]!r}.")
    return {name: value for name, _, value in pairs}


def _body(text: str | None) -> Any:
    if text is None:
        return None
    content: str | bytes = text
    if text == "-":
        with opened("-") as file:
            content = file.read()
    elif text.startswith("@"):
        content = Path(text[1:]).read_bytes()
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"--json is no JSON: {error}.") from None


def _print(document: Any) -> None:
    Console(soft_wrap=True).print_json(json.dumps(document), indent=2, ensure_ascii=False)


async def _print_all(items: AsyncIterator[Any]) -> None:
    """Print items as one array, each when it comes."""
    opening = "["
    async for item in items:
        text = json.dumps(item, indent=2, ensure_ascii=False).replace("\n", "\n  ")
        click.echo(f"{opening}\n  {text}", nl=False)
        opening = ","
    click.echo("[]" if opening == "[" else "\n]")


async def _items(sunco: Sunco, path: str, params: Mapping[str, str]) -> AsyncIterator[Any]:
    """The items of a list, page after page in one direction."""
    backwards: bool | None = None
    cursors: set[str] = set()
    query = dict(params)
    while True:
        document: Any = (await sunco.request("GET", path, params=query)).json()
        items = _listed(document)
        after, before = _cursor(document, "after", "next"), _cursor(document, "before", "prev")
        if backwards is None:
            backwards = "page[before]" in query or (
                "page[after]" not in query and (path.endswith("/messages") or not after)
            )
        for item in reversed(items) if backwards and not _descends(items) else items:
            yield item
        cursor = before if backwards else after
        if not _has_more(document, cursor):
            return
        if cursor is None or cursor in cursors:
            raise PaginationError("The API says that there is more, and gives no way to it.")
        cursors.add(cursor)
        query["page[before]" if backwards else "page[after]"] = cursor


def _listed(document: Any) -> list[Any]:
    fields = cast("dict[str, Any]", document if isinstance(document, dict) else {})
    lists: list[list[Any]] = [value for value in fields.values() if isinstance(value, list)]
    if len(lists) != 1:
        raise ConfigurationError("--all is for lists, and the API did not answer one.")
    return lists[0]


def _descends(items: Sequence[Any]) -> bool:
    """Whether a page is newest first already, as far as its items tell."""
    messages = cast("list[dict[str, Any]]", [item for item in items if isinstance(item, dict)])
    times = [str(message["received"]) for message in messages if "received" in message]
    return len(times) > 1 and times[0] > times[-1]


def _cursor(document: Any, name: str, link: str) -> str | None:
    cursor: str | None = _part(document, "meta").get(f"{name}Cursor")
    if cursor:
        return cursor
    query = parse_qs(urlsplit(_part(document, "links").get(link) or "").query)
    return query.get(f"page[{name}]", [None])[0]


def _has_more(document: Any, cursor: str | None) -> bool:
    said = _part(document, "meta").get("hasMore")
    return cursor is not None if said is None else bool(said)


def _part(document: Any, name: str) -> dict[str, Any]:
    return document.get(name) or {}
