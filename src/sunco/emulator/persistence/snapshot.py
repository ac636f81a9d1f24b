"""The state of an account as JSON, and back. Reading it can only make the emulator's records."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sunco.emulator.state.account import Account, CoreUser
from sunco.emulator.state.attachments import Attachment
from sunco.emulator.state.clock import Clock
from sunco.emulator.state.conversations import Conversation, Participant
from sunco.emulator.state.credentials import Grant, Key, Partner
from sunco.emulator.state.switchboard import Control, Switchboard, SwitchboardIntegration
from sunco.emulator.state.users import Client, Device, User
from sunco.emulator.state.webhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from sunco.emulator.state.app import App, Limits

Record = TypeVar("Record")


def dump(account: Account) -> dict[str, Any]:
    """The state as JSON values. Waiting events and activities are not part of it."""
    clock, credentials = account.clock, account.credentials
    return {
        "clock": {"prefix": clock.prefix, "seed": clock.seed.hex(), "number": clock.number},
        "keys": [_members(key) for key in credentials.keys.values()],
        "partners": [_members(partner) for partner in credentials.partners.values()],
        "codes": {name: _members(grant) for name, grant in credentials.codes.items()},
        "tokens": {name: _members(grant) for name, grant in credentials.tokens.items()},
        "core_users": {name: _members(user) for name, user in account.core_users.items()},
        "attachments": [
            {**_members(one), "content": b64encode(one.content).decode()}
            for one in account.attachments
        ],
        "apps": [_dump_app(app) for app in account.apps.values()],
    }


def load(state: Mapping[str, Any], now: Callable[[], datetime], limits: Limits) -> Account:
    """Rebuild an account.

    Args:
        state: What `dump` returned.
        now: Returns the current time, aware.
        limits: The limits of the account.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: `state` is not what `dump` returns.
    """
    saved = state["clock"]
    seed = bytes.fromhex(saved["seed"])
    prefix, number = _typed(saved["prefix"], str), _typed(saved["number"], int)
    clock = Clock(now, prefix=prefix, seed=seed, number=number)
    account = Account(clock, limits)
    credentials = account.credentials
    credentials.keys = {row["id"]: _build(Key, row) for row in state["keys"]}
    credentials.partners = {
        row["client_id"]: _build(Partner, _replaced(row, redirect_uris=tuple(row["redirect_uris"])))
        for row in state["partners"]
    }
    credentials.codes = {name: _build(Grant, row) for name, row in state["codes"].items()}
    credentials.tokens = {name: _build(Grant, row) for name, row in state["tokens"].items()}
    known = state["core_users"].items()
    account.core_users = {name: _build(CoreUser, row) for name, row in known}
    for row in state["attachments"]:
        account.attachments.add(
            _build(Attachment, _replaced(row, content=b64decode(row["content"])))
        )
    for row in state["apps"]:
        _load_app(account, row)
    return account


def _dump_app(app: App) -> dict[str, Any]:
    board = app.switchboard
    return {
        "id": app.id,
        "sort_id": app.sort_id,
        "display_name": app.display_name,
        "settings": app.settings,
        "metadata": app.metadata,
        "integrations": list(app.integrations),
        "webhooks": [_members(webhook) for webhook in app.webhooks],
        "switchboard": board
        and {**_members(board), "integrations": [_members(one) for one in board.integrations]},
        "users": [
            {
                **_members(user),
                "clients": [_members(client) for client in user.clients],
                "devices": [_members(device) for device in user.devices],
            }
            for user in app.users
        ],
        "conversations": [_dump_conversation(one) for one in app.conversations],
    }


def _load_app(account: Account, row: Mapping[str, Any]) -> None:
    app = account.add_app(
        _typed(row["id"], str),
        _typed(row["sort_id"], str),
        display_name=_typed(row["display_name"], str, type(None)),
        settings=_typed(row["settings"], dict),
        metadata=_typed(row["metadata"], dict),
    )
    for integration in row["integrations"]:
        _typed(integration["type"], str)
        app.integrations.add(_typed(integration["id"], str), integration)
    for one in row["webhooks"]:
        app.webhooks.add(one["id"], _build(Webhook, one))
    if row["switchboard"] is not None:
        integrations = [
            _build(SwitchboardIntegration, one) for one in row["switchboard"]["integrations"]
        ]
        app.switchboard = _build(
            Switchboard, _replaced(row["switchboard"], integrations=integrations)
        )
    for one in row["users"]:
        plain = {name: one[name] for name in one if name not in ("clients", "devices")}
        user = _build(User, plain)
        for client in one["clients"]:
            user.clients.add(client["id"], _build(Client, client))
        for device in one["devices"]:
            user.devices.add(device["id"], _build(Device, device))
        app.add_user(user)
    for one in row["conversations"]:
        _load_conversation(app, one)


def _dump_conversation(conversation: Conversation) -> dict[str, Any]:
    control = conversation.control
    return {
        **_members(conversation),
        "participants": [
            {
                **_members(one),
                "user": one.user.id,
                "clients": [client.id for client in one.clients],
            }
            for one in conversation.participants
        ],
        "messages": list(conversation.messages),
        "control": [one and one.id for one in (control.active, control.pending)],
    }


def _load_conversation(app: App, row: Mapping[str, Any]) -> None:
    board = app.switchboard or Switchboard()
    active, pending = (board.find(identifier) for identifier in row["control"])
    nested = ("participants", "messages", "control")
    plain = {name: row[name] for name in row if name not in nested}
    conversation = _build(Conversation, {**plain, "control": Control(active, pending)})
    for one in row["participants"]:
        user = _existing(app.users.get(one["user"]))
        clients = [_existing(user.clients.get(identifier)) for identifier in one["clients"]]
        participant = _build(Participant, _replaced(one, user=user, clients=clients))
        conversation.participants.add(participant.id, participant)
    for message in row["messages"]:
        _typed(message["received"], str)
        _typed(message["author"]["type"], str)
        _typed(message["content"], dict)
        conversation.messages.add(_typed(message["id"], str), message)
    app.add_conversation(conversation)


# The types of the members of records, by the names in their annotations.
_TYPES: Mapping[str, type] = {
    "None": type(None),
    "bool": bool,
    "bytes": bytes,
    "dict": dict,
    "int": int,
    "list": list,
    "str": str,
    "tuple": tuple,
}


def _build(record: type[Record], row: Mapping[str, Any]) -> Record:
    """A record, whose members have the types of its annotations."""
    made = record(**row)
    annotated: Any = record
    for one in fields(annotated):
        names = [name.partition("[")[0] for name in str(one.type).split(" | ")]
        if all(name in _TYPES for name in names):
            _typed(getattr(made, one.name), *(_TYPES[name] for name in names))
    return made


def _typed(value: Any, *types: type) -> Any:
    if type(value) not in types:
        raise TypeError(f"{type(value).__name__} instead of {types[0].__name__}")
    return value


def _existing(record: Record | None) -> Record:
    if record is None:
        raise ValueError("a record is missing")
    return record


def _replaced(row: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return {**row, **members}


def _members(record: Any) -> dict[str, Any]:
    names: Iterable[str] = (one.name for one in fields(record))
    return {name: getattr(record, name) for name in names}
