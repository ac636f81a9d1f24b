"""A Sunshine Conversations of one's own, for tests and local work.

It is an independent reading of the API's specification in plain JSON, and uses nothing of the
client, so that a mistake in one cannot hide behind the same mistake in the other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

try:
    from starlette.applications import Starlette
    from starlette.routing import Route
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "The emulator needs Starlette: install it with pip install 'sunco[emulator]'",
        name=error.name,
    ) from error

from sunco.emulator import routes, seeds
from sunco.emulator.answers import internal_error
from sunco.emulator.dispatch import Dispatcher
from sunco.emulator.state import App, Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Emulator"]


class Emulator:
    """A stateful Sunshine Conversations in one process; `app` is the ASGI app that serves it.

    Everything it holds lives in memory, and begins anew with every emulator.

    Args:
        app_id: The id of the app that exists.
        key_id: The id of the app's API key.
        key_secret: The secret of the key.
        message_limit: How many messages a conversation may hold before it is locked.
        integrations: The integrations at the start, as the API writes them: each with its `type`,
            and an `id` if it is to be known beforehand. Without this argument there is one each
            for `whatsapp`, `twilio`, `messagebird` and `mailgun`, with the ids
            `000000005eed000000000001` to `000000005eed000000000004`, and two for the switchboard.
        switchboard: The integrations of the switchboard, the default first: each with its `name`,
            and as needed `next` (the name of another), `id`, `integrationId` and
            `integrationType`. Without this argument there are `bot` and, next to it, `agent`.
            Without any there is no switchboard.
        clock: Returns the current time, aware; for tests that need to know it.
    """

    def __init__(
        self,
        *,
        app_id: str = "app_demo",
        key_id: str = "app_demo_key",
        key_secret: str = "demo_secret",  # noqa: S107 - opens nothing but an emulator
        message_limit: int = 30_000,
        integrations: Sequence[Mapping[str, Any]] = seeds.INTEGRATIONS,
        switchboard: Sequence[Mapping[str, Any]] = seeds.SWITCHBOARD,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.app_id = app_id
        self.key_id = key_id
        self.key_secret = key_secret
        app = App(
            app_id,
            Clock(clock),
            message_limit=message_limit,
            integrations=integrations,
            switchboard=switchboard,
        )
        dispatcher = Dispatcher(routes.ALL, apps={app_id: app}, secrets={key_id: key_secret})
        self.app = Starlette(
            routes=[Route("/{path:path}", dispatcher)],
            exception_handlers={Exception: internal_error},
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(app_id={self.app_id!r}, key_id={self.key_id!r})"
