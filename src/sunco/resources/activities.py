"""Typing indicators and read receipts."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from types import NoneType
from typing import Any, Final

import anyio

from sunco._literals import check_value, known_values
from sunco._numbers import is_number
from sunco.errors import ConfigurationError, SuncoError
from sunco.models.messages import ActivityType, Author
from sunco.resources._resource import Resource, required
from sunco.wire import Operation

__all__ = ["Activities"]

POST = Operation(
    "PostActivity",
    "POST",
    "/v2/apps/{app_id}/conversations/{conversation_id}/activity",
    NoneType,
)

_TYPES: Final = known_values(ActivityType)
_BUSINESS = Author("business")

_STOP_WITHIN = 2.0


class Activities(Resource):
    """Typing indicators and read receipts."""

    async def post(
        self,
        conversation_id: str,
        type: ActivityType,  # noqa: A002 - the API's name for it
        *,
        author: Author | None = None,
    ) -> None:
        """Post a typing indicator or a read receipt (`PostActivity`).

        Args:
            conversation_id: The conversation.
            type: `"conversation:read"`, `"typing:start"` or `"typing:stop"`; for users,
                `"conversation:read"` only.
            author: The author; the business by default.

        Raises:
            ConfigurationError: The type is misspelt.
            NotFoundError: The conversation does not exist.
        """
        body = _body(author, type)
        check_value("type", type, _TYPES)
        await self._session.call(POST, body=body, conversation_id=conversation_id)

    @asynccontextmanager
    async def typing(
        self, conversation_id: str, *, author: Author | None = None, every: float = 5.0
    ) -> AsyncGenerator[None]:
        """Show that the business is typing while the block runs.

        ```python
        async with sunco.activities.typing(conversation_id):
            reply = await think()
        ```

        It is best effort: errors of the API are ignored.

        Args:
            conversation_id: The conversation.
            author: The author; the business by default.
            every: Seconds between repetitions, because channels show it for a short time only.

        Raises:
            ConfigurationError: An argument is of a wrong type. Nothing was sent.
        """
        if not is_number(every) or not every >= 0:
            raise ConfigurationError(f"every must be 0 seconds or more, not {every!r}.")
        body = _body(author, "typing:start")
        # Errors of the arguments are not ignored.
        self._session.request(POST, body=body, conversation_id=conversation_id)

        async def send(type: ActivityType) -> None:  # noqa: A002 - as above
            with suppress(SuncoError):
                await self.post(conversation_id, type, author=author)

        async def repeat() -> None:
            while True:
                await send("typing:start")
                await anyio.sleep(every)

        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(repeat)
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised below, without the group
                    failure = error
                tasks.cancel_scope.cancel()
        finally:
            with anyio.move_on_after(_STOP_WITHIN, shield=True):
                await send("typing:stop")
        if failure is not None:
            raise failure


def _body(author: Author | None, type: ActivityType) -> dict[str, Any]:  # noqa: A002 - as above
    return required(author=_BUSINESS if author is None else author, type=type)
