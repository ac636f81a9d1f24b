"""Changes to integrations, byte for byte: what is cleared, set, or left alone."""

from __future__ import annotations

from typing import Any, get_args

import attrs
import pytest
import respx

from operations.rows import APP, Row, Sent, check
from sunco.codec import encode
from sunco.models import UNSET, Model
from sunco.models.integrations import PrechatCapture, UnityIntegration, UnknownIntegration
from sunco.models.integrations.updates import (
    AndroidIntegrationUpdate,
    AppleIntegrationUpdate,
    CustomIntegrationUpdate,
    InstagramIntegrationUpdate,
    IntegrationUpdate,
    IosIntegrationUpdate,
    LineIntegrationUpdate,
    MailgunIntegrationUpdate,
    MessagebirdIntegrationUpdate,
    MessengerIntegrationUpdate,
    TelegramIntegrationUpdate,
    TwilioIntegrationUpdate,
    TwitterIntegrationUpdate,
    UnityIntegrationUpdate,
    ViberIntegrationUpdate,
    WebIntegrationUpdate,
    WhatsappIntegrationUpdate,
)

ONE = f"{APP}/integrations/i1"

CHANGED: dict[str, Any] = {
    "display_name": "Two",
    "default_responder_id": None,
    "show_ai_disclaimer": True,
}
CHANGED_SENT = '"displayName":"Two","defaultResponderId":null,"showAIDisclaimer":true'
SDK_CHANGED: dict[str, Any] = {
    **CHANGED,
    "can_user_see_conversation_list": False,
    "can_user_create_more_conversations": True,
}
SDK_CHANGED_SENT = (
    f'{CHANGED_SENT},"canUserSeeConversationList":false,"canUserCreateMoreConversations":true'
)

UPDATED: list[Sent[IntegrationUpdate]] = [
    Sent(
        AndroidIntegrationUpdate(
            **SDK_CHANGED,
            project_id="p",
            client_email="e",
            private_key="s3cret",
            server_key=None,
            sender_id=None,
        ),
        f'{{{SDK_CHANGED_SENT},"projectId":"p","clientEmail":"e","privateKey":"s3cret",'
        '"serverKey":null,"senderId":null}',
    ),
    Sent(
        AppleIntegrationUpdate(**CHANGED, authentication_message_secret="s3cret"),
        f'{{{CHANGED_SENT},"authenticationMessageSecret":"s3cret"}}',
    ),
    Sent(CustomIntegrationUpdate(display_name=None), '{"displayName":null}'),
    Sent(
        InstagramIntegrationUpdate(
            **CHANGED,
            page_access_token="s3cret",
            story_replies_enabled=False,
            story_mentions_enabled=True,
        ),
        f'{{{CHANGED_SENT},"pageAccessToken":"s3cret","storyRepliesEnabled":false,'
        '"storyMentionsEnabled":true}',
    ),
    Sent(
        IosIntegrationUpdate(
            **SDK_CHANGED,
            certificate=None,
            password="s3cret",
            production=True,
            auto_update_badge=False,
        ),
        f'{{{SDK_CHANGED_SENT},"certificate":null,"password":"s3cret","production":true,'
        '"autoUpdateBadge":false}',
    ),
    Sent(LineIntegrationUpdate(**CHANGED), f"{{{CHANGED_SENT}}}"),
    Sent(
        MailgunIntegrationUpdate(**CHANGED, hide_unsubscribe_link=False, from_address=None),
        f'{{{CHANGED_SENT},"hideUnsubscribeLink":false,"fromAddress":null}}',
    ),
    Sent(MessagebirdIntegrationUpdate(**CHANGED), f"{{{CHANGED_SENT}}}"),
    Sent(
        MessengerIntegrationUpdate(**CHANGED, page_access_token="s3cret"),
        f'{{{CHANGED_SENT},"pageAccessToken":"s3cret"}}',
    ),
    Sent(TelegramIntegrationUpdate(**CHANGED), f"{{{CHANGED_SENT}}}"),
    Sent(TwilioIntegrationUpdate(**CHANGED), f"{{{CHANGED_SENT}}}"),
    Sent(TwitterIntegrationUpdate(**CHANGED), f"{{{CHANGED_SENT}}}"),
    Sent(UnityIntegrationUpdate(**SDK_CHANGED), f"{{{SDK_CHANGED_SENT}}}"),
    Sent(ViberIntegrationUpdate(**CHANGED), f"{{{CHANGED_SENT}}}"),
    Sent(
        WebIntegrationUpdate(
            **SDK_CHANGED,
            brand_color="fff",
            fixed_intro_pane=True,
            conversation_color="000",
            action_color="111",
            display_style="button",
            button_icon_url=None,
            button_width="1",
            button_height="2",
            integration_order=None,
            business_name="b",
            business_icon_url="bi",
            background_image_url="bg",
            origin_whitelist=[],
            prechat_capture=PrechatCapture(enabled=False),
        ),
        f'{{{SDK_CHANGED_SENT},"brandColor":"fff","fixedIntroPane":true,'
        '"conversationColor":"000","actionColor":"111","displayStyle":"button",'
        '"buttonIconUrl":null,"buttonWidth":"1","buttonHeight":"2","integrationOrder":null,'
        '"businessName":"b","businessIconUrl":"bi","backgroundImageUrl":"bg",'
        '"originWhitelist":[],"prechatCapture":{"enabled":false}}',
    ),
    Sent(
        WhatsappIntegrationUpdate(
            **CHANGED,
            hsm_fallback_language=None,
            account_id="a",
            account_management_access_token="s3cret",
        ),
        f'{{{CHANGED_SENT},"hsmFallbackLanguage":null,"accountId":"a",'
        '"accountManagementAccessToken":"s3cret"}',
    ),
]

RESPONSE = {"integration": {"id": "i1", "type": "unity", "status": "active"}}
RETURNED = UnityIntegration(id="i1", status="active")


def _name(value: object) -> str:
    return type(value).__name__


def _update(sent: Sent[IntegrationUpdate]) -> Row:
    return Row(
        f"integrations.update: {_name(sent.value)}",
        lambda s: s.integrations.update("i1", sent.value),
        "PATCH",
        ONE,
        sent.body,
        RESPONSE,
        RETURNED,
    )


ROWS = [
    *map(_update, UPDATED),
    Row(
        "integrations.update of a type without a class",
        lambda s: s.integrations.update("i1", {"displayName": None, "number": 8}),
        "PATCH",
        ONE,
        '{"displayName":null,"number":8}',
        {"integration": {"id": "i1", "type": "telex", "number": 8}},
        UnknownIntegration("telex", extra={"id": "i1", "number": 8}),
    ),
]


@pytest.mark.anyio
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_operation(row: Row, respx_mock: respx.MockRouter) -> None:
    await check(row, respx_mock)


def test_every_type_is_changed() -> None:
    assert {type(sent.value) for sent in UPDATED} == set(get_args(IntegrationUpdate))


@pytest.mark.parametrize("value", [sent.value for sent in UPDATED], ids=_name)
def test_every_field_takes_part_and_no_repr_shows_a_secret(value: Model) -> None:
    fields = [field.name for field in attrs.fields(type(value))]
    assert [name for name in fields if getattr(value, name) is UNSET] == []
    assert "s3cret" not in repr(value)


@pytest.mark.parametrize("kind", get_args(IntegrationUpdate))
def test_an_update_that_changes_nothing_sends_nothing(kind: type[Model]) -> None:
    assert encode(kind()) == b"{}"
