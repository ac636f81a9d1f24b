"""Passing, offering, accepting and releasing control of a conversation."""

from __future__ import annotations

from types import NoneType

from sunco.models.base import Metadata
from sunco.resources._resource import Resource, given, required
from sunco.wire import Operation

__all__ = ["SwitchboardActions"]

_CONVERSATION = "/v2/apps/{app_id}/conversations/{conversation_id}"

PASS = Operation("PassControl", "POST", f"{_CONVERSATION}/passControl", NoneType)
OFFER = Operation("OfferControl", "POST", f"{_CONVERSATION}/offerControl", NoneType)
ACCEPT = Operation("AcceptControl", "POST", f"{_CONVERSATION}/acceptControl", NoneType)
RELEASE = Operation("ReleaseControl", "POST", f"{_CONVERSATION}/releaseControl", NoneType)


class SwitchboardActions(Resource):
    """Control of a conversation, which one switchboard integration has at a time."""

    async def pass_control(
        self,
        conversation_id: str,
        switchboard_integration: str,
        *,
        metadata: Metadata | None = None,
    ) -> None:
        """Pass control to another integration (`PassControl`).

        Args:
            conversation_id: The conversation.
            switchboard_integration: Who gets it: an id, a name or an integration type, looked for
                in that order; `"next"` is the one that the switchboard names.
            metadata: Custom properties for the webhook, 4 kB at most.

        Raises:
            BadRequestError: The name fits several, or none.
            NotFoundError: The conversation does not exist.
        """
        await self._session.call(
            PASS,
            body=required(switchboardIntegration=switchboard_integration)
            | given(metadata=metadata),
            conversation_id=conversation_id,
        )

    async def offer_control(
        self,
        conversation_id: str,
        switchboard_integration: str,
        *,
        metadata: Metadata | None = None,
    ) -> None:
        """Offer control to another integration; replaces an earlier offer (`OfferControl`).

        Args:
            conversation_id: The conversation.
            switchboard_integration: Who is offered it, as in `pass_control`.
            metadata: Custom properties for the webhook, 4 kB at most.

        Raises:
            BadRequestError: The name fits several, or none.
            NotFoundError: The conversation does not exist.
        """
        await self._session.call(
            OFFER,
            body=required(switchboardIntegration=switchboard_integration)
            | given(metadata=metadata),
            conversation_id=conversation_id,
        )

    async def accept_control(
        self, conversation_id: str, *, metadata: Metadata | None = None
    ) -> None:
        """Accept control that was offered (`AcceptControl`).

        Args:
            conversation_id: The conversation.
            metadata: Custom properties for the webhook, 4 kB at most.

        Raises:
            PermissionDeniedError: It was offered to another integration than the key's.
            NotFoundError: The conversation does not exist.
        """
        await self._session.call(
            ACCEPT, body=given(metadata=metadata), conversation_id=conversation_id
        )

    async def release_control(
        self, conversation_id: str, *, metadata: Metadata | None = None
    ) -> None:
        """Release control, so that no integration has it (`ReleaseControl`).

        Args:
            conversation_id: The conversation.
            metadata: Custom properties for the webhook, 4 kB at most.

        Raises:
            PermissionDeniedError: Another integration than the key's is in control.
            NotFoundError: The conversation does not exist.
        """
        await self._session.call(
            RELEASE, body=given(metadata=metadata), conversation_id=conversation_id
        )
