"""`sunco request`: any endpoint, and all pages of a list."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import attrs
import click

from sunco import ConfigurationError, Sunco
from sunco.bulk.export.raw import RawItem, raw_items
from sunco.cli.input import load_json, opened
from sunco.cli.output import is_closed, pretty, write_json
from sunco.cli.runtime import client

__all__ = ["RequestCommand"]


@attrs.frozen(kw_only=True)
class RequestCommand:
    """The arguments of `sunco request`; see its help."""

    method: str
    path: str
    query: Sequence[str]
    body: str | None
    everything: bool

    async def run(self) -> int:
        """Send the request, print the response, and return the exit code."""
        params, body = _params(self.query), _body(self.body)
        if self.everything and self.method.upper() != "GET":
            raise click.UsageError("--all follows the pages of a GET.")
        async with client() as sunco:
            path = _path(self.path)
            try:
                if self.everything:
                    await _print_all(raw_items(sunco, path, params))
                else:
                    await _print_one(sunco, self.method, path, params, body)
            except ConfigurationError as error:
                # The settings are fine, or there would be no client.
                raise click.UsageError(error.message) from error
        return 0


def _path(path: str) -> str:
    if "{app_id}" not in path:
        return path
    app_id = os.environ.get("SUNCO_APP_ID")
    if not app_id:
        raise ConfigurationError("{app_id} in PATH needs SUNCO_APP_ID.")
    return path.replace("{app_id}", app_id)


def _params(query: Sequence[str]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in query]
    wrong = [name for name, equals, _ in pairs if not (name and equals)]
    if wrong:
        raise click.UsageError(f"--query takes NAME=VALUE, not {wrong[0]!r}.")
    return {name: value for name, _, value in pairs}


def _body(text: str | None) -> Any:
    if text is None:
        return None
    content: str | bytes = text
    if text == "-":
        with opened("-") as file:
            content = file.read()
    elif text.startswith("@"):
        try:
            content = Path(text[1:]).read_bytes()
        except OSError as error:
            raise click.UsageError(f"{text[1:]} cannot be read: {error.strerror}.") from error
    try:
        return load_json(content)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--json is not JSON: {error}.") from None


async def _print_one(sunco: Sunco, method: str, path: str, params: Any, body: Any) -> None:
    response = await sunco.request(method, path, params=params, json=body)
    if response.content:
        write_json(f"{pretty(response.json())}\n")


async def _print_all(items: Any) -> None:
    """Print items as one array, each as soon as it is there."""
    opening = "["
    async with aclosing(items):
        each: AsyncIterator[RawItem] = items
        async for item in each:
            text = json.dumps(item.value, indent=2, ensure_ascii=False).replace("\n", "\n  ")
            write_json(f"{opening}\n  {text}")
            if is_closed():
                return
            opening = ","
    write_json("[]\n" if opening == "[" else "\n]\n")
