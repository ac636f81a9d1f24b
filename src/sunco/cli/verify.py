"""`sunco verify`: check what this package knows about the API against an account."""

from __future__ import annotations

import os
import platform
import statistics
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import cache, partial
from secrets import token_hex
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin, get_type_hints
from urllib.parse import quote

import anyio
import attrs

from sunco import (
    APIStatusError,
    ConfigurationError,
    DecodeError,
    Sunco,
    __version__,
    codec,
)
from sunco._json import is_array, is_object
from sunco.bulk import run
from sunco.cli.exit_codes import ExitCode
from sunco.cli.output import mark, write
from sunco.models import (
    App,
    Conversation,
    Integration,
    Message,
    Model,
    Participant,
    ParticipantUser,
    User,
    Webhook,
)
from sunco.observe import Observation, ResponseReceived, RetryScheduled

__all__ = ["VerifyCommand"]

_PAGE: Final = 100
_MESSAGES: Final = 103
_IN_FLIGHT: Final = 4
_RATE: Final = 10.0
_CLEANUP_SECONDS: Final = 60.0
_CONTENT: Final = b"sunco verify"
# Never fires by itself, at an address that is nobody's: nothing is delivered.
_WEBHOOK: Final = {"target": "https://example.com/sunco", "triggers": ["conversation:referral"]}
# The specification has it in its examples and not in its schemas.
_ONLY_IN_EXAMPLES: Final = frozenset({"User.hasPaymentInfo"})
_FORBIDDEN: Final = (401, 403)
_MAX_VALUE: Final = 60

Status: TypeAlias = Literal["as known", "DIFFERS", "not checked"]


class DifferenceError(Exception):
    """The API behaves differently from what this package knows."""


class SkippedError(Exception):
    """A check that this account or key does not allow."""


def expect(condition: object, found: str) -> None:
    """Raise a difference unless a condition holds.

    Args:
        condition: What this package knows.
        found: What to report otherwise. It must hold no personal data.

    Raises:
        DifferenceError: The condition does not hold.
    """
    if not condition:
        raise DifferenceError(found)


@attrs.frozen(kw_only=True)
class VerifyCommand:
    """The arguments of `sunco verify`; see its help."""

    write: bool
    rate: float | None = None

    async def run(self) -> int:
        """Check the account, print a report without personal data, and return the exit code."""
        seen = _Seen()
        rate = _RATE if self.rate is None else self.rate
        async with Sunco.from_env(rate_limit=rate, observers=[seen.observe]) as sunco:
            if sunco.app_id is None:
                raise ConfigurationError("verify needs SUNCO_APP_ID.")
            account = _Account(sunco, f"/v2/apps/{quote(sunco.app_id, safe='')}", seen)
            results = [await _checked(name, check) for name, check in account.reading_checks()]
            if self.write:
                try:
                    for name, check in account.writing_checks():
                        results.append(await _checked(name, check))
                finally:
                    with anyio.move_on_after(_CLEANUP_SECONDS, shield=True):
                        results.append(await _checked("what was created is removed", account.clean))
        _print(results, seen, wrote=self.write)
        differs = any(status == "DIFFERS" for _, status, _ in results)
        return ExitCode.INCOMPLETE if differs else ExitCode.DONE


Result: TypeAlias = tuple[str, Status, str]
Check: TypeAlias = Callable[[], Awaitable[str | None]]


async def _checked(name: str, check: Check) -> Result:
    try:
        return name, "as known", await check() or ""
    except DifferenceError as difference:
        return name, "DIFFERS", str(difference)
    except SkippedError as reason:
        return name, "not checked", str(reason)
    except APIStatusError as error:
        # Its message names ids and quotes the server.
        return name, "DIFFERS", f"responded {error.status} {error.code or ''}".strip()
    except DecodeError as error:
        return name, "DIFFERS", f"cannot be read at {error.location or 'the top'}"


class _Seen:
    """What was seen besides: unknown fields and kinds, limits, durations."""

    def __init__(self) -> None:
        self.unknown: set[str] = set()
        self.durations: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.headers: set[str] = set()
        self.retries = 0

    def observe(self, observation: Observation) -> None:
        if isinstance(observation, ResponseReceived):
            self.durations.append(observation.duration)
            self.statuses[observation.status] += 1
        elif isinstance(observation, RetryScheduled):
            self.retries += 1

    def read(self, kind: Any, value: Any) -> None:
        """Read a value as a model, and note what the model does not know."""
        self.note(codec.structure(value, kind))

    def note(self, value: object) -> None:
        """Note what a model does not know."""
        self.unknown |= {*_unknown_in(value)} - _ONLY_IN_EXAMPLES


def _unknown_in(value: Any) -> Iterator[str]:
    """The names of unknown fields and kinds, and unknown values of enums.

    Other values can be personal and are left out.
    """
    if isinstance(value, Model):
        name = type(value).__name__
        if name.startswith("Unknown"):
            yield f"{name} of type {getattr(value, 'type', None)!a}"
            return
        yield from (f"{name}.{field}" for field in value.extra)
        kind: Any = type(value)
        for field, known in _enums_of(kind).items():
            found: Any = getattr(value, field)
            values: list[Any] = [*found] if isinstance(found, (list, tuple)) else [found]
            for item in values:
                if isinstance(item, str) and item not in known:
                    yield f"{name}.{field} = {item[:_MAX_VALUE]!a}"
        fields = attrs.fields(type(value))
        for field in fields:
            if field.name != "extra":
                yield from _unknown_in(getattr(value, field.name))
    elif isinstance(value, (list, tuple)):
        items: list[Any] = [*value]
        for item in items:
            yield from _unknown_in(item)


@cache
def _enums_of(kind: Any) -> dict[str, frozenset[str]]:
    """The known values of the open enums among a model's fields."""
    hints = get_type_hints(kind)
    known = {field.name: frozenset(_literals(hints[field.name])) for field in attrs.fields(kind)}
    return {name: values for name, values in known.items() if values}


def _literals(hint: Any) -> Iterator[str]:
    for argument in get_args(hint):
        if get_origin(hint) is Literal:
            yield argument
        else:
            yield from _literals(argument)


class _Account:
    """The checks, in an order in which each can use what the ones before have made."""

    def __init__(self, sunco: Sunco, app: str, seen: _Seen) -> None:
        self._sunco = sunco
        self._app = app
        self._seen = seen
        self._external_id = f"sunco-verify-{token_hex(8)}"
        self._user: str | None = None
        self._conversations: list[str] = []
        self._attachment: str | None = None
        self._integration: str | None = None
        self._webhook: str | None = None

    def reading_checks(self) -> Iterator[tuple[str, Check]]:
        yield "the app is wrapped in {'app': ...}", self._app_is_wrapped
        yield "errors have a code and a title", self._errors_have_a_code
        yield "integrations are paginated with meta.hasMore", self._integrations_are_paginated
        yield "both spellings of brackets in queries (integrations)", self._integration_brackets
        yield "an OAuth token names its app", self._token_info

    def writing_checks(self) -> Iterator[tuple[str, Check]]:
        yield "a user is found by id and by external id", self._create_user
        yield "conversations are created for a user", self._create_conversations
        yield "conversations are filtered by user id and external id", self._filter_conversations
        yield "both spellings of brackets in queries (conversations)", self._conversation_brackets
        yield "participants are paginated", self._list_participants
        yield "posting responds with a list of messages", self._post_message
        yield "post_once sends once", self._post_once
        yield "messages are paginated backwards, 100 at a time", self._page_backwards
        yield "a page of messages is oldest first", self._page_order
        yield "null in a PATCH clears, a missing key keeps", self._patch_null
        yield "a text of 4,097 characters is rejected", self._long_text
        yield "metadata of more than 4 kB is rejected", self._long_metadata
        yield "a body of more than 100 kB is rejected", self._long_body
        yield "deleting a message responds with {}", self._delete_message
        yield "an upload is downloaded as it was", self._upload
        yield "an upload is posted as a file", self._post_upload
        yield "a custom integration is created with its webhook", self._create_integration
        yield "a webhook is updated and listed", self._update_webhook
        yield "deleting a webhook responds with {}", self._delete_webhook
        yield "an OAuth code that does not exist is rejected", self._reject_code

    async def _get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return await self._send("GET", path, params=params)

    async def _send(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, json: Any = None
    ) -> dict[str, Any]:
        response = await self._sunco.request(method, self._app + path, params=params, json=json)
        for name in response.headers:
            if "ratelimit" in name.lower().replace("-", "") or name.lower() == "retry-after":
                self._seen.headers.add(name.lower())
        document: Any = response.json()
        if not is_object(document):
            raise DifferenceError("the response is not a JSON object")
        return document

    def _listed(self, document: dict[str, Any], name: str, kind: Any) -> list[Any]:
        items = document.get(name)
        if not is_array(items):
            raise DifferenceError(f"the response has no list {name!r}")
        for item in items:
            self._seen.read(kind, item)
        return items

    def _wrapped(self, document: dict[str, Any], name: str, kind: Any) -> dict[str, Any]:
        value = document.get(name)
        if not is_object(value):
            raise DifferenceError(f"the response has no object {name!r}")
        self._seen.read(kind, value)
        return value

    async def _rejected(self, check: Awaitable[Any], *statuses: int) -> str:
        try:
            await check
        except APIStatusError as error:
            expect(error.status in statuses, f"responded {error.status}")
            return f"{error.status} {error.code or ''}".strip()
        raise DifferenceError("it was accepted")

    async def _app_is_wrapped(self) -> None:
        self._wrapped(await self._get(""), "app", App)

    async def _errors_have_a_code(self) -> str:
        try:
            await self._get(f"/conversations/{'0' * 24}")
        except APIStatusError as error:
            expect(error.status == 404, f"responded {error.status} for an unknown object")  # noqa: PLR2004
            expect(error.code and error.title, "no code or no title")
            return f"404 {error.code}"
        raise DifferenceError("an object that does not exist was found")

    async def _integrations_are_paginated(self) -> None:
        try:
            document = await self._get("/integrations")
        except APIStatusError as error:
            raise SkippedError(f"the key may not list integrations ({error.status})") from error
        self._listed(document, "integrations", Integration)
        expect("hasMore" in _meta(document), "no meta.hasMore")

    async def _integration_brackets(self) -> str:
        try:
            items = self._listed(await self._get("/integrations"), "integrations", Integration)
        except APIStatusError as error:
            raise SkippedError(f"the key may not list integrations ({error.status})") from error
        if len(items) < 2:  # noqa: PLR2004
            raise SkippedError("it needs two integrations")
        return await self._brackets("/integrations", "integrations", "")

    async def _conversation_brackets(self) -> str:
        query = f"filter%5BuserId%5D={self._made_user()}&"
        return await self._brackets("/conversations", "conversations", query)

    async def _brackets(self, path: str, name: str, query: str) -> str:
        counts: dict[str, int] = {}
        for spelling, parameter in (("encoded", "page%5Bsize%5D"), ("literal", "page[size]")):
            document = await self._get(f"{path}?{query}{parameter}=1")
            counts[spelling] = len(document.get(name) or ())
        understood = " and ".join(spelling for spelling, count in counts.items() if count == 1)
        expect(counts["encoded"] == 1, f"understood: {understood or 'neither'}")
        return f"understood: {understood}"

    def _made_user(self) -> str:
        if self._user is None:
            raise SkippedError("no user was created")
        return self._user

    def _made_conversation(self) -> str:
        if not self._conversations:
            raise SkippedError("no conversation was created")
        return self._conversations[0]

    def _messages(self) -> str:
        return f"/conversations/{self._made_conversation()}/messages"

    async def _create_user(self) -> None:
        document = await self._send("POST", "/users", json={"externalId": self._external_id})
        user = self._wrapped(document, "user", User)
        self._user = str(user["id"])
        for name in (self._user, self._external_id):
            found = self._wrapped(await self._get(f"/users/{name}"), "user", User)
            expect(found.get("id") == self._user, "another user was found")

    async def _create_conversations(self) -> None:
        user = self._made_user()
        for _ in range(2):
            made = await self._sunco.conversations.create(
                "personal",
                participants=[ParticipantUser(user_id=user)],
                display_name="sunco verify",
                description="to be removed",
                metadata={"sunco": "verify"},
            )
            self._conversations.append(made.id)
            self._seen.note(made)

    async def _filter_conversations(self) -> None:
        filters = {"userId": self._made_user(), "userExternalId": self._external_id}
        for name, value in filters.items():
            document = await self._get("/conversations", {"filter": {name: value}})
            found = self._listed(document, "conversations", Conversation)
            ids = {each.get("id") for each in found}
            expect(ids == {*self._conversations}, f"filter[{name}] found {len(found)}")

    async def _list_participants(self) -> None:
        path = f"/conversations/{self._made_conversation()}/participants"
        document = await self._get(path, {"page": {"size": 1}})
        found = self._listed(document, "participants", Participant)
        expect(len(found) == 1, f"a page of 1 has {len(found)} participants")
        expect(found[0].get("userId") == self._user, "the participant is another user")

    async def _post_message(self) -> None:
        body = {
            "author": {"type": "business"},
            "content": {"type": "text", "text": "sunco verify"},
            "metadata": {"sunco": "verify"},
        }
        document = await self._send("POST", self._messages(), json=body)
        found = self._listed(document, "messages", Message)
        expect(len(found) == 1, f"{len(found)} messages")
        expect(found[0].get("metadata") == {"sunco": "verify"}, "metadata is not kept")

    async def _post_once(self) -> None:
        conversation = self._made_conversation()
        ids: list[str] = []
        for _ in range(2):
            posted = await self._sunco.messages.post_once(
                conversation, "sunco verify", key=self._external_id
            )
            ids += [message.id for message in posted]
        expect(len({*ids}) == 1, "the message was not found by its metadata")

    async def _page_backwards(self) -> None:
        conversation = self._made_conversation()

        async def post(number: int) -> None:
            await self._sunco.messages.post(conversation, f"sunco verify {number}")

        report = await run(
            post, range(_MESSAGES - 2), key=str, concurrency=_IN_FLIGHT, stop_after_failures=1
        )
        for problem in report.problems:
            raise problem.error or DifferenceError("a message was not posted")
        first = await self._get(self._messages(), {"page": {"size": 1}})
        items, meta = self._listed(first, "messages", Message), _meta(first)
        expect(len(items) == _PAGE, f"a page has {len(items)} messages")
        expect(meta.get("hasMore") is True, "meta.hasMore is not true on the first page")
        cursor = meta.get("beforeCursor")
        expect(cursor, "the first page has no beforeCursor")
        last = await self._get(self._messages(), {"page": {"before": cursor}})
        rest = self._listed(last, "messages", Message)
        ids = {each.get("id") for each in [*items, *rest]}
        expect(len(ids) == _MESSAGES, f"two pages have {len(ids)} of {_MESSAGES} messages")
        expect(_meta(last).get("hasMore") is not True, "hasMore on the last page")
        newest = max(str(each.get("received")) for each in rest)
        oldest = min(str(each.get("received")) for each in items)
        expect(newest <= oldest, "the first page is not the newest")

    async def _page_order(self) -> None:
        items = self._listed(await self._get(self._messages()), "messages", Message)
        times = [str(each.get("received")) for each in items]
        expect(times == sorted(times), "newest first" if times[0] > times[-1] else "no order")

    async def _patch_null(self) -> None:
        path = f"/conversations/{self._made_conversation()}"
        renamed = self._wrapped(
            await self._send("PATCH", path, json={"displayName": "sunco"}),
            "conversation",
            Conversation,
        )
        expect(renamed.get("description") == "to be removed", "a missing key changes a value")
        cleared = self._wrapped(
            await self._send("PATCH", path, json={"description": None}),
            "conversation",
            Conversation,
        )
        expect(not cleared.get("description"), "null does not clear a value")

    async def _long_text(self) -> str:
        return await self._rejected(self._post("x" * 4097), 400, 413)

    async def _long_metadata(self) -> str:
        return await self._rejected(self._post("x", metadata={"a": "x" * 4100}), 400, 413)

    async def _long_body(self) -> str:
        content = {"type": "text", "text": "x", "actions": [{"type": "x", "text": "x" * 110_000}]}
        return await self._rejected(self._post(content), 413)

    async def _post(self, content: Any, metadata: Any = None) -> None:
        await self._sunco.messages.post(self._made_conversation(), content, metadata=metadata)

    async def _delete_message(self) -> None:
        items = self._listed(await self._get(self._messages()), "messages", Message)
        document = await self._send("DELETE", f"{self._messages()}/{items[0]['id']}")
        expect(document == {}, f"responded with {', '.join(map(ascii, document))}")

    async def _token_info(self) -> None:
        try:
            app = await self._sunco.oauth.token_info()
        except APIStatusError as error:
            raise SkippedError(f"the credential is no OAuth token ({error.status})") from error
        self._seen.note(app)
        expect(app.id == self._sunco.app_id, "another app")

    async def _reject_code(self) -> str:
        made_up = self._external_id
        exchange = self._sunco.oauth.get_token(made_up, client_id=made_up, client_secret=made_up)
        return await self._rejected(exchange, 400, 401)

    async def _upload(self) -> None:
        attachment = await self._sunco.attachments.upload(
            _CONTENT, filename="sunco-verify.txt", content_type="text/plain"
        )
        self._attachment = attachment.media_url
        self._seen.note(attachment)
        expect((attachment.media_type or "").startswith("text/plain"), "another media type")
        content = await self._sunco.attachments.download(attachment.media_url)
        expect(content == _CONTENT, "the content is another")

    async def _post_upload(self) -> None:
        if self._attachment is None:
            raise SkippedError("nothing was uploaded")
        content = {"type": "file", "mediaUrl": self._attachment}
        body = {"author": {"type": "business"}, "content": content}
        document = await self._send("POST", self._messages(), json=body)
        messages = self._listed(document, "messages", Message)
        expect(len(messages) == 1, f"{len(messages)} messages")
        found: Any = messages[0].get("content")
        expect(is_object(found) and found.get("type") == "file", "the content is no file")
        expect(found.get("mediaUrl"), "the file has no mediaUrl")

    async def _create_integration(self) -> None:
        body = {"type": "custom", "displayName": "sunco verify", "webhooks": [_WEBHOOK]}
        try:
            document = await self._send("POST", "/integrations", json=body)
        except APIStatusError as error:
            if error.status in _FORBIDDEN:
                raise SkippedError(f"the key may not create one ({error.status})") from error
            raise
        created = self._wrapped(document, "integration", Integration)
        self._integration = str(created["id"])
        webhooks: Any = created.get("webhooks")
        expect(is_array(webhooks) and len(webhooks) == 1, "the response has no webhook")
        webhook: Any = webhooks[0]
        self._webhook = webhook.get("id")
        expect(self._webhook and webhook.get("secret"), "the webhook has no id or no secret")

    def _webhooks(self) -> str:
        if self._webhook is None:
            raise SkippedError("no webhook was created")
        return f"/integrations/{self._integration}/webhooks"

    async def _update_webhook(self) -> None:
        path = self._webhooks()
        triggers = [*_WEBHOOK["triggers"], "user:merge"]
        document = await self._send("PATCH", f"{path}/{self._webhook}", json={"triggers": triggers})
        updated = self._wrapped(document, "webhook", Webhook)
        expect(set(updated.get("triggers") or ()) == {*triggers}, "the triggers are others")
        expect(updated.get("target") == _WEBHOOK["target"], "a missing key changes a value")
        found = self._listed(await self._get(path), "webhooks", Webhook)
        expect([each.get("id") for each in found] == [self._webhook], f"{len(found)} webhooks")

    async def _delete_webhook(self) -> None:
        document = await self._send("DELETE", f"{self._webhooks()}/{self._webhook}")
        expect(document == {}, f"responded with {', '.join(map(ascii, document))}")

    async def clean(self) -> None:
        """Remove what was created, as much of it as can be."""
        removals: list[Callable[[], Awaitable[object]]] = []
        if self._integration is not None:
            removals.append(partial(self._sunco.integrations.delete, self._integration))
        if self._attachment is not None:
            removals.append(partial(self._sunco.attachments.delete, self._attachment))
        # The default conversation of a user cannot be deleted, but goes with the user.
        delete = self._sunco.conversations.delete
        removals += [partial(delete, conversation) for conversation in self._conversations[1:]]
        if self._user is not None:
            removals.append(partial(self._sunco.users.delete, self._user))
        statuses: list[str] = []
        for remove in removals:
            try:
                await remove()
            except APIStatusError as error:
                statuses.append(str(error.status))
        expect(not statuses, f"{len(statuses)} objects are left: responded {', '.join(statuses)}")
        if self._conversations:
            await self._rejected(self._get(f"/conversations/{self._conversations[0]}"), 404)


def _meta(document: dict[str, Any]) -> dict[str, Any]:
    meta = document.get("meta")
    return meta if is_object(meta) else {}


def _print(results: list[Result], seen: _Seen, *, wrote: bool) -> None:
    where = "legacy" if "smooch.io" in os.environ.get("SUNCO_BASE_URL", "") else "current"
    write(
        f"sunco {__version__}, Python {platform.python_version()}, {where} address, "
        f"{'read and wrote' if wrote else 'read only'}\n"
    )
    for name, status, detail in results:
        sign = "-" if status == "not checked" else mark(ok=status == "as known")
        text = f" ({detail})" if detail else ""
        write(f"{sign} {'' if status == 'as known' else f'{status}: '}{name}{text}\n")
    write(f"Unknown fields, kinds and values: {', '.join(sorted(seen.unknown)) or 'none'}\n")
    limits = f"{seen.statuses[429]} of {sum(seen.statuses.values())} responses were 429"
    headers = f"; headers {', '.join(sorted(seen.headers))}" if seen.headers else ""
    write(f"Limits: {limits}, {seen.retries} retries{headers}\n")
    durations = sorted(seen.durations) or [0.0]
    write(
        f"Timings: {len(durations)} requests, median {statistics.median(durations) * 1000:.0f} ms, "
        f"slowest {durations[-1] * 1000:.0f} ms\n"
    )
    write("This report holds no ids, names, texts or addresses; it can be published.\n")
