"""`sunco doctor`: check the settings, and what the API makes of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import perf_counter
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from sunco import (
    APIConnectionError,
    APIStatusError,
    ConfigurationError,
    RetryPolicy,
    Sunco,
    __version__,
)
from sunco.cli.exit_codes import ExitCode
from sunco.cli.output import mark, write

__all__ = ["Finding", "examine", "print_findings"]

_UNAUTHORIZED: Final = 401
_MAX_CLOCK_DIFFERENCE: Final = 60.0
_TIMEOUT: Final = 10.0


@attrs.frozen
class Finding:
    """The result of one check.

    Attributes:
        name: What was checked.
        code: The exit code that it means; 0 if all is well.
        text: What was found.
    """

    name: str
    code: int
    text: str


@attrs.frozen
class _Reply:
    """The response to one request, successful or not."""

    status: int
    headers: Mapping[str, str]
    error: str
    document: Any = None


async def examine() -> int:
    """Make all checks, print the results, and return the exit code."""
    findings = [*_settings()]
    if not any(finding.code for finding in findings):
        findings += await _connect()
    write(f"sunco {__version__}\n")
    print_findings(findings)
    return next((finding.code for finding in findings if finding.code), 0)


def print_findings(findings: list[Finding]) -> None:
    """Print one line for each finding."""
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        text = " ".join(finding.text.split())
        write(f"{mark(ok=not finding.code)} {finding.name:<{width}}  {text}\n")


def _settings() -> Iterator[Finding]:
    for name, hint in (
        ("APP_ID", "the app's id, from the Admin Center"),
        ("KEY_ID", "an API key's id, app_..."),
        ("KEY_SECRET", "that key's secret"),
    ):
        value = os.environ.get(f"SUNCO_{name}", "")
        shown = "set" if name == "KEY_SECRET" else value
        problem = f"missing: set it to {hint}" if not value else _space_problem(value)
        yield _finding(f"SUNCO_{name}", problem, shown)
    subdomain = os.environ.get("SUNCO_SUBDOMAIN", "")
    base_url = os.environ.get("SUNCO_BASE_URL", "")
    if bool(subdomain) == bool(base_url):
        problem = "set SUNCO_SUBDOMAIN or SUNCO_BASE_URL, " + ("not both" if base_url else "to acme"
            " for https://acme.zendesk.com")  # fmt: skip
        yield _finding("SUNCO_SUBDOMAIN", problem, "")
    elif subdomain:
        yield _finding("SUNCO_SUBDOMAIN", _subdomain_problem(subdomain), subdomain)
    else:
        yield _finding("SUNCO_BASE_URL", _space_problem(base_url), _without_credentials(base_url))


def _finding(name: str, problem: str | None, shown: str) -> Finding:
    return Finding(name, ExitCode.SETTINGS, problem) if problem else Finding(name, 0, shown)


def _space_problem(value: str) -> str | None:
    if re.search(r"\s", value):
        return "it contains spaces or line breaks: copy it again, without them"
    if re.search(r"[^!-~]", value):
        return "it contains characters other than ASCII: copy it again, without quotes around it"
    return None


def _subdomain_problem(subdomain: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", subdomain):
        return None
    host = urlsplit(subdomain if "//" in subdomain else f"//{subdomain}").hostname or ""
    found = re.fullmatch(r"([a-z0-9-]+)\.zendesk\.com", host)
    if found:
        return f"it is the whole address; set it to {found[1]}"
    if "//" in subdomain:
        return "it is a URL: set SUNCO_BASE_URL instead"
    return "it must be the first part of the address, as in acme for https://acme.zendesk.com"


def _without_credentials(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "set"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


async def _connect() -> list[Finding]:
    try:
        sunco = Sunco.from_env(timeout=_TIMEOUT, retry=RetryPolicy(max_attempts=1))
    except ConfigurationError as error:
        return [Finding("settings", ExitCode.SETTINGS, str(error))]
    subdomain = os.environ.get("SUNCO_SUBDOMAIN")
    base_url = os.environ.get("SUNCO_BASE_URL", "")
    host = f"{subdomain}.zendesk.com" if subdomain else urlsplit(base_url).hostname
    async with sunco:
        began = perf_counter()
        try:
            app = await _get(sunco, f"/v2/apps/{os.environ['SUNCO_APP_ID']}")
            took = perf_counter() - began
            apps = await _get(sunco, "/v2/apps")
        except ConfigurationError as error:
            return [Finding("settings", ExitCode.SETTINGS, str(error))]
        except APIConnectionError as error:
            reason = error.message.rstrip(".")
            text = (
                f"{host} does not respond: {reason}. Check the name, the network, and a proxy or "
                "firewall on the way"
            )
            return [Finding("connection", ExitCode.NO_RESPONSE, text)]
    return [
        Finding("connection", 0, f"{host} responds in {took * 1000:.0f} ms"),
        *_rights(app, apps),
        _clock(app),
    ]


async def _get(sunco: Sunco, path: str) -> _Reply:
    try:
        response = await sunco.request("GET", path)
    except APIStatusError as error:
        return _Reply(error.status, error.headers, str(error))
    return _Reply(response.status, response.headers, "", response.json())


def _rights(app: _Reply, apps: _Reply) -> Iterator[Finding]:
    if _UNAUTHORIZED in (app.status, apps.status) and app.error:
        yield Finding("credentials", ExitCode.API_ERROR, app.error)
        return
    yield Finding("credentials", 0, "accepted")
    if app.error:
        yield Finding("app", ExitCode.API_ERROR, app.error)
    else:
        name = app.document.get("app", {}).get("displayName")
        yield Finding("app", 0, str(name or "found"))
    scope = "app or integration: one app only" if apps.error else "account: all apps"
    yield Finding("scope", 0, scope)


def _clock(app: _Reply) -> Finding:
    try:
        there = parsedate_to_datetime(app.headers.get("date", ""))
    except ValueError:
        return Finding("clock", 0, "not compared: the API does not send the time")
    difference = (datetime.now(UTC) - there).total_seconds()
    if abs(difference) <= _MAX_CLOCK_DIFFERENCE:
        return Finding("clock", 0, "agrees with the API's")
    way = "ahead of" if difference > 0 else "behind"
    text = (
        f"{abs(difference):,.0f} s {way} the API's, so that tokens will be rejected: set the clock"
    )
    return Finding("clock", ExitCode.INCOMPLETE, text)
