"""The 16 types of integrations, byte for byte: made, read, deleted."""

from __future__ import annotations

import json
from typing import Any, get_args

import attrs
import pytest
import respx

from operations.rows import APP, Row, Sent, check
from sunco.codec import decode, encode
from sunco.models import FieldOption, FormField, Model
from sunco.models.integrations import (
    AndroidIntegration,
    AppleIntegration,
    CustomIntegration,
    DefaultResponder,
    InstagramIntegration,
    Integration,
    IosIntegration,
    LineIntegration,
    MailgunIntegration,
    MessagebirdIntegration,
    MessengerIntegration,
    PrechatCapture,
    TelegramIntegration,
    TwilioIntegration,
    TwitterIntegration,
    UnityIntegration,
    UnknownIntegration,
    ViberIntegration,
    WebIntegration,
    WhatsappIntegration,
)
from sunco.models.webhooks import Webhook

ALL = f"{APP}/integrations"
ONE = f"{ALL}/i1"

# What the API sets: given here as what was read before, and not to be found in any request.
READ: dict[str, Any] = {
    "id": "i0",
    "status": "active",
    "default_responder": DefaultResponder(name="bot"),
}
CHANNEL: dict[str, Any] = {
    **READ,
    "display_name": "One",
    "default_responder_id": "r1",
    "show_ai_disclaimer": False,
}
SENT = '"displayName":"One","defaultResponderId":"r1","showAIDisclaimer":false'
SDK: dict[str, Any] = {
    **CHANNEL,
    "can_user_see_conversation_list": True,
    "can_user_create_more_conversations": False,
    "attachments_enabled": True,
}
SDK_SENT = f'{SENT},"canUserSeeConversationList":true,"canUserCreateMoreConversations":false'

CREATED: list[Sent[Integration]] = [
    Sent(
        AndroidIntegration(
            **SDK,
            project_id="p",
            client_email="e",
            private_key="s3cret",
            server_key="s3cret",
            sender_id="s",
        ),
        f'{{"type":"android",{SDK_SENT},"projectId":"p","clientEmail":"e",'
        '"privateKey":"s3cret","serverKey":"s3cret","senderId":"s"}',
    ),
    Sent(
        AppleIntegration(
            **CHANNEL,
            business_id="b",
            api_secret="s3cret",
            msp_id="m",
            authentication_message_secret="s3cret",
        ),
        f'{{"type":"apple",{SENT},"businessId":"b","apiSecret":"s3cret","mspId":"m",'
        '"authenticationMessageSecret":"s3cret"}',
    ),
    Sent(
        CustomIntegration(
            id="i0",
            status="active",
            display_name="One",
            webhooks=[
                Webhook(
                    "https://example.test/w",
                    id="w0",
                    version="v2",
                    triggers=["conversation:read", "new:one"],
                    include_full_user=True,
                    include_full_source=False,
                )
            ],
        ),
        '{"type":"custom","displayName":"One","webhooks":[{"target":"https://example.test/w",'
        '"triggers":["conversation:read","new:one"],"includeFullUser":true,'
        '"includeFullSource":false}]}',
    ),
    Sent(
        InstagramIntegration(
            **CHANNEL,
            page_access_token="s3cret",
            app_id="a",
            app_secret="s3cret",
            business_name="read",
            business_username="read",
            page_id="read",
            business_id="read",
            username="read",
            user_id="read",
            story_replies_enabled=True,
            story_mentions_enabled=False,
        ),
        f'{{"type":"instagram",{SENT},"pageAccessToken":"s3cret","appId":"a",'
        '"appSecret":"s3cret","storyRepliesEnabled":true,"storyMentionsEnabled":false}',
    ),
    Sent(
        IosIntegration(
            **SDK,
            certificate="s3cret",
            password="s3cret",
            production=False,
            auto_update_badge=True,
        ),
        f'{{"type":"ios",{SDK_SENT},"certificate":"s3cret","password":"s3cret",'
        '"production":false,"autoUpdateBadge":true}',
    ),
    Sent(
        LineIntegration(
            **CHANNEL,
            channel_id="c",
            channel_secret="s3cret",
            channel_access_token="s3cret",
            service_code="s",
            switcher_secret="s3cret",
            qr_code_url="u",
            line_id="read",
        ),
        f'{{"type":"line",{SENT},"channelId":"c","channelSecret":"s3cret",'
        '"channelAccessToken":"s3cret","serviceCode":"s","switcherSecret":"s3cret",'
        '"qrCodeUrl":"u"}',
    ),
    Sent(
        MailgunIntegration(
            **CHANNEL,
            api_key="s3cret",
            signing_key="s3cret",
            domain="example.test",
            incoming_address="in@example.test",
            hide_unsubscribe_link=True,
            from_address="from@example.test",
        ),
        f'{{"type":"mailgun",{SENT},"apiKey":"s3cret","signingKey":"s3cret",'
        '"domain":"example.test","incomingAddress":"in@example.test",'
        '"hideUnsubscribeLink":true,"fromAddress":"from@example.test"}',
    ),
    Sent(
        MessagebirdIntegration(
            **CHANNEL,
            access_key="s3cret",
            signing_key="s3cret",
            originator="+1",
            webhook_secret="s3cret",
        ),
        f'{{"type":"messagebird",{SENT},"accessKey":"s3cret","signingKey":"s3cret",'
        '"originator":"+1"}',
    ),
    Sent(
        MessengerIntegration(
            **CHANNEL,
            page_access_token="s3cret",
            app_id="a",
            app_secret="s3cret",
            page_id=104237891234567,
            page_name="n",
        ),
        f'{{"type":"messenger",{SENT},"pageAccessToken":"s3cret","appId":"a",'
        '"appSecret":"s3cret","pageId":104237891234567,"pageName":"n"}',
    ),
    Sent(
        TelegramIntegration(**CHANNEL, token="s3cret", username="read", bot_id="read"),
        f'{{"type":"telegram",{SENT},"token":"s3cret"}}',
    ),
    Sent(
        TwilioIntegration(
            **CHANNEL,
            account_sid="a",
            auth_token="s3cret",
            phone_number_sid="p",
            messaging_service_sid="m",
        ),
        f'{{"type":"twilio",{SENT},"accountSid":"a","authToken":"s3cret","phoneNumberSid":"p",'
        '"messagingServiceSid":"m"}',
    ),
    Sent(
        TwitterIntegration(
            **CHANNEL,
            tier="enterprise",
            env_name="read",
            consumer_key="s3cret",
            consumer_secret="s3cret",
            access_token_key="s3cret",
            access_token_secret="s3cret",
        ),
        f'{{"type":"twitter",{SENT},"tier":"enterprise","consumerKey":"s3cret",'
        '"consumerSecret":"s3cret","accessTokenKey":"s3cret","accessTokenSecret":"s3cret"}',
    ),
    Sent(UnityIntegration(**SDK), f'{{"type":"unity",{SDK_SENT}}}'),
    Sent(
        ViberIntegration(**CHANNEL, token="s3cret", uri="read", account_id="read"),
        f'{{"type":"viber",{SENT},"token":"s3cret"}}',
    ),
    Sent(
        WebIntegration(
            **SDK,
            brand_color="65758e",
            fixed_intro_pane=False,
            conversation_color="0099ff",
            action_color="09f",
            display_style="tab",
            button_icon_url="u",
            button_width="58",
            button_height="60",
            integration_order=["i2", "i3"],
            business_name="b",
            business_icon_url="bi",
            background_image_url="bg",
            origin_whitelist=["https://example.test"],
            prechat_capture=PrechatCapture(
                avatar_url="a",
                enabled=True,
                enable_email_linking=False,
                fields=[
                    FormField(
                        type="select",
                        name="size",
                        label="Size?",
                        options=[FieldOption("s", label="Small")],
                    )
                ],
            ),
        ),
        f'{{"type":"web",{SDK_SENT},"brandColor":"65758e","fixedIntroPane":false,'
        '"conversationColor":"0099ff","actionColor":"09f","displayStyle":"tab",'
        '"buttonIconUrl":"u","buttonWidth":"58","buttonHeight":"60",'
        '"integrationOrder":["i2","i3"],"businessName":"b","businessIconUrl":"bi",'
        '"backgroundImageUrl":"bg","originWhitelist":["https://example.test"],'
        '"prechatCapture":{"avatarUrl":"a","enabled":true,"enableEmailLinking":false,'
        '"fields":[{"type":"select","name":"size","label":"Size?","options":[{"name":"s",'
        '"label":"Small"}]}]}}',
    ),
    Sent(
        WhatsappIntegration(
            **CHANNEL,
            hsm_fallback_language="en_US",
            account_id="a",
            account_management_access_token="s3cret",
            phone_number="read",
        ),
        f'{{"type":"whatsapp",{SENT},"hsmFallbackLanguage":"en_US","accountId":"a",'
        '"accountManagementAccessToken":"s3cret"}',
    ),
    Sent(UnknownIntegration("telex", extra={"number": 7}), '{"number":7,"type":"telex"}'),
]

VALUES: list[Any] = [sent.value for sent in CREATED]

RESPONSE = {"integration": {"id": "i1", "type": "unity", "status": "active"}}
RETURNED = UnityIntegration(id="i1", status="active")


def _name(value: object) -> str:
    return type(value).__name__


def _create(sent: Sent[Integration]) -> Row:
    return Row(
        f"integrations.create: {_name(sent.value)}",
        lambda s: s.integrations.create(sent.value),
        "POST",
        ALL,
        sent.body,
        RESPONSE,
        RETURNED,
        201,
    )


ROWS = [
    *map(_create, CREATED),
    Row(
        "integrations.create",
        lambda s: s.integrations.create(
            CustomIntegration(
                display_name="Bot",
                webhooks=[Webhook("https://bot.test/", triggers=["conversation:message"])],
            )
        ),
        "POST",
        ALL,
        '{"type":"custom","displayName":"Bot",'
        '"webhooks":[{"target":"https://bot.test/","triggers":["conversation:message"]}]}',
        RESPONSE,
        RETURNED,
        201,
    ),
    Row(
        "integrations.list",
        lambda s: s.integrations.list(),
        "GET",
        ALL,
        None,
        {"integrations": [RESPONSE["integration"], {"id": "i2", "type": "kakao"}]},
        [RETURNED, UnknownIntegration("kakao", extra={"id": "i2"})],
    ),
    Row(
        "integrations.list of some types",
        lambda s: s.integrations.list(types=["custom", "web"], after="i0", page_size=10),
        "GET",
        f"{ALL}?page%5Bafter%5D=i0&page%5Bsize%5D=10&filter%5Btypes%5D=custom%2Cweb",
        None,
        {"integrations": []},
        [],
    ),
    Row(
        "integrations.list backwards",
        lambda s: s.integrations.list(types=("ios",), before="i9"),
        "GET",
        f"{ALL}?page%5Bbefore%5D=i9&filter%5Btypes%5D=ios",
        None,
        {"integrations": []},
        [],
    ),
    Row(
        "integrations.get", lambda s: s.integrations.get("i1"), "GET", ONE, None, RESPONSE, RETURNED
    ),
    Row("integrations.delete", lambda s: s.integrations.delete("i1"), "DELETE", ONE),
]


@pytest.mark.anyio
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)


def test_every_type_is_made() -> None:
    assert {type(sent.value) for sent in CREATED} == set(get_args(Integration))


@pytest.mark.parametrize("value", VALUES, ids=_name)
def test_every_field_takes_part(value: Model) -> None:
    fields = [field.name for field in attrs.fields(type(value))]
    assert [name for name in fields if getattr(value, name) is None] == []


@pytest.mark.parametrize("integration", VALUES, ids=_name)
def test_what_was_written_is_read_and_written_again(integration: Any) -> None:
    document = {**json.loads(encode(integration)), "new": {"a": [1, None]}}
    again = decode(json.dumps(document).encode(), Integration)
    assert again == attrs.evolve(integration, extra={**integration.extra, "new": {"a": [1, None]}})
    assert json.loads(encode(again)) == document


@pytest.mark.parametrize("integration", VALUES, ids=_name)
def test_a_response_with_nothing_but_its_type_can_be_read(integration: Integration) -> None:
    document = json.dumps({"id": "i1", "type": integration.type}).encode()
    read = decode(document, Integration)
    assert type(read) is type(integration)
    assert (read.id, read.status, read.display_name) == ("i1", None, None)


@pytest.mark.parametrize("value", VALUES, ids=_name)
def test_no_repr_shows_a_secret(value: Model) -> None:
    assert "s3cret" not in repr(value)


def test_an_integration_of_an_unknown_type_still_says_what_all_of_them_say() -> None:
    document = b'{"type":"kakao","id":"i1","status":"error","displayName":"Kakao"}'
    integration = decode(document, Integration)
    assert isinstance(integration, UnknownIntegration)
    assert integration.type == "kakao"
    assert integration.id == "i1"
    assert integration.status == "error"
    assert integration.display_name == "Kakao"
    assert integration.extra == {"id": "i1", "status": "error", "displayName": "Kakao"}


def test_a_default_responder_is_read_in_full() -> None:
    document = (
        b'{"id":"i1","type":"viber","defaultResponder":{"name":"bot","integrationId":"i2",'
        b'"integrationType":"custom","deliverStandbyEvents":true,'
        b'"nextSwitchboardIntegrationId":null,"messageHistoryCount":5,"inherited":false}}'
    )
    assert decode(document, Integration) == ViberIntegration(
        id="i1",
        default_responder=DefaultResponder(
            name="bot",
            integration_id="i2",
            integration_type="custom",
            deliver_standby_events=True,
            message_history_count=5,
            inherited=False,
        ),
    )


def test_a_page_id_is_kept_to_the_last_digit() -> None:
    document = b'{"type":"messenger","pageId":9007199254740993}'
    assert decode(document, Integration).page_id == 9007199254740993
    assert encode(decode(document, Integration)) == document
