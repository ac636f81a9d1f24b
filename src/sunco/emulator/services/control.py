"""Moving the control of conversations between switchboard integrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sunco.emulator.errors import bad_request
from sunco.emulator.state.rendering import omit_none
from sunco.emulator.state.switchboard import Control, ControlError, Switchboard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sunco.emulator.state.app import App
    from sunco.emulator.state.conversations import Conversation


def move(
    app: App,
    conversation: Conversation,
    action: str,
    change: Callable[[Switchboard, Control], Control],
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Move the control of a conversation, and announce it or its failure.

    Args:
        app: The app.
        conversation: The conversation.
        action: The name of the action in the event, as `passControl`.
        change: Returns the control after the action.
        metadata: The metadata of the event.

    Raises:
        ApiError: 400 if control cannot be moved like this.
    """
    given = omit_none(metadata=metadata)
    try:
        conversation.control = change(app.switchboard or Switchboard(), conversation.control)
    except ControlError as error:
        shown = {"code": error.code, "message": str(error)}
        app.announce(f"switchboard:{action}:failure", conversation, error=shown, **given)
        raise bad_request(str(error)) from None
    app.announce(f"switchboard:{action}", conversation, **given)


def release(
    app: App, conversation: Conversation, metadata: Mapping[str, Any] | None = None
) -> None:
    """Release the control of a conversation until its user writes again."""
    conversation.control = Control()
    app.announce("switchboard:releaseControl", conversation, **omit_none(metadata=metadata))
