"""What people do in a conversation besides writing."""

from __future__ import annotations

from types import NoneType

from sunco.models.messages import ActivityType, Author
from sunco.resources._resource import Resource
from sunco.wire import Operation

__all__ = ["Activities"]

POST = Operation(
    "PostActivity",
    "POST",
    "/v2/apps/{app_id}/conversations/{conversation_id}/activity",
    NoneType,
)

_BUSINESS = Author("business")


class Activities(Resource):
    """Signs of life: typing and reading."""

    async def post(
        self,
        conversation_id: str,
        type: ActivityType,  # noqa: A002 - the API's name for it
        *,
        author: Author | None = None,
    ) -> None:
        """Tell that someone types or has read the conversation (`PostActivity`).

        Args:
            conversation_id: The conversation.
            type: `"conversation:read"`, `"typing:start"` or `"typing:stop"`; for users,
                `"conversation:read"` only.
            author: Who does it; the business by default.
        """
        body = {"author": author or _BUSINESS, "type": type}
        await self._session.call(POST, body=body, conversation_id=conversation_id)
