"""What an app is made of, byte for byte: apps, keys, webhooks, switchboards."""

from __future__ import annotations

from typing import Any

import pytest
import respx

from operations.rows import APP, Row, check
from sunco import ConfigurationError, Sunco
from sunco.models.apps import App, AppKey, AppSettings
from sunco.models.integrations import IntegrationKey
from sunco.models.switchboards import Switchboard, SwitchboardIntegration
from sunco.models.webhooks import Webhook

pytestmark = pytest.mark.anyio

INTEGRATION = f"{APP}/integrations/i1"
WEBHOOKS = f"{INTEGRATION}/webhooks"
SWITCHBOARD = f"{APP}/switchboards/s1"
PLACES = f"{SWITCHBOARD}/switchboardIntegrations"

APPS = [
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
    Row(
        "app_keys.create",
        lambda s: s.app_keys.create("Ci"),
        "POST",
        f"{APP}/keys",
        '{"displayName":"Ci"}',
        {"key": {"id": "app_1", "displayName": "Ci", "secret": "s"}},
        AppKey(id="app_1", display_name="Ci", secret="s"),
        201,
    ),
    Row(
        "app_keys.list",
        lambda s: s.app_keys.list(),
        "GET",
        f"{APP}/keys",
        None,
        {"keys": [{"id": "app_1"}]},
        [AppKey(id="app_1")],
    ),
    Row(
        "app_keys.get",
        lambda s: s.app_keys.get("app_1"),
        "GET",
        f"{APP}/keys/app_1",
        None,
        {"key": {"id": "app_1"}},
        AppKey(id="app_1"),
    ),
    Row("app_keys.delete", lambda s: s.app_keys.delete("app_1"), "DELETE", f"{APP}/keys/app_1"),
    Row(
        "integration_keys.create",
        lambda s: s.integration_keys.create("i1", "Bot"),
        "POST",
        f"{INTEGRATION}/keys",
        '{"displayName":"Bot"}',
        {"key": {"id": "int_1", "displayName": "Bot", "secret": "s"}},
        IntegrationKey(id="int_1", display_name="Bot", secret="s"),
        201,
    ),
    Row(
        "integration_keys.list",
        lambda s: s.integration_keys.list("i1"),
        "GET",
        f"{INTEGRATION}/keys",
        None,
        {"keys": [{"id": "int_1"}]},
        [IntegrationKey(id="int_1")],
    ),
    Row(
        "integration_keys.get",
        lambda s: s.integration_keys.get("i1", "int_1"),
        "GET",
        f"{INTEGRATION}/keys/int_1",
        None,
        {"key": {"id": "int_1"}},
        IntegrationKey(id="int_1"),
    ),
    Row(
        "integration_keys.delete",
        lambda s: s.integration_keys.delete("i1", "int_1"),
        "DELETE",
        f"{INTEGRATION}/keys/int_1",
    ),
]

HOOKS = [
    Row(
        "webhooks.create",
        lambda s: s.webhooks.create(
            "i1", target="https://example.test/w", triggers=["conversation:message"]
        ),
        "POST",
        WEBHOOKS,
        '{"target":"https://example.test/w","triggers":["conversation:message"]}',
        {
            "webhook": {
                "id": "w1",
                "version": "v2",
                "target": "https://example.test/w",
                "triggers": ["conversation:message"],
                "secret": "s",
                "includeFullUser": False,
                "includeFullSource": False,
            }
        },
        Webhook(
            "https://example.test/w",
            id="w1",
            version="v2",
            triggers=["conversation:message"],
            secret="s",
            include_full_user=False,
            include_full_source=False,
        ),
        201,
    ),
    Row(
        "webhooks.create with all options",
        lambda s: s.webhooks.create(
            "i1",
            target="t",
            triggers=("user:merge", "new:one"),
            include_full_user=True,
            include_full_source=False,
        ),
        "POST",
        WEBHOOKS,
        '{"target":"t","triggers":["user:merge","new:one"],"includeFullUser":true,'
        '"includeFullSource":false}',
        {"webhook": {"target": "t", "triggers": []}},
        Webhook("t", triggers=[]),
        201,
    ),
    Row(
        "webhooks.list",
        lambda s: s.webhooks.list("i1"),
        "GET",
        WEBHOOKS,
        None,
        {"webhooks": [{"id": "w1", "target": "t", "triggers": ["*"]}]},
        [Webhook("t", id="w1", triggers=["*"])],
    ),
    Row(
        "webhooks.get",
        lambda s: s.webhooks.get("i1", "w1"),
        "GET",
        f"{WEBHOOKS}/w1",
        None,
        {"webhook": {"target": "t", "triggers": []}},
        Webhook("t", triggers=[]),
    ),
    Row(
        "webhooks.update",
        lambda s: s.webhooks.update("i1", "w1", target="t2"),
        "PATCH",
        f"{WEBHOOKS}/w1",
        '{"target":"t2"}',
        {"webhook": {"target": "t2", "triggers": []}},
        Webhook("t2", triggers=[]),
    ),
    Row(
        "webhooks.update, all of it",
        lambda s: s.webhooks.update(
            "i1",
            "w1",
            target="t",
            triggers=["client:add"],
            include_full_user=False,
            include_full_source=True,
        ),
        "PATCH",
        f"{WEBHOOKS}/w1",
        '{"target":"t","triggers":["client:add"],"includeFullUser":false,"includeFullSource":true}',
        {"webhook": {"target": "t", "triggers": ["client:add"]}},
        Webhook("t", triggers=["client:add"]),
    ),
    Row("webhooks.delete", lambda s: s.webhooks.delete("i1", "w1"), "DELETE", f"{WEBHOOKS}/w1"),
]

SWITCHBOARDS = [
    Row(
        "switchboards.create",
        lambda s: s.switchboards.create(),
        "POST",
        f"{APP}/switchboards",
        None,
        {"switchboard": {"id": "s1", "enabled": False}},
        Switchboard(id="s1", enabled=False),
        201,
    ),
    Row(
        "switchboards.list",
        lambda s: s.switchboards.list(),
        "GET",
        f"{APP}/switchboards",
        None,
        {"switchboards": [{"id": "s1", "defaultSwitchboardIntegrationId": "p1"}]},
        [Switchboard(id="s1", default_switchboard_integration_id="p1")],
    ),
    Row(
        "switchboards.update",
        lambda s: s.switchboards.update("s1", enabled=False),
        "PATCH",
        SWITCHBOARD,
        '{"enabled":false}',
        {"switchboard": {"id": "s1"}},
        Switchboard(id="s1"),
    ),
    Row(
        "switchboards.update, all of it",
        lambda s: s.switchboards.update(
            "s1", enabled=True, default_switchboard_integration_id="p1"
        ),
        "PATCH",
        SWITCHBOARD,
        '{"enabled":true,"defaultSwitchboardIntegrationId":"p1"}',
        {"switchboard": {"id": "s1"}},
        Switchboard(id="s1"),
    ),
    Row("switchboards.delete", lambda s: s.switchboards.delete("s1"), "DELETE", SWITCHBOARD),
    Row(
        "switchboard_integrations.create",
        lambda s: s.switchboard_integrations.create("s1", "bot", integration_id="i1"),
        "POST",
        PLACES,
        '{"name":"bot","integrationId":"i1"}',
        {
            "switchboardIntegration": {
                "id": "p1",
                "name": "bot",
                "integrationId": "i1",
                "integrationType": "custom",
                "deliverStandbyEvents": True,
                "nextSwitchboardIntegrationId": None,
                "messageHistoryCount": None,
            }
        },
        SwitchboardIntegration(
            id="p1",
            name="bot",
            integration_id="i1",
            integration_type="custom",
            deliver_standby_events=True,
        ),
        201,
    ),
    Row(
        "switchboard_integrations.create with all options",
        lambda s: s.switchboard_integrations.create(
            "s1",
            "agents",
            integration_type="zd:agentWorkspace",
            deliver_standby_events=False,
            next_switchboard_integration_id="p1",
            message_history_count=10,
        ),
        "POST",
        PLACES,
        '{"name":"agents","integrationType":"zd:agentWorkspace","deliverStandbyEvents":false,'
        '"nextSwitchboardIntegrationId":"p1","messageHistoryCount":10}',
        {"switchboardIntegration": {"id": "p2"}},
        SwitchboardIntegration(id="p2"),
        201,
    ),
    Row(
        "switchboard_integrations.list",
        lambda s: s.switchboard_integrations.list("s1"),
        "GET",
        PLACES,
        None,
        {"switchboardIntegrations": [{"id": "p1", "messageHistoryCount": 3}]},
        [SwitchboardIntegration(id="p1", message_history_count=3)],
    ),
    Row(
        "switchboard_integrations.update, clearing",
        lambda s: s.switchboard_integrations.update(
            "s1", "p1", next_switchboard_integration_id=None, message_history_count=None
        ),
        "PATCH",
        f"{PLACES}/p1",
        '{"nextSwitchboardIntegrationId":null,"messageHistoryCount":null}',
        {"switchboardIntegration": {"id": "p1"}},
        SwitchboardIntegration(id="p1"),
    ),
    Row(
        "switchboard_integrations.update, all of it",
        lambda s: s.switchboard_integrations.update(
            "s1",
            "p1",
            name="bot-2",
            integration_id="i2",
            integration_type="custom",
            deliver_standby_events=False,
            next_switchboard_integration_id="p2",
            message_history_count=1,
        ),
        "PATCH",
        f"{PLACES}/p1",
        '{"name":"bot-2","integrationId":"i2","integrationType":"custom",'
        '"deliverStandbyEvents":false,"nextSwitchboardIntegrationId":"p2",'
        '"messageHistoryCount":1}',
        {"switchboardIntegration": {"id": "p1"}},
        SwitchboardIntegration(id="p1"),
    ),
    Row(
        "switchboard_integrations.delete",
        lambda s: s.switchboard_integrations.delete("s1", "p1"),
        "DELETE",
        f"{PLACES}/p1",
    ),
]

ROWS = [*APPS, *HOOKS, *SWITCHBOARDS]


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


@pytest.mark.parametrize(
    "key",
    [
        AppKey(id="app_1", secret="s3cret"),
        IntegrationKey(id="int_1", secret="s3cret"),
        Webhook("t", triggers=[], secret="s3cret"),
    ],
)
def test_no_repr_shows_a_secret(key: AppKey | IntegrationKey | Webhook) -> None:
    assert key.secret == "s3cret"
    assert "s3cret" not in repr(key)
