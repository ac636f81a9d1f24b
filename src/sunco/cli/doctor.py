"""`sunco doctor`: what is set, and what the API makes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import perf_counter
from typing import Any, Final

import attrs
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from sunco import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    RetryPolicy,
    Sunco,
    __version__,
)

__all__ = ["examine"]

_CONFIGURATION: Final = 3
_REFUSED: Final = 4
_NO_ANSWER: Final = 5
_UNAUTHORISED: Final = 401
_CLOCK: Final = 1
_LARGEST_DIFFERENCE: Final = 60.0
_TIMEOUT: Final = 10.0


@attrs.frozen
class _Finding:
    """What one check has found: the exit code that it means, 0 for none."""

    name: str
    code: int
    text: str


@attrs.frozen
class _Answer:
    """What the API said to one request."""

    status: int
    headers: Mapping[str, str]
    text: str
    document: Any = None


async def examine() -> int:
    """Make all checks, print what they found, and return the command's exit code."""
    findings = [*_settings()]
    if not any(finding.code for finding in findings):
        findings += await _ask()
    _show(findings)
    return next((finding.code for finding in findings if finding.code), 0)


def _settings() -> Iterator[_Finding]:
    def value(name: str) -> str | None:
        return os.environ.get(f"SUNCO_{name}") or None

    for name, hint in (
        ("APP_ID", "the app's id, from the Admin Center"),
        ("KEY_ID", "an API key's id, app_..."),
        ("KEY_SECRET", "that key's secret"),
    ):
        text = value(name)
        shown = "set" if text and name == "KEY_SECRET" else text
        yield _Finding(f"SUNCO_{name}", 0 if text else _CONFIGURATION, shown or f"missing: {hint}")
    subdomain, base_url = value("SUBDOMAIN"), value("BASE_URL")
    if (subdomain is None) == (base_url is None):
        text = "set one of SUNCO_SUBDOMAIN and SUNCO_BASE_URL, and not both"
        yield _Finding("SUNCO_SUBDOMAIN", _CONFIGURATION, text)
    elif subdomain is not None:
        yield _Finding("SUNCO_SUBDOMAIN", 0, subdomain)
    else:
        # A URL that is refused may be so because it holds a password: it is not shown.
        yield _Finding("SUNCO_BASE_URL", 0, "set")


async def _ask() -> list[_Finding]:
    try:
        sunco = Sunco.from_env(timeout=_TIMEOUT, retry=RetryPolicy(max_attempts=1))
    except ConfigurationError as error:
        return [_Finding("settings", _CONFIGURATION, str(error))]
    async with sunco:
        began = perf_counter()
        try:
            app = await _get(sunco, f"/v2/apps/{os.environ['SUNCO_APP_ID']}")
            took = perf_counter() - began
            apps = await _get(sunco, "/v2/apps")
        except ConfigurationError as error:
            return [_Finding("settings", _CONFIGURATION, str(error))]
        except APIConnectionError as error:
            return [_Finding("reachability", _NO_ANSWER, error.message)]
    return [
        _Finding("reachability", 0, f"answers in {took * 1000:.0f} ms"),
        *_rights(app, apps),
        _clock(app),
    ]


async def _get(sunco: Sunco, path: str) -> _Answer:
    try:
        response = await sunco.request("GET", path)
    except APIStatusError as error:
        return _Answer(error.status, error.headers, str(error))
    return _Answer(response.status, response.headers, "", response.json())


def _rights(app: _Answer, apps: _Answer) -> Iterator[_Finding]:
    if _UNAUTHORISED in (app.status, apps.status) and app.text:
        yield _Finding("credentials", _REFUSED, app.text)
        return
    yield _Finding("credentials", 0, "accepted")
    if app.text:
        yield _Finding("app", _REFUSED, app.text)
    else:
        name = app.document.get("app", {}).get("displayName")
        yield _Finding("app", 0, str(name or "found"))
    scope = "app or integration: one app only" if apps.text else "account: all apps"
    yield _Finding("scope", 0, scope)


def _clock(app: _Answer) -> _Finding:
    try:
        there = parsedate_to_datetime(app.headers.get("date", ""))
    except ValueError:
        return _Finding("clock", 0, "the API does not tell the time")
    difference = (datetime.now(UTC) - there).total_seconds()
    if abs(difference) <= _LARGEST_DIFFERENCE:
        return _Finding("clock", 0, "agrees with the API's")
    way = "ahead of" if difference > 0 else "behind"
    text = f"{abs(difference):,.0f} s {way} the API's: tokens will be refused. Set it."
    return _Finding("clock", _CLOCK, text)


def _show(findings: list[_Finding]) -> None:
    table = Table(title=f"sunco {__version__}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        mark = "[red]✗[/]" if finding.code else "[green]✓[/]"
        table.add_row(mark, finding.name, escape(finding.text))
    Console(highlight=False).print(table)
