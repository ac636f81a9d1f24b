"""The emulator: what one holds in one's hand."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.routing import Route

from sunco.emulator.api import router
from sunco.emulator.api.operation import OperationTable
from sunco.emulator.delivery.dispatcher import Deliveries
from sunco.emulator.delivery.senders import sender_into
from sunco.emulator.end_users.facade import EndUsers, id_of
from sunco.emulator.errors import internal_error
from sunco.emulator.http.control import Control
from sunco.emulator.http.dispatcher import Dispatcher
from sunco.emulator.http.faults import Fault, Trouble
from sunco.emulator.http.media import Media
from sunco.emulator.persistence.journal import Journal
from sunco.emulator.persistence.recorder import History
from sunco.emulator.state import defaults
from sunco.emulator.state.account import Account, Key, Partner
from sunco.emulator.state.clock import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from starlette.types import ASGIApp

    from sunco.emulator.delivery.dispatcher import Delivery
    from sunco.emulator.delivery.senders import Send

_TABLE = OperationTable(router.ALL)


class Emulator(EndUsers):
    """A stateful Sunshine Conversations in one process; `app` is the ASGI app that serves it.

    What it holds lives in memory and begins anew with every emulator, unless it has a file to
    keep it in. It belongs to one event loop at a time.

    Webhooks are delivered in the background while `app` is served by a server that speaks ASGI
    lifespan, or inside `async with emulator.running()`; in any case by `await emulator.drain()`.

    Args:
        app_id: The id of the app that exists.
        key_id: The id of the app's API key.
        key_secret: The secret of the key.
        account_key_id: The id of the account's API key, which may create apps; its secret is
            `key_secret` too.
        message_limit: How many messages a conversation may hold before it is locked.
        app_limit: How many apps there may be.
        integrations: The integrations at the start, as the API writes them: each with its `type`,
            and an `id` if it is to be known beforehand. Without this argument there is one each
            for `whatsapp`, `twilio`, `messagebird` and `mailgun`, with the ids
            `000000005eed000000000001` to `000000005eed000000000004`, two for the switchboard,
            and one of type `web` that end users write by.
        switchboard: The integrations of the switchboard, the default first: each with its `name`,
            and as needed `next` (the name of another), `id`, `integrationId` and
            `integrationType`. Without this argument there are `bot` and, next to it, `agent`.
            Without any there is no switchboard.
        partners: Who can be granted access by OAuth: each with `client_id`, `client_secret` and
            `redirect_uris`.
        retry_scale: By what to multiply the gaps between the tries of a webhook's call, which
            are 15 seconds to 10 minutes otherwise.
        state: An SQLite file to keep the state in, so that it outlives the process. An app that is
            in it stays as it is, whatever `integrations` and `switchboard` say.
        clock: Returns the current time, aware; for tests that need to know it.

    Raises:
        JournalError: `state` cannot be used.
    """

    def __init__(
        self,
        *,
        app_id: str = "app_demo",
        key_id: str = "app_demo_key",
        key_secret: str = "demo_secret",  # noqa: S107 - opens nothing but an emulator
        account_key_id: str = "act_demo_key",
        message_limit: int = 30_000,
        app_limit: int = 100,
        integrations: Sequence[Mapping[str, Any]] = defaults.INTEGRATIONS,
        switchboard: Sequence[Mapping[str, Any]] = defaults.SWITCHBOARD,
        partners: Sequence[Mapping[str, Any]] = defaults.PARTNERS,
        retry_scale: float = 0.01,
        state: str | Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.app_id = app_id
        self.key_id = key_id
        self.key_secret = key_secret
        self.account_key_id = account_key_id
        self._journal = None if state is None else Journal(state)
        with ExitStack() as undo:
            if self._journal is not None:
                undo.callback(self._journal.close)
            account = self._journal.restore() if self._journal else None
            account = account or Account(Clock(clock), message_limit, app_limit)
            account.clock.follow(clock)
            account.message_limit, account.app_limit = message_limit, app_limit
            self._trouble = Trouble()
            self._deliveries = Deliveries(account, retry_scale=retry_scale)
            history = History(
                account,
                _TABLE,
                app_id=app_id,
                journal=self._journal,
                changed=self._deliveries.wake,
            )
            history.repeat()
            undo.pop_all()
        super().__init__(history)
        if app_id not in account.apps:
            name = {"displayName": "Demo"}
            account.create_app(
                name, app_id=app_id, integrations=integrations, switchboard=switchboard
            )
        account.keys[account_key_id] = Key(account_key_id, key_secret, "Account")
        key = Key(key_id, key_secret, "Demo", app_id)
        account.keys[key_id] = key if key.scope == "app" else Key(key_id, key_secret, "Demo")
        for one in partners:
            uris = tuple(one["redirect_uris"])
            partner = Partner(one["client_id"], one["client_secret"], uris)
            account.partners[partner.client_id] = partner
        self._history.keep()
        dispatcher = Dispatcher(
            _TABLE, account=account, trouble=self._trouble, run=self._history.run
        )
        self.app: Starlette = Starlette(
            routes=[
                Route("/_emulator/{name}", Control(self, self._history.act)),
                Route("/attachments/v2/{id}/{name}", Media(account)),
                Route("/{path:path}", dispatcher),
            ],
            exception_handlers={Exception: internal_error},
            lifespan=self._lifespan,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(app_id={self.app_id!r}, key_id={self.key_id!r})"

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncGenerator[None, None]:
        async with self.running():
            yield

    def close(self) -> None:
        """Write the state down and close its file, if there is one."""
        if self._journal is not None:
            self._history.keep()
            self._journal.close()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Deliver webhooks in the background, until the block is left."""
        return self._deliveries.running()

    async def drain(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - the caller's to set
        """Deliver webhooks until there is nothing left to deliver, retries included.

        Args:
            timeout: After how many seconds to give up.

        Raises:
            TimeoutError: It takes longer.
        """
        await self._deliveries.drain(timeout)

    def deliver_to(self, app: ASGIApp, *, prefix: str = "") -> None:
        """Call an ASGI app in this process in place of webhooks' targets.

        Args:
            app: The app, which is called with the path of the target.
            prefix: How the targets begin that it stands for; all without it.
        """
        self._deliveries.send_by(sender_into(app), prefix)

    def deliver_with(self, send: Send, *, prefix: str = "") -> None:
        """Call a coroutine function in place of webhooks' targets.

        Args:
            send: Takes the URL, the headers and the body, and returns a status.
            prefix: How the targets begin that it stands for; all without it.
        """
        self._deliveries.send_by(send, prefix)

    @property
    def deliveries(self) -> list[Delivery]:
        """The last thousand calls to webhooks, the oldest first."""
        return list(self._deliveries.log)

    @property
    def delivered(self) -> list[dict[str, Any]]:
        """The events that targets have taken, the oldest first."""
        return [
            event
            for delivery in self._deliveries.log
            if delivery.succeeded
            for event in delivery.body["events"]
        ]

    def conversation(self, user: object) -> dict[str, Any]:
        """The default conversation of a user, in which its channels are.

        Args:
            user: The user, or its id or external id.

        Raises:
            ValueError: There is no such user, or it has not begun a conversation.
        """
        found = self._perform("conversation", {"user": id_of(user)})["conversation"]
        return dict(found)

    def messages(self, conversation: object) -> list[dict[str, Any]]:
        """The messages of a conversation, the oldest first.

        Args:
            conversation: The conversation, or its id.

        Raises:
            ValueError: There is no such conversation.
        """
        identifier = id_of(conversation)
        for app in self._history.account.apps.values():
            found = app.conversations.get(identifier)
            if found is not None:
                return [dict(message) for message in found.messages]
        raise ValueError("Conversation not found")

    def texts(self, conversation: object) -> list[str]:
        """What was said in a conversation, the oldest first, each as plain text.

        Args:
            conversation: The conversation, or its id.

        Raises:
            ValueError: There is no such conversation.
        """
        return [message["content"].get("text", "") for message in self.messages(conversation)]

    def fail(
        self,
        *,
        next: int | None = 1,  # noqa: A002 - reads as it should: fail(next=3, status=503)
        method: str | None = None,
        path: str = "*",
        status: int | None = None,
        retry_after: float | str | None = None,
        html: bool = False,
        reset: bool = False,
        latency: float = 0.0,
        applied: bool = False,
    ) -> None:
        """Let requests go wrong. Of several faults that fit a request, the oldest happens.

        Args:
            next: How many requests; all from now on for None.
            method: The method they have; any without one.
            path: Their path, in which `*` stands for anything: `*/messages`.
            status: The status to answer.
            retry_after: The `Retry-After` header to answer, in seconds or as a date.
            html: Whether to answer in HTML, as a gateway would.
            reset: Whether to break the connection.
            latency: How many seconds to wait first; with nothing else, the request then succeeds.
            applied: Whether the request takes effect before it fails.
        """
        after = None if retry_after is None else f"{retry_after}"
        self._trouble.add(Fault(next, method, path, status, after, html, reset, latency, applied))

    def recover(self) -> None:
        """Let nothing go wrong any more."""
        self._trouble.clear()
