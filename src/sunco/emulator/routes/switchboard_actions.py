"""Moving control of conversations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.answers import bad_request
from sunco.emulator.operations import Operations
from sunco.emulator.routes.lookup import CONVERSATION, conversation_of
from sunco.emulator.shapes.conversations import CONTROL, CONTROL_TRANSFER
from sunco.emulator.switchboard import ControlError

if TYPE_CHECKING:
    from sunco.emulator.operations import Answer, Call

operations = Operations()


@operations.add("POST", f"{CONVERSATION}/passControl", body=CONTROL_TRANSFER)
def pass_control(call: Call) -> Answer:
    """Make a switchboard integration active."""
    conversation = conversation_of(call)
    try:
        call.app.switchboard.pass_control(conversation, call.body["switchboardIntegration"])
    except ControlError as error:
        raise bad_request(str(error)) from None
    return {}


@operations.add("POST", f"{CONVERSATION}/offerControl", body=CONTROL_TRANSFER)
def offer_control(call: Call) -> Answer:
    """Make a switchboard integration pending."""
    conversation = conversation_of(call)
    try:
        call.app.switchboard.offer_control(conversation, call.body["switchboardIntegration"])
    except ControlError as error:
        raise bad_request(str(error)) from None
    return {}


@operations.add("POST", f"{CONVERSATION}/acceptControl", body=CONTROL)
def accept_control(call: Call) -> Answer:
    """Make the pending switchboard integration active."""
    conversation = conversation_of(call)
    try:
        call.app.switchboard.accept_control(conversation)
    except ControlError as error:
        raise bad_request(str(error)) from None
    return {}


@operations.add("POST", f"{CONVERSATION}/releaseControl", body=CONTROL, body_required=False)
def release_control(call: Call) -> Answer:
    """Leave the conversation in nobody's control, until its user writes again."""
    conversation = conversation_of(call)
    conversation.active = conversation.pending = None
    return {}
