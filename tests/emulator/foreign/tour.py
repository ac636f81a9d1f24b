"""The vendor's Python package on a tour: python tour.py BASE_URL APP_ID KEY_ID KEY_SECRET.

It sends the cursors of pages as JSON text, so it never gets past the first; that much is shown.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def main(base_url: str, app_id: str, key_id: str, key_secret: str) -> None:
    vendor: Any = import_module("sunshine_conversations_client")
    settings = vendor.Configuration(host=base_url, username=key_id, password=key_secret)
    with vendor.ApiClient(settings) as client:
        user = users(vendor, client, app_id)
        conversation_id = conversations(vendor, client, app_id, user)
        messages(vendor, client, app_id, conversation_id)
        switchboard(vendor, client, app_id, conversation_id)
        integrations(vendor, client, app_id)
        participants(vendor, client, app_id, conversation_id)
        clients(vendor, client, app_id, conversation_id)
        attachments(vendor, client, app_id)
        webhooks(vendor, client, app_id)
        switchboards(vendor, client, app_id)
    settings.username = "act_demo_key"
    with vendor.ApiClient(settings) as client:
        apps(vendor, client, app_id)


def report(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def status_of_error(vendor: Any, call: Any, *arguments: Any) -> int:
    try:
        call(*arguments)
    except vendor.ApiException as error:
        return int(error.status)
    raise AssertionError("not status_of_error")


def users(vendor: Any, client: Any, app_id: str) -> Any:
    api = vendor.UsersApi(client)
    profile = vendor.Profile(given_name="Ada", surname="Lovelace")
    body = vendor.UserCreateBody(external_id="py", profile=profile)
    user = api.create_user(app_id, body).user
    changes = vendor.UserUpdateBody(metadata={"plan": "pro"})
    api.update_user(app_id, "py", user_update_body=changes)
    assert api.get_user(app_id, user.id).user.metadata == {"plan": "pro"}
    status = status_of_error(vendor, api.create_user, app_id, body)
    report(f"users: created {user.external_id}, updated, rejected again with {status}")
    return user


def conversations(vendor: Any, client: Any, app_id: str, user: Any) -> str:
    api = vendor.ConversationsApi(client)
    participant = vendor.ParticipantSubSchema(vendor.ParticipantWithUserId(userId=user.id))
    body = vendor.ConversationCreateBody(type="personal", participants=[participant])
    made = [api.create_conversation(app_id, body).conversation.id for _ in range(2)]
    api.delete_conversation(app_id, made[1])
    status = status_of_error(vendor, api.delete_conversation, app_id, made[0])
    report(f"conversations: {len(made)} created, the default rejected with {status}")
    return str(made[0])


def messages(vendor: Any, client: Any, app_id: str, conversation_id: str) -> None:
    api = vendor.MessagesApi(client)
    for number in range(130):
        content = vendor.Content(vendor.TextMessage(type="text", text=f"{number}"))
        body = vendor.MessagePost(author=vendor.Author(type="business"), content=content)
        api.post_message(app_id, conversation_id, body)
    document = api.list_messages(app_id, conversation_id)
    texts = [message.content.actual_instance.text for message in document.messages]
    assert texts == [f"{number}" for number in range(30, 130)]
    assert document.meta.has_more
    report(f"messages: 130 posted, the newest {len(texts)} read")


def switchboard(vendor: Any, client: Any, app_id: str, conversation_id: str) -> None:
    api = vendor.SwitchboardActionsApi(client)
    to_next = vendor.PassControlBody(switchboard_integration="next")
    api.pass_control(app_id, conversation_id, to_next)
    shown = vendor.ConversationsApi(client).get_conversation(app_id, conversation_id).conversation
    name = shown.active_switchboard_integration.name
    assert name in ("agent", "zd-agentWorkspace")
    (board,) = vendor.SwitchboardsApi(client).list_switchboards(app_id).switchboards
    seats = vendor.SwitchboardIntegrationsApi(client).list_switchboard_integrations(
        app_id, board.id
    )
    found = [seat.name for seat in seats.switchboard_integrations]
    report(f"switchboard: passed to {name}, of {', '.join(found)}")


def integrations(vendor: Any, client: Any, app_id: str) -> None:
    api = vendor.IntegrationsApi(client)
    body = vendor.Unity(type="unity", displayName="Game")
    made = api.create_integration(app_id, body).integration
    assert made.display_name == "Game"
    # Strictly validated: every type has its required members.
    types = {one.type for one in api.list_integrations(app_id).integrations}
    assert {"mailgun", "messagebird", "twilio", "unity", "web", "whatsapp"} <= types
    api.delete_integration(app_id, made.id)
    status = status_of_error(vendor, api.get_integration, app_id, made.id)
    report(f"integrations: created {made.type}, deleted, then {status}")


def participants(vendor: Any, client: Any, app_id: str, conversation_id: str) -> None:
    api = vendor.ParticipantsApi(client)
    guest = vendor.UsersApi(client).create_user(app_id, vendor.UserCreateBody(external_id="guest"))
    body = vendor.ConversationCreateBody(type="sdkGroup", participants=[])
    group = vendor.ConversationsApi(client).create_conversation(app_id, body).conversation
    joining = vendor.ParticipantJoinBody.from_dict(
        {"userId": guest.user.id, "subscribeSDKClient": False}
    )
    api.join_conversation(app_id, group.id, joining)
    joined = api.list_participants(app_id, group.id).participants
    assert [one.user_id for one in joined] == [guest.user.id]
    member = vendor.ParticipantLeaveBodyUserId(userId=guest.user.id)
    leaving = vendor.ParticipantLeaveBody(actual_instance=member)
    api.leave_conversation(app_id, group.id, leaving)
    activity = vendor.ActivityPost(author=vendor.Author(type="business"), type="typing:start")
    vendor.ActivitiesApi(client).post_activity(app_id, conversation_id, activity)
    report(f"participants: {len(joined)} joined and left, an activity posted")


def clients(vendor: Any, client: Any, app_id: str, conversation_id: str) -> None:
    api = vendor.ClientsApi(client)
    criteria = {
        "type": "twilio",
        "integrationId": "000000005eed000000000002",
        "phoneNumber": "+12125552368",
    }
    body = vendor.ClientCreate.from_dict(
        {
            "matchCriteria": criteria,
            "confirmation": {"type": "immediate"},
            "target": {"conversationId": conversation_id},
        }
    )
    made = api.create_client(app_id, "py", body).client
    found = api.list_clients(app_id, "py").clients
    assert [one.status for one in found if one.id == made.id] == ["active"]
    api.remove_client(app_id, "py", made.id)
    devices = vendor.DevicesApi(client).list_devices(app_id, "py").devices
    report(f"clients: one linked and removed, {len(devices)} devices")


def attachments(vendor: Any, client: Any, app_id: str) -> None:
    api = vendor.AttachmentsApi(client)
    made = api.upload_attachment(app_id, "public", ("a.txt", b"words"), "message").attachment
    api.delete_attachment(app_id, vendor.AttachmentDeleteBody(media_url=made.media_url))
    report("attachments: uploaded, deleted")


def webhooks(vendor: Any, client: Any, app_id: str) -> None:
    api = vendor.WebhooksApi(client)
    hook = {"target": "http://127.0.0.1:9/", "triggers": ["user:remove"]}
    body = vendor.Custom.from_dict({"type": "custom", "displayName": "Bot", "webhooks": [hook]})
    made = vendor.IntegrationsApi(client).create_integration(app_id, body).integration
    created = api.create_webhook(app_id, made.id, vendor.WebhookCreateBody(**hook)).webhook
    api.update_webhook(app_id, made.id, created.id, vendor.WebhookBody(includeFullUser=True))
    assert api.get_webhook(app_id, made.id, created.id).webhook.include_full_user
    api.delete_webhook(app_id, made.id, created.id)
    keys = vendor.CustomIntegrationApiKeysApi(client)
    name = vendor.IntegrationApiKey(display_name="py")
    key = keys.create_custom_integration_key(app_id, made.id, name).key
    assert len(keys.list_custom_integration_keys(app_id, made.id).keys) == 1
    keys.delete_custom_integration_key(app_id, made.id, key.id)
    report("webhooks: created, updated, deleted, and a key of the integration")


def switchboards(vendor: Any, client: Any, app_id: str) -> None:
    api, seats = vendor.SwitchboardsApi(client), vendor.SwitchboardIntegrationsApi(client)
    (old,) = api.list_switchboards(app_id).switchboards
    api.delete_switchboard(app_id, old.id)
    board = api.create_switchboard(app_id).switchboard
    body = vendor.SwitchboardIntegrationCreateBody(
        name="py", integration_type="zd:agentWorkspace", deliver_standby_events=True
    )
    seat = seats.create_switchboard_integration(app_id, board.id, body).switchboard_integration
    changes = vendor.SwitchboardIntegrationUpdateBody(message_history_count=5)
    seats.update_switchboard_integration(app_id, board.id, seat.id, changes)
    enabling = vendor.SwitchboardUpdateBody(
        enabled=True, default_switchboard_integration_id=seat.id
    )
    assert api.update_switchboard(app_id, board.id, enabling).switchboard.enabled
    report("switchboards: one deleted, one created with an integration")


def apps(vendor: Any, client: Any, app_id: str) -> None:
    api = vendor.AppsApi(client)
    made = api.create_app(vendor.AppCreateBody(display_name="Shop")).app
    api.update_app(made.id, vendor.AppUpdateBody(display_name="Store"))
    assert api.get_app(made.id).app.display_name == "Store"
    keys = vendor.AppKeysApi(client)
    key = keys.create_app_key(made.id, vendor.AppKeyCreateBody(display_name="py")).key
    keys.delete_app_key(made.id, key.id)
    api.delete_app(made.id)
    assert [one.id for one in api.list_apps().apps] == [app_id]
    report("apps: created with a key, updated, deleted")


if __name__ == "__main__":
    main(*sys.argv[1:])
