"""The operations of `users`, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import respx

from operations.rows import APP, USER, Row, check
from sunco.models import (
    Identity,
    Profile,
    ProfileUpdate,
    User,
)

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 1, 2, 12, 0, 0, 5000, tzinfo=UTC)

ROWS = [
    Row(
        "users.create",
        lambda s: s.users.create(
            external_id="me",
            signed_up_at=NOON.astimezone(timezone(timedelta(hours=2))),
            to_be_retained=True,
            profile=Profile(given_name="Ada", email="ada@example.test"),
            metadata={"plan": "pro"},
            brand_id="b1",
        ),
        "POST",
        f"{APP}/users",
        '{"externalId":"me","brandId":"b1","signedUpAt":"2026-01-02T12:00:00.005Z",'
        '"toBeRetained":true,"profile":{"givenName":"Ada","email":"ada@example.test"},'
        '"metadata":{"plan":"pro"}}',
        {"user": {"id": "u1", "hasPaymentInfo": False, "profile": {"localeOrigin": "x"}}},
        User(
            id="u1", extra={"hasPaymentInfo": False}, profile=Profile(extra={"localeOrigin": "x"})
        ),
        201,
    ),
    Row(
        "users.get",
        lambda s: s.users.get("me", brand_id="b 1"),
        "GET",
        f"{APP}/users/me?brandId=b%201",
        None,
        {"user": {"id": "u1", "authenticated": True}},
        User(id="u1", authenticated=True),
    ),
    Row("users.delete", lambda s: s.users.delete("u1"), "DELETE", USER),
    Row(
        "users.list",
        lambda s: s.users.list(email="sue+1@example.test"),
        "GET",
        f"{APP}/users?filter%5Bidentities.email%5D=sue%2B1%40example.test",
        None,
        {"users": [{"id": "u1", "identities": [{"type": "email", "verification": "sso"}]}]},
        [User(id="u1", identities=[Identity(type="email", verification="sso")])],
    ),
    Row(
        "users.list of a brand",
        lambda s: s.users.list(email="a@b", brand_id="b1"),
        "GET",
        f"{APP}/users?filter%5Bidentities.email%5D=a%40b&brandId=b1",
        None,
        {"users": []},
        [],
    ),
    Row(
        "users.update, clearing",
        lambda s: s.users.update(
            "u1", profile=ProfileUpdate(surname=None, email="e"), metadata=None
        ),
        "PATCH",
        USER,
        '{"profile":{"surname":null,"email":"e"},"metadata":null}',
        {"user": {"id": "u1"}},
        User(id="u1"),
    ),
    Row(
        "users.update, all of it",
        lambda s: s.users.update(
            "me",
            signed_up_at=NOON.astimezone(timezone(timedelta(hours=-5))),
            to_be_retained=False,
            profile=Profile(given_name="Ada", locale="fr-CA"),
            metadata={"n": None},
            brand_id="b1",
        ),
        "PATCH",
        f"{APP}/users/me?brandId=b1",
        '{"signedUpAt":"2026-01-02T12:00:00.005Z","toBeRetained":false,'
        '"profile":{"givenName":"Ada","locale":"fr-CA"},"metadata":{"n":null}}',
        {"user": {"id": "u1"}},
        User(id="u1"),
    ),
    Row(
        "users.update nothing",
        lambda s: s.users.update("u1"),
        "PATCH",
        USER,
        "{}",
        {"user": {"id": "u1"}},
        User(id="u1"),
    ),
    Row(
        "users.delete_personal_information",
        lambda s: s.users.delete_personal_information("u1", brand_id="b1"),
        "DELETE",
        f"{USER}/personalinformation?brandId=b1",
        None,
        {"user": {"id": "u1", "profile": {}, "metadata": {}}},
        User(id="u1", profile=Profile(), metadata={}),
    ),
    Row(
        "users.sync",
        lambda s: s.users.sync("35436"),
        "POST",
        f"{APP}/users/35436/sync",
        "{}",
        {"user": {"id": "u1", "zendeskId": 35436}},
        User(id="u1", zendesk_id="35436"),
    ),
    Row(
        "users.sync after a merge",
        lambda s: s.users.sync("35436", surviving_zendesk_id="35437"),
        "POST",
        f"{APP}/users/35436/sync",
        '{"survivingZendeskId":"35437"}',
        {"user": {"id": "u1"}},
        User(id="u1"),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)
