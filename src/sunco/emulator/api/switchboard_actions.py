"""Moving control of conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.api.lookup import CONVERSATION, conversation_of
from sunco.emulator.api.operation import Operations
from sunco.emulator.errors import ApiError, bad_request
from sunco.emulator.schemas.conversations import CONTROL, CONTROL_TRANSFER
from sunco.emulator.state.rendering import present
from sunco.emulator.state.switchboard import ControlError, Switchboard

if TYPE_CHECKING:
    from collections.abc import Callable

    from sunco.emulator.api.operation import Answer, Call
    from sunco.emulator.state.conversations import Conversation
    from sunco.emulator.state.switchboard import SwitchboardIntegration

operations: Operations = Operations()


@operations.add("POST", f"{CONVERSATION}/passControl", body=CONTROL_TRANSFER)
def pass_control(call: Call) -> Answer:
    """Make a switchboard integration active."""
    reference = call.body["switchboardIntegration"]
    return _move(call, "passControl", lambda board, one: board.pass_control(one, reference))


@operations.add("POST", f"{CONVERSATION}/offerControl", body=CONTROL_TRANSFER)
def offer_control(call: Call) -> Answer:
    """Make a switchboard integration pending."""
    reference = call.body["switchboardIntegration"]
    return _move(call, "offerControl", lambda board, one: board.offer_control(one, reference))


@operations.add("POST", f"{CONVERSATION}/acceptControl", body=CONTROL)
def accept_control(call: Call) -> Answer:
    """Make the pending switchboard integration active."""
    pending = conversation_of(call).pending
    if pending is not None:
        _only_for(call, pending)
    return _move(call, "acceptControl", Switchboard.accept_control)


@operations.add("POST", f"{CONVERSATION}/releaseControl", body=CONTROL, body_required=False)
def release_control(call: Call) -> Answer:
    """Leave the conversation in nobody's control, until its user writes again."""
    conversation = conversation_of(call)
    _only_for(call, conversation.active)
    conversation.active = conversation.pending = None
    metadata = call.body.get("metadata")
    call.app.announce("switchboard:releaseControl", conversation, **present(metadata=metadata))
    return {}


def _move(
    call: Call, action: str, move: Callable[[Switchboard, Conversation], None]
) -> dict[str, Any]:
    conversation = conversation_of(call)
    metadata = present(metadata=call.body.get("metadata"))
    try:
        move(call.app.switchboard or Switchboard(), conversation)
    except ControlError as error:
        told = {"error": {"code": error.code, "message": str(error)}, **metadata}
        call.app.announce(f"switchboard:{action}:failure", conversation, **told)
        raise bad_request(str(error)) from None
    call.app.announce(f"switchboard:{action}", conversation, **metadata)
    return {}


def _only_for(call: Call, seat: SwitchboardIntegration | None) -> None:
    caller = call.principal.integration_id
    if caller is not None and (seat is None or seat.integration_id != caller):
        raise ApiError(403, "forbidden", "Forbidden")
