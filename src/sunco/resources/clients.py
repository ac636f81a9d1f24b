"""The clients of users, which connect them to channels."""

from __future__ import annotations

from types import NoneType

from sunco.models.clients import Client
from sunco.models.linking import Confirmation, MatchCriteria
from sunco.pagination import Paginator
from sunco.resources._resource import Resource, given, required
from sunco.wire import Operation

__all__ = ["Clients"]

_ALL = "/v2/apps/{app_id}/users/{user}/clients"

CREATE = Operation("CreateClient", "POST", _ALL, Client, "client")
LIST = Operation("ListClients", "GET", _ALL, list[Client], "clients")
REMOVE = Operation("RemoveClient", "DELETE", f"{_ALL}/{{client_id}}", NoneType)


class Clients(Resource):
    """The clients of users. `user` is a user's id or external id."""

    async def create(
        self,
        user: str,
        match_criteria: MatchCriteria,
        *,
        confirmation: Confirmation,
        conversation_id: str,
        brand_id: str | None = None,
    ) -> Client:
        """Link a user to a channel (`CreateClient`).

        The client is pending at first; the `client:add`, `client:update` and `client:remove` events
        report its status.

        Args:
            user: The user's id or external id.
            match_criteria: The channel, and how the user is found on it.
            confirmation: When the link becomes active, and the message to the user.
            conversation_id: The conversation that the client joins.
            brand_id: The brand, for a brand-separated user named by external id.

        Raises:
            NotFoundError: The user does not exist.
        """
        body = required(matchCriteria=match_criteria, confirmation=confirmation)
        body["target"] = required(conversationId=conversation_id)
        return await self._session.call(
            CREATE, params=given(brandId=brand_id), body=body, user=user
        )

    def list(
        self,
        user: str,
        *,
        brand_id: str | None = None,
        after: str | None = None,
        before: str | None = None,
        page_size: int | None = None,
    ) -> Paginator[Client]:
        """List a user's clients, linked and pending (`ListClients`).

        Args:
            user: The user's id or external id.
            brand_id: The brand, for a brand-separated user named by external id.
            after: List what follows this cursor.
            before: List what precedes this cursor, backwards.
            page_size: Items per request, 1 to 100; 25 by default.

        Raises:
            ConfigurationError: Both cursors were given.
            NotFoundError: The user does not exist; raised when the list is iterated.
        """
        return self._paginate(
            LIST,
            after=after,
            before=before,
            page_size=page_size,
            params=given(brandId=brand_id),
            user=user,
        )

    async def remove(self, user: str, client_id: str, *, brand_id: str | None = None) -> None:
        """Remove a client and unsubscribe it from its conversations (`RemoveClient`).

        Args:
            user: The user's id or external id.
            client_id: The client.
            brand_id: The brand, for a brand-separated user named by external id.

        Raises:
            BadRequestError: It is an SDK client, which cannot be removed.
            NotFoundError: The user or the client does not exist.
        """
        await self._session.call(
            REMOVE, params=given(brandId=brand_id), user=user, client_id=client_id
        )
