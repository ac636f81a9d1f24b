"""The emulator, composed of its parts."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal

from starlette.applications import Starlette
from starlette.routing import Route

from sunco.emulator.api import router
from sunco.emulator.api.operation import OperationCall, OperationTable
from sunco.emulator.controls import Controls
from sunco.emulator.delivery.dispatcher import WebhookDispatcher
from sunco.emulator.delivery.senders import sender_to
from sunco.emulator.end_users.agents import actions
from sunco.emulator.end_users.facade import EndUsers, errors_as_values, id_of
from sunco.emulator.end_users.registry import ActionCall
from sunco.emulator.http.console import Console
from sunco.emulator.http.control import ControlApi
from sunco.emulator.http.control.feed import ChangeFeed
from sunco.emulator.http.control.table import find_control
from sunco.emulator.http.dispatcher import Dispatcher
from sunco.emulator.http.faults import TOO_MANY_REQUESTS, Fault, FaultInjector
from sunco.emulator.http.media import Media
from sunco.emulator.http.request_journal import RequestJournal
from sunco.emulator.http.responses import index, internal_error
from sunco.emulator.persistence.journal import Journal
from sunco.emulator.persistence.recorder import Recorder
from sunco.emulator.state import defaults
from sunco.emulator.state.account import Account
from sunco.emulator.state.app import Limits
from sunco.emulator.state.attachments import PATH as ATTACHMENTS
from sunco.emulator.state.clock import Clock
from sunco.emulator.state.credentials import Key, Partner
from sunco.emulator.state.rendering import omit_none

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from starlette.types import ASGIApp

    from sunco.emulator.delivery.dispatcher import Delivery
    from sunco.emulator.delivery.senders import Send
    from sunco.emulator.http.control.table import Control
    from sunco.emulator.http.request_journal import RequestEntry

_TABLE = OperationTable(router.ALL)
# The base URL in files that are sent without HTTP.
ORIGIN = "http://localhost"


class Emulator(EndUsers):
    """A stateful Sunshine Conversations in one process; `app` is the ASGI app that serves it.

    Its state is in memory unless it has a file. It belongs to one event loop at a time.

    Webhooks are delivered in the background while `app` is served by a server that supports ASGI
    lifespan, or within `async with emulator.running()`; and by `await emulator.drain()`.

    Args:
        app_id: The id of the app.
        key_id: The id of the app's API key.
        key_secret: The secret of the key.
        account_key_id: The id of the account's API key, which may create apps; it has the same
            secret.
        message_limit: The number of messages after which a conversation is locked.
        app_limit: The number of apps.
        seed: What there is at the start. `demo` and `zendesk` have one integration each of
            `whatsapp`, `twilio`, `messagebird` and `mailgun` with the ids
            `000000005eed000000000001` to `000000005eed000000000004`, one of type `web` that end
            users write through, and two on the switchboard: in `demo` a custom integration named
            `bot` and, next to it, `agent`; in `zendesk` those of an account of Zendesk,
            `zd-answerBot` and `zd-agentWorkspace`. `empty` has nothing.
        integrations: The integrations of the app instead of those of the seed, in the form of the
            API: each with its `type`, and optionally an `id`.
        switchboard: The integrations of the switchboard instead of those of the seed, the default
            first: each with its `name`, and optionally `next` (the name of another), `id`,
            `integrationId` and `integrationType`. Empty for no switchboard.
        partners: The partners that access can be granted to by OAuth, instead of those of the
            seed: each with `client_id`, `client_secret` and `redirect_uris`.
        retry_scale: The factor for the delays between attempts of webhook deliveries, which are
            15 seconds to 10 minutes on the platform.
        state: A SQLite file that keeps the state. `integrations` and `switchboard` do not apply to
            an app that is in it.
        hosts: Further host names by which the console and the control API can be reached. IP
            addresses and `localhost` always can.
        clock: Returns the current time, aware.

    Raises:
        ValueError: There is no such seed.
        JournalError: The file cannot be used.
    """

    def __init__(
        self,
        *,
        app_id: str = "app_demo",
        key_id: str = "app_demo_key",
        key_secret: str = "demo_secret",  # noqa: S107 - gives access to an emulator only
        account_key_id: str = "act_demo_key",
        message_limit: int = 30_000,
        app_limit: int = 100,
        seed: Literal["demo", "zendesk", "empty"] = "demo",
        integrations: Sequence[Mapping[str, Any]] | None = None,
        switchboard: Sequence[Mapping[str, Any]] | None = None,
        partners: Sequence[Mapping[str, Any]] | None = None,
        retry_scale: float = 0.01,
        state: str | Path | None = None,
        hosts: Sequence[str] = (),
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(self._run_action)
        self.app_id = app_id
        self.key_id = key_id
        self.key_secret = key_secret
        self.account_key_id = account_key_id
        start = defaults.SEEDS.get(seed)
        if start is None:
            raise ValueError(f"seed must be one of {', '.join(defaults.SEEDS)}, not {seed!r}")
        limits = Limits(message_limit, app_limit)
        self._journal = None if state is None else Journal(state)
        with ExitStack() as undo:
            restored = None
            if self._journal is not None:
                undo.callback(self._journal.close)
                restored = self._journal.restore(clock, limits)
            self._account = account = restored or Account(Clock(clock), limits)
            self._faults = FaultInjector(self._now)
            self._feed = ChangeFeed()
            self._webhooks = WebhookDispatcher(
                account, retry_scale=retry_scale, delivered=self._report_delivery
            )
            self._recorder = Recorder(account, self._journal, changed=self._report_change)
            self._recorder.replay(self._replay)
            undo.pop_all()

        def fill() -> None:
            if app_id not in account.apps:
                name = {"displayName": "Demo"}
                account.create_app(
                    name,
                    app_id=app_id,
                    integrations=start.integrations if integrations is None else integrations,
                    switchboard=start.switchboard if switchboard is None else switchboard,
                )
            keys = account.credentials.keys
            keys[account_key_id] = Key(account_key_id, key_secret, "Account")
            key = Key(key_id, key_secret, "Demo", app_id)
            keys[key_id] = key if key.scope == "app" else Key(key_id, key_secret, "Demo")
            for one in start.partners if partners is None else partners:
                uris = tuple(one["redirect_uris"])
                partner = Partner(one["client_id"], one["client_secret"], uris)
                account.credentials.partners[partner.client_id] = partner
            self._recorder.checkpoint()

        fill()
        self._requests = RequestJournal(self._report_request)
        dispatcher = Dispatcher(
            _TABLE,
            account=account,
            faults=self._faults,
            execute=self._recorder.execute,
            journal=self._requests,
        )
        self._controls = Controls(
            account,
            app_id,
            webhooks=self._webhooks,
            faults=self._faults,
            journal=self._requests,
            fill=fill,
            changed=self._report_replacement,
        )
        control = ControlApi(self._control, self._feed, hosts=hosts)
        console = Console(control)
        self.app: Starlette = Starlette(
            routes=[
                Route("/", index),
                Route("/_emulator/console", console),
                Route("/_emulator/console/{file:path}", console),
                Route("/_emulator/{name:path}", control),
                Route(f"{ATTACHMENTS}{{id}}/{{name}}", Media(account)),
                Route("/{path:path}", dispatcher),
            ],
            exception_handlers={Exception: internal_error},
            lifespan=self._lifespan,
        )

    def _control(self, control: Control, arguments: Mapping[str, Any], origin: str = ORIGIN) -> Any:
        if control.name in actions.all and control.method == "POST":
            return self._run_action(control.name, dict(arguments), origin)
        if control.name in ("fail", "limit_rate"):
            return getattr(self, control.name)(**arguments)
        method = f"{control.method.lower()}_{control.name.replace('.', '_')}"
        return getattr(self._controls, method)(**arguments)

    def _now(self) -> datetime:
        # The clock is another one after a state was imported.
        return self._account.clock.now()

    def _report_change(self) -> None:
        self._webhooks.wake()
        self._feed.emit("state")

    def _report_replacement(self) -> None:
        self._recorder.checkpoint()
        self._report_change()

    def _report_delivery(self, delivery: Delivery) -> None:
        self._feed.emit("delivery", id=delivery.id, status=delivery.status)

    def _report_request(self, entry: RequestEntry) -> None:
        self._feed.emit("request", id=entry.id, operation=entry.operation, status=entry.status)

    def _run_action(
        self, name: str, arguments: dict[str, Any], origin: str = ORIGIN
    ) -> dict[str, Any]:
        action = actions.all[name]
        call = ActionCall.prepare(action, self._account, self.app_id, arguments, origin)
        return self._recorder.execute(call)

    def _replay(self, entry: dict[str, Any], file: bytes) -> None:
        if "action" in entry:
            action = actions.all[entry["action"]]
            arguments, origin = entry["arguments"], entry.get("origin", ORIGIN)
            ActionCall(action, self._account, self.app_id, arguments, origin).run()
        else:
            OperationCall.from_entry(_TABLE, self._account, entry, file).run()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(app_id={self.app_id!r}, key_id={self.key_id!r})"

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncGenerator[None, None]:
        async with self.running():
            yield

    def close(self) -> None:
        """Store the state and close the file, if there is one."""
        if self._journal is not None:
            self._recorder.checkpoint()
            self._journal.close()

    def running(self) -> AbstractAsyncContextManager[None]:
        """Deliver webhooks in the background within the block."""
        return self._webhooks.running()

    async def drain(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - the caller sets it
        """Deliver webhooks until nothing is waiting or in flight, retries included.

        Args:
            timeout: The limit in seconds.

        Raises:
            TimeoutError: It takes longer.
            Exception: An error of an app, see `deliver_to`.
        """
        await self._webhooks.drain(timeout)

    def deliver_to(self, app: ASGIApp, *, prefix: str = "", raise_errors: bool = False) -> None:
        """Deliver webhooks to an ASGI app in this process.

        Args:
            app: The app. It is called with the path of the target.
            prefix: The start of the targets that it replaces; empty for all.
            raise_errors: Whether `drain` raises the first error of the app, so that it fails the
                test: an exception of the app, one of a handler of a `WebhookRouter` without an
                inbox, or a `DeliveryError` for an error response. Failed deliveries are not
                retried then.
        """
        errors = self._webhooks.errors if raise_errors else None
        self._webhooks.send_by(sender_to(app, errors), prefix)

    def deliver_with(self, send: Send, *, prefix: str = "") -> None:
        """Deliver webhooks to a coroutine function.

        Args:
            send: Receives the URL, the headers and the body, and returns a status.
            prefix: The start of the targets that it replaces; empty for all.
        """
        self._webhooks.send_by(send, prefix)

    def control(self, name: str, /, **arguments: Any) -> Any:
        """Perform a control of the control API, by the name and the arguments that it has there.

        `GET /_emulator/` lists them. Where a name only looks in HTTP, it does so here without
        arguments that change something: `control("clock")` returns the time, and
        `control("clock", advance=60)` advances it.

        Args:
            name: The name, as `"agent.say"`.
            arguments: The arguments.

        Returns:
            The JSON values of the response, or a coroutine for `drain` and `deliveries.redeliver`.

        Raises:
            ValueError: The name is unknown, or an argument is.
            LookupError: Something that an argument names does not exist.
        """
        found = find_control(name, arguments)
        _check(found, arguments)
        with errors_as_values():
            return self._control(found, arguments)

    def requests(
        self,
        *,
        operation: str | None = None,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        unmatched: bool = False,
        limit: int | None = None,
    ) -> list[RequestEntry]:
        """The last thousand requests to the API that match, the oldest first. Secrets are masked.

        Args:
            operation: The operation, as `"PostMessage"`.
            method: The HTTP method.
            path: The path, as it was sent.
            status: The status of the response.
            unmatched: Whether only those with a path that no operation has.
            limit: The maximum number, the latest ones.
        """
        return self._requests.find(
            operation=operation,
            method=method,
            path=path,
            status=status,
            unmatched=unmatched,
            limit=limit,
        )

    @property
    def deliveries(self) -> list[Delivery]:
        """The last thousand attempts to call webhooks, the oldest first."""
        return list(self._webhooks.log)

    @property
    def delivered(self) -> list[dict[str, Any]]:
        """The events that were delivered, the oldest first."""
        return [
            event
            for delivery in self._webhooks.log
            if delivery.succeeded
            for event in delivery.body["events"]
        ]

    @property
    def activities(self) -> list[dict[str, Any]]:
        """The last thousand typing indicators and read receipts of each app, in order.

        Each has `conversationId`, `type`, `author` and `createdAt`, as in API requests.
        """
        found = [one for app in self._account.apps.values() for one in app.activities]
        return sorted(found, key=itemgetter("createdAt"))

    def conversation(self, user: object) -> dict[str, Any]:
        """The default conversation of a user, which its channels write to.

        Args:
            user: The user, or its id or external id.

        Raises:
            ValueError: There is no such user, or it has no default conversation.
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
        try:
            found = self._controls.get_messages(id_of(conversation))["messages"]
        except LookupError as error:
            raise ValueError(str(error.args[0])) from None
        return [dict(message) for message in found]

    def texts(self, conversation: object) -> list[str]:
        """The texts of the messages of a conversation, the oldest first.

        Args:
            conversation: The conversation, or its id.

        Raises:
            ValueError: There is no such conversation.
        """
        return [message["content"].get("text", "") for message in self.messages(conversation)]

    def fail(
        self,
        *,
        next: int | None = 1,  # noqa: A002 - fail(next=3, status=503)
        method: str | None = None,
        path: str = "*",
        status: int | None = None,
        retry_after: float | str | None = None,
        html: bool = False,
        garbage: bool = False,
        reset: bool = False,
        latency: float | Mapping[str, Any] = 0.0,
        applied: bool = False,
    ) -> None:
        """Inject a fault. Of several faults that match a request, the oldest is used.

        Args:
            next: The number of requests, None for all.
            method: The method of the requests, None for any.
            path: The path of the requests; `*` matches anything, as in `*/messages`.
            status: The status of the response.
            retry_after: The `Retry-After` header of the response, in seconds or as a date.
            html: Whether the response is HTML, as from a gateway.
            garbage: Whether the body of the response is no JSON; without a status, it is 200.
            reset: Whether the connection is broken.
            latency: A delay in seconds; without status and reset, the request succeeds after it.
                Or its distribution: `{"type": "uniform", "minimum": 0.1, "maximum": 0.5}`,
                `{"type": "normal", "mean": 0.2, "deviation": 0.05}` or
                `{"type": "exponential", "mean": 0.2}`; the delays are the same in each run.
            applied: Whether the request takes effect before the fault.

        Raises:
            ValueError: An argument is invalid, or nothing is to happen.
        """
        given = omit_none(
            method=method,
            path=path,
            status=status,
            retry_after=retry_after,
            latency=latency or None,
            reset=reset or None,
            garbage=garbage or None,
        )
        _check(find_control("fail", given | {"next": next}), given | {"next": next})
        after = None if retry_after is None else f"{retry_after}"
        self._faults.add(
            Fault(next, method, path, status, after, html, garbage, reset, latency, applied)
        )

    def limit_rate(self, rate: int, *, method: str | None = None, path: str = "*") -> None:
        """Respond 429 with `Retry-After` to more than a number of requests within a second.

        Args:
            rate: The number of requests per second.
            method: The method of the requests, None for any.
            path: The path of the requests; `*` matches anything.

        Raises:
            ValueError: An argument is invalid.
        """
        given = {"rate": rate, "path": path, **omit_none(method=method)}
        _check(find_control("limit_rate", given), given)
        fault = Fault(None, method, path, TOO_MANY_REQUESTS, rate=rate)
        self._faults.add(fault)

    def recover(self) -> None:
        """Remove all faults."""
        self._faults.clear()


def _check(control: Control, arguments: Mapping[str, Any]) -> None:
    problems = list(control.schema.problems(arguments, ""))
    if problems:
        raise ValueError("; ".join(problems))
