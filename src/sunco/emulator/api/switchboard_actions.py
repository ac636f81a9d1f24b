"""Switchboard actions: moving the control of conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import conversation_of
from sunco.emulator.api.operation import Operations
from sunco.emulator.api.paths import CONVERSATION
from sunco.emulator.errors import forbidden
from sunco.emulator.schemas.conversations import CONTROL, CONTROL_TRANSFER
from sunco.emulator.services.control import move, release
from sunco.emulator.state.switchboard import NEXT, Control, Switchboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from sunco.emulator.api.operation import Call, Result
    from sunco.emulator.state.switchboard import SwitchboardIntegration

operations: Operations = Operations()


@operations.add("PassControl", "POST", f"{CONVERSATION}/passControl", body=CONTROL_TRANSFER)
def pass_control(call: Call) -> Result:
    """Make a switchboard integration active.

    `next` is idempotent for integrations: it is disregarded once the caller is not active.
    """
    reference = call.body["switchboardIntegration"]
    if reference == NEXT and _has_passed_control(call):
        return {}
    return _move(call, "passControl", lambda board, control: board.pass_control(control, reference))


@operations.add("OfferControl", "POST", f"{CONVERSATION}/offerControl", body=CONTROL_TRANSFER)
def offer_control(call: Call) -> Result:
    """Make a switchboard integration pending."""
    reference = call.body["switchboardIntegration"]
    return _move(
        call, "offerControl", lambda board, control: board.offer_control(control, reference)
    )


@operations.add("AcceptControl", "POST", f"{CONVERSATION}/acceptControl", body=CONTROL)
def accept_control(call: Call) -> Result:
    """Make the pending switchboard integration active."""
    pending = conversation_of(call).control.pending
    if pending is not None:
        _check_caller(call, pending)
    return _move(call, "acceptControl", Switchboard.accept_control)


@operations.add(
    "ReleaseControl",
    "POST",
    f"{CONVERSATION}/releaseControl",
    body=CONTROL,
    body_required=False,
)
def release_control(call: Call) -> Result:
    """Release the control of a conversation until its user writes again."""
    conversation = conversation_of(call)
    _check_caller(call, conversation.control.active)
    release(call.app, conversation, call.body.get("metadata"))
    return {}


def _move(call: Call, action: str, change: Callable[[Switchboard, Control], Control]) -> Result:
    move(call.app, conversation_of(call), action, change, call.body.get("metadata"))
    return {}


def _has_passed_control(call: Call) -> bool:
    caller, board = call.principal.integration_id, call.app.switchboard
    if caller is None or board is None:
        return False
    entries, active = board.entries_of(caller), conversation_of(call).control.active
    return bool(entries) and active not in (None, *entries)


def _check_caller(call: Call, expected: SwitchboardIntegration | None) -> None:
    caller = call.principal.integration_id
    if caller is not None and (expected is None or expected.integration_id != caller):
        raise forbidden()
