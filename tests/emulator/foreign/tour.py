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
    report(f"users: created {user.external_id}, updated, status_of_error again with {status}")
    return user


def conversations(vendor: Any, client: Any, app_id: str, user: Any) -> str:
    api = vendor.ConversationsApi(client)
    participant = vendor.ParticipantSubSchema(vendor.ParticipantWithUserId(userId=user.id))
    body = vendor.ConversationCreateBody(type="personal", participants=[participant])
    made = [api.create_conversation(app_id, body).conversation.id for _ in range(2)]
    api.delete_conversation(app_id, made[1])
    status = status_of_error(vendor, api.delete_conversation, app_id, made[0])
    report(f"conversations: {len(made)} created, the default status_of_error with {status}")
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


if __name__ == "__main__":
    main(*sys.argv[1:])
