"""The operations of `apps`, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from operations.rows import APP, Row, check
from sunco import ConfigurationError, Sunco
from sunco.models.apps import App, AppSettings

pytestmark = pytest.mark.anyio


ROWS = [
    Row(
        "apps.create",
        lambda s: s.apps.create("Shop"),
        "POST",
        "/sc/v2/apps",
        '{"displayName":"Shop"}',
        {"app": {"id": "a1", "displayName": "Shop", "settings": {"echoPostback": False}}},
        App(id="a1", display_name="Shop", settings=AppSettings(echo_postback=False)),
        201,
    ),
    Row(
        "apps.create with all options",
        lambda s: s.apps.create(
            "Shop",
            settings=AppSettings(
                conversation_retention_seconds=0,
                mask_credit_card_numbers=True,
                use_animal_names=False,
                echo_postback=True,
                ignore_auto_conversation_start=False,
                multi_convo_enabled=True,
                app_localization_enabled=False,
                end_session_enabled=True,
                disable_conversation_reopen=False,
            ),
            metadata={"n": 1},
        ),
        "POST",
        "/sc/v2/apps",
        '{"displayName":"Shop","settings":{"conversationRetentionSeconds":0,'
        '"maskCreditCardNumbers":true,"useAnimalNames":false,"echoPostback":true,'
        '"ignoreAutoConversationStart":false,"multiConvoEnabled":true,'
        '"appLocalizationEnabled":false,"endSessionEnabled":true,'
        '"disableConversationReopen":false},"metadata":{"n":1}}',
        {"app": {"id": "a1"}},
        App(id="a1"),
        201,
    ),
    Row(
        "apps.list",
        lambda s: s.apps.list(),
        "GET",
        "/sc/v2/apps",
        None,
        {"apps": [{"id": "a1"}, {"id": "a2"}]},
        [App(id="a1"), App(id="a2")],
    ),
    Row(
        "apps.list of a service account",
        lambda s: s.apps.list(service_account_id="sa 1", after="a0", page_size=2),
        "GET",
        "/sc/v2/apps?page%5Bafter%5D=a0&page%5Bsize%5D=2&filter%5BserviceAccountId%5D=sa%201",
        None,
        {"apps": []},
        [],
    ),
    Row(
        "apps.list backwards",
        lambda s: s.apps.list(before="a9"),
        "GET",
        "/sc/v2/apps?page%5Bbefore%5D=a9",
        None,
        {"apps": []},
        [],
    ),
    Row(
        "apps.get the client's own",
        lambda s: s.apps.get(),
        "GET",
        APP,
        None,
        {"app": {"id": "app1", "subdomain": "acme"}},
        App(id="app1", subdomain="acme"),
    ),
    Row(
        "apps.get another",
        lambda s: s.apps.get("a/2"),
        "GET",
        "/sc/v2/apps/a%2F2",
        None,
        {"app": {"id": "a/2"}},
        App(id="a/2"),
    ),
    Row(
        "apps.update the client's own",
        lambda s: s.apps.update(display_name="New", settings=AppSettings(use_animal_names=True)),
        "PATCH",
        APP,
        '{"displayName":"New","settings":{"useAnimalNames":true}}',
        {"app": {"id": "app1"}},
        App(id="app1"),
    ),
    Row(
        "apps.update another, clearing",
        lambda s: s.apps.update("a2", metadata=None),
        "PATCH",
        "/sc/v2/apps/a2",
        '{"metadata":null}',
        {"app": {"id": "a2"}},
        App(id="a2"),
    ),
    Row(
        "apps.update nothing",
        lambda s: s.apps.update(),
        "PATCH",
        APP,
        "{}",
        {"app": {"id": "app1"}},
        App(id="app1"),
    ),
    Row("apps.delete", lambda s: s.apps.delete("a2"), "DELETE", "/sc/v2/apps/a2"),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)


async def test_an_app_is_deleted_by_name_only(respx_mock: respx.MockRouter) -> None:
    nothing: Any = None
    async with Sunco(subdomain="acme", app_id="app1", key_id="app_k", key_secret="s3cret") as sunco:
        for app_id in ("", " ", nothing):
            with pytest.raises(ConfigurationError):
                await sunco.apps.delete(app_id)
        with pytest.raises(ConfigurationError):
            await sunco.apps.get("")
    assert not respx_mock.calls
