"""`sunco doctor`: what it finds, and how it ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from cli.conftest import Commands
from cli.test_commands import responding
from sunco import APIConnectionError, Response
from sunco._json import dump


def at(moment: datetime, status: int = 200, document: Any = None) -> Response:
    return Response(status, {"Date": format_datetime(moment, usegmt=True)}, dump(document or {}))


def now() -> datetime:
    return datetime.now(UTC)


def test_everything_is_well(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    responding(monkeypatch, at(now(), document={"app": {"displayName": "[Acme]"}}), at(now()))
    assert commands("doctor") == 0
    for text in ("app_demo_key", "accepted", "[Acme]", "account: all apps", "agrees"):
        assert text in commands.output
    assert "✗" not in commands.output


def test_a_key_of_one_app(commands: Commands) -> None:
    assert commands("doctor") == 0
    assert "one app only" in commands.output
    assert "http://localhost" in commands.output
    assert "does not send the time" in commands.output


@pytest.mark.parametrize(
    ("responses", "code", "text"),
    [
        ([at(now(), 401), at(now(), 401)], 4, "401"),
        ([at(now(), 404), at(now(), 403)], 4, "404"),
        ([at(now() - timedelta(hours=1)), at(now())], 1, "s ahead of"),
        ([at(now() + timedelta(hours=1)), at(now())], 1, "behind"),
        (
            [APIConnectionError("no route", maybe_delivered=False)],
            5,
            "localhost does not respond: no route. Check",
        ),
    ],
)
def test_what_is_wrong_with_the_api(
    commands: Commands,
    monkeypatch: pytest.MonkeyPatch,
    responses: list[Any],
    code: int,
    text: str,
) -> None:
    responding(monkeypatch, *responses)
    assert commands("doctor") == code
    assert text in commands.output
    assert "✗" in commands.output


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"SUNCO_APP_ID": ""}, "missing: set it to the app's id"),
        ({"SUNCO_KEY_SECRET": ""}, "missing: set it to that key's secret"),
        ({"SUNCO_BASE_URL": ""}, "or SUNCO_BASE_URL, to acme for"),
        ({"SUNCO_SUBDOMAIN": "acme"}, "or SUNCO_BASE_URL, not both"),
        ({"SUNCO_BASE_URL": "http://user:pw@example.test"}, "must hold no credentials"),
        ({"SUNCO_BASE_URL": "", "SUNCO_SUBDOMAIN": "a.b"}, "the first part of the address"),
        (
            {"SUNCO_BASE_URL": "", "SUNCO_SUBDOMAIN": "https://acme.zendesk.com/agent"},
            "it is the whole address; set it to acme",
        ),
        ({"SUNCO_BASE_URL": "", "SUNCO_SUBDOMAIN": "acme.zendesk.com"}, "set it to acme"),
        ({"SUNCO_BASE_URL": "", "SUNCO_SUBDOMAIN": "https://x.test"}, "set SUNCO_BASE_URL instead"),
        ({"SUNCO_KEY_ID": "app_demo_key "}, "it contains spaces or line breaks: copy it again"),
        ({"SUNCO_KEY_SECRET": "a b"}, "it contains spaces or line breaks: copy it again"),
        ({"SUNCO_KEY_SECRET": "\u201cabc\u201d"}, "characters other than ASCII"),
        ({"SUNCO_BASE_URL": "http://[::1"}, "SUNCO_BASE_URL set"),
        ({"SUNCO_APP_ID": ".."}, "must not be '..'"),
    ],
)
def test_what_is_wrong_with_the_settings(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], text: str
) -> None:
    responding(monkeypatch)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert commands("doctor") == 3
    assert text in " ".join(commands.output.replace("│", " ").split())
    for secret in ("pw", "abc"):
        assert secret not in commands.output


def test_an_app_id_that_would_lead_elsewhere_is_not_requested(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNCO_APP_ID", "a/../b")
    requests = responding(monkeypatch)
    assert commands("doctor") == 3
    assert requests == []


def test_a_subdomain_is_shown_with_its_host(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUNCO_BASE_URL", "")
    monkeypatch.setenv("SUNCO_SUBDOMAIN", "acme")
    assert commands("doctor") == 0
    assert "acme.zendesk.com responds in" in commands.output
