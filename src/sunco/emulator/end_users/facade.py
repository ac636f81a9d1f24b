"""The actions of end users as Python methods."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from os import PathLike, fspath
from typing import Any, TypeAlias, cast

from sunco.emulator.errors import ApiError
from sunco.emulator.state.rendering import omit_none

Perform: TypeAlias = Callable[[str, dict[str, Any]], dict[str, Any]]


class EndUsers:
    """The actions of end users.

    Users, conversations, messages, clients and integrations are passed by id, or as any object or
    mapping that has an `id`. A user can be passed by its external id, too. Users are found in every
    app, in the emulator's own app first.

    Args:
        perform: Performs an action, by name and arguments.
    """

    def __init__(self, perform: Perform) -> None:
        self._perform_action = perform

    def say(
        self,
        user: object,
        content: str | Mapping[str, Any] | None = None,
        *,
        file: bytes | PathLike[str] | Mapping[str, Any] | None = None,
        conversation: object = None,
        integration: object = None,
    ) -> dict[str, Any]:
        """Write a message as an end user, and return it.

        Args:
            user: The user, or its id or external id.
            content: The text, or the content in the form of the API.
            file: A file to send instead: its bytes, its path, or `content` (bytes) or `path` with
                a `name` and a `mediaType`. It becomes an image or a file by its media type.
            conversation: By default the user's default conversation, which is created if there is
                none.
            integration: The channel; by default the first integration of type `web`.

        Raises:
            ValueError: The message is rejected.
        """
        result = self._act("say", user, conversation, integration, **_said(content, file))
        message: dict[str, Any] = result["message"]
        return message

    def arrive(
        self,
        content: str | Mapping[str, Any] | None = None,
        *,
        file: bytes | PathLike[str] | Mapping[str, Any] | None = None,
        integration: object = None,
        external_id: str | None = None,
        profile: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write the first message of a new user.

        Args:
            content: The text, or the content in the form of the API.
            file: A file to send instead, see `say`.
            integration: The channel; by default the first integration of type `web`.
            external_id: The external id of the user.
            profile: The profile of the user, in the form of the API.

        Returns:
            `user`, `conversation` and `message`.

        Raises:
            ValueError: The user or the message is rejected.
        """
        named = omit_none(
            externalId=external_id,
            profile=None if profile is None else dict(profile),
            integration=None if integration is None else id_of(integration),
        )
        return self._perform("arrive", {**_said(content, file), **named})

    def trigger(self, type: str, payload: Mapping[str, Any]) -> None:  # noqa: A002
        """Send an event to the webhooks that have its trigger.

        Args:
            type: The trigger, as `"passthrough:messaging"`.
            payload: The payload of the event.

        Raises:
            ValueError: There is no such trigger.
        """
        self._perform("trigger", {"type": type, "payload": dict(payload)})

    def tap(
        self,
        user: object,
        message: object,
        action: str | None = None,
        *,
        coordinates: Mapping[str, float] | None = None,
        conversation: object = None,
        integration: object = None,
    ) -> dict[str, Any]:
        """Tap a button of a message.

        A quick reply posts its text, a location request a location; a link only returns its URL.

        Args:
            user: The user, or its id or external id.
            message: The message, or its id.
            action: The button's text, payload or URL; by default the first one that is no link.
            coordinates: `lat` and `long` of the location to post.
            conversation: By default the user's default conversation.
            integration: The channel; by default the first integration of type `web`.

        Returns:
            `{"message": ...}`, `{"postback": ...}` or `{"link": ...}`.

        Raises:
            ValueError: There is no such button.
        """
        wanted = omit_none(action=action, coordinates=coordinates and dict(coordinates))
        return self._act("tap", user, conversation, integration, message=id_of(message), **wanted)

    def fill(
        self,
        user: object,
        message: object,
        fields: Mapping[str, str],
        *,
        conversation: object = None,
        integration: object = None,
    ) -> dict[str, Any]:
        """Submit a form, and return the form response.

        Args:
            user: The user, or its id or external id.
            message: The message with the form, or its id.
            fields: The values by the names of the fields; for a selection, the name or label of
                an option.
            conversation: By default the user's default conversation.
            integration: The channel; by default the first integration of type `web`.

        Raises:
            ValueError: A field is missing or invalid, or the form was submitted before.
        """
        body = {"message": id_of(message), "fields": dict(fields)}
        result = self._act("fill", user, conversation, integration, **body)
        posted: dict[str, Any] = result["message"]
        return posted

    def read(
        self, user: object, *, conversation: object = None, integration: object = None
    ) -> None:
        """Read everything in a conversation, by default the user's default one.

        Raises:
            ValueError: There is no such conversation.
        """
        self._act("read", user, conversation, integration)

    def type(
        self,
        user: object,
        *,
        stop: bool = False,
        conversation: object = None,
        integration: object = None,
    ) -> None:
        """Start or stop typing in a conversation, by default the user's default one.

        Raises:
            ValueError: There is no such conversation.
        """
        self._act("type", user, conversation, integration, stop=stop)

    def refer(
        self,
        user: object,
        code: str,
        *,
        conversation: object = None,
        integration: object = None,
        **details: Any,
    ) -> None:
        """Follow a link with a referral code to a conversation.

        Args:
            user: The user, or its id or external id.
            code: The code.
            conversation: By default the user's default conversation, which is created if there is
                none.
            integration: The channel; by default the first integration of type `web`.
            details: Further members of the referral's details.

        Raises:
            ValueError: There is no such conversation.
        """
        self._act("refer", user, conversation, integration, code=code, details=details)

    def confirm(self, user: object, client: object) -> dict[str, Any]:
        """Confirm a channel that the business asked to link, and return the client.

        Raises:
            ValueError: There is no such client, or it is not pending.
        """
        linked: dict[str, Any] = self._act("confirm", user, client=id_of(client))["client"]
        return linked

    def decline(self, user: object, client: object) -> None:
        """Decline a channel that the business asked to link.

        Raises:
            ValueError: There is no such client, or it is not pending.
        """
        self._act("decline", user, client=id_of(client))

    def block(self, user: object, client: object) -> dict[str, Any]:
        """Block the business on a channel, and return the client.

        Raises:
            ValueError: There is no such client, or it is not active.
        """
        blocked: dict[str, Any] = self._act("block", user, client=id_of(client))["client"]
        return blocked

    def unblock(self, user: object, client: object) -> dict[str, Any]:
        """Unblock the business on a channel, and return the client.

        Raises:
            ValueError: There is no such client, or it is not blocked.
        """
        unblocked: dict[str, Any] = self._act("unblock", user, client=id_of(client))["client"]
        return unblocked

    def authenticate(
        self,
        user: object,
        *,
        external_id: str | None = None,
        zendesk_id: str | None = None,
        email: str | None = None,
    ) -> dict[str, Any]:
        """Sign in as a user, and return the user.

        If another user has the external id or the e-mail address, the two are merged, and the one
        with an external id is returned.

        Args:
            user: The user, or its id or external id.
            external_id: The external id that the user signs in with.
            zendesk_id: The user of Zendesk Support that it is linked to.
            email: A verified e-mail address.

        Raises:
            ValueError: There is no such user, or the users have different external ids.
        """
        body = {"externalId": external_id, "zendeskId": zendesk_id, "email": email}
        given = {name: text for name, text in body.items() if text is not None}
        changed: dict[str, Any] = self._act("authenticate", user, **given)["user"]
        return changed

    def core_user(self, zendesk_id: str, **fields: str) -> None:
        """Set a user of Zendesk Support, for the next synchronization.

        Args:
            zendesk_id: The id of the user.
            fields: Any of `givenName`, `surname`, `externalId` and `email`.
        """
        self._perform("core_user", {"zendeskId": zendesk_id, **fields})

    def _act(
        self,
        name: str,
        user: object,
        conversation: object = None,
        integration: object = None,
        **body: Any,
    ) -> dict[str, Any]:
        named = {"user": user, "conversation": conversation, "integration": integration}
        ids = {key: id_of(one) for key, one in named.items() if one is not None}
        return self._perform(name, {**ids, **body})

    def _perform(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        with errors_as_values():
            return self._perform_action(name, body)


@contextmanager
def errors_as_values() -> Generator[None, None, None]:
    """Raise a `ValueError` with the titles of an `ApiError` in its place."""
    try:
        yield
    except ApiError as error:
        raise ValueError("; ".join(error.titles)) from None


def _said(
    content: str | Mapping[str, Any] | None,
    file: bytes | PathLike[str] | Mapping[str, Any] | None,
) -> dict[str, Any]:
    said: dict[str, Any] = {} if file is None else {"file": _described(file)}
    if content is not None:
        said |= {"text": content} if isinstance(content, str) else {"content": dict(content)}
    return said


def _described(file: bytes | PathLike[str] | Mapping[str, Any]) -> dict[str, Any]:
    """A file in the form of the control API."""
    if isinstance(file, PathLike):
        return {"path": fspath(file)}
    given: dict[str, Any] = dict(file) if isinstance(file, Mapping) else {"content": file}
    if isinstance(given.get("content"), bytes):
        given["content"] = b64encode(given["content"]).decode()
    return given


def id_of(record: object) -> str:
    """The id of a record, or the id itself.

    Raises:
        TypeError: There is no id.
    """
    if isinstance(record, str):
        return record
    found: object = getattr(record, "id", None)
    if isinstance(record, Mapping):
        found = cast("Mapping[str, object]", record).get("id")
    if not isinstance(found, str):
        raise TypeError(f"Expected an id, or an object with an id, not {record!r}")
    return found
