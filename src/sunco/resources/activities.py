"""What people do in a conversation besides writing."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from types import NoneType

import anyio

from sunco.errors import SuncoError
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

_STOP_WITHIN = 2.0


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

    @asynccontextmanager
    async def typing(
        self, conversation_id: str, *, author: Author | None = None, every: float = 5.0
    ) -> AsyncGenerator[None]:
        """Let it be seen that the business types, for as long as the block lasts.

        ```python
        async with sunco.activities.typing(conversation_id):
            answer = await think()
        ```

        It is a decoration: where it cannot be shown, the block goes on all the same.

        Args:
            conversation_id: The conversation.
            author: Who types; the business by default.
            every: Seconds after which it is told again, as clients show it for a while only.
        """

        async def tell(type: ActivityType) -> None:  # noqa: A002 - as above
            with suppress(SuncoError):
                await self.post(conversation_id, type, author=author)

        async def go_on() -> None:
            while True:
                await tell("typing:start")
                await anyio.sleep(every)

        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(go_on)
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised below, without the group
                    failure = error
                tasks.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(_STOP_WITHIN, shield=True):
                await tell("typing:stop")
        if failure is not None:
            raise failure
