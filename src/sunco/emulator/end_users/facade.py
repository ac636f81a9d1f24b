"""Acting as end users, from Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from sunco.emulator.errors import ApiError

if TYPE_CHECKING:
    from sunco.emulator.persistence.recorder import History


class EndUsers:
    """What end users can do, as methods.

    A user, a conversation, a message, a client or an integration is named by its id, or is
    anything that has one: what the API answers, or what a client makes of it.

    Args:
        history: Performs what they do.
    """

    def __init__(self, history: History) -> None:
        self._history = history

    def say(
        self,
        user: object,
        content: str | Mapping[str, Any],
        *,
        conversation: object = None,
        integration: object = None,
    ) -> dict[str, Any]:
        """Write a message as an end user, and return it.

        Args:
            user: The user, or its id or external id.
            content: The text, or the content as the API writes it.
            conversation: Where; by default the user's default conversation, which begins if
                there is none.
            integration: The integration to write by; by default the first of type `web`.

        Raises:
            ValueError: It cannot be said.
        """
        said = {"text": content} if isinstance(content, str) else {"content": dict(content)}
        answer = self._act("say", user, conversation, integration, **said)
        message: dict[str, Any] = answer["message"]
        return message

    def tap(
        self,
        user: object,
        message: object,
        action: str | None = None,
        *,
        conversation: object = None,
        integration: object = None,
    ) -> dict[str, Any]:
        """Tap a button of a message: a quick reply, which says its text, or a postback.

        Args:
            user: The user, or its id or external id.
            message: The message, or its id.
            action: The button's text or payload; by default the first one.
            conversation: Where; by default the user's default conversation.
            integration: The integration to act by; by default the first of type `web`.

        Returns:
            `{"message": ...}` for a reply, `{"postback": ...}` for a postback.

        Raises:
            ValueError: There is no such button.
        """
        wanted = {} if action is None else {"action": action}
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
        """Fill in a form, and return the message that says so.

        Args:
            user: The user, or its id or external id.
            message: The message with the form, or its id.
            fields: The answers by the fields' names; for a selection, the option's.
            conversation: Where; by default the user's default conversation.
            integration: The integration to act by; by default the first of type `web`.

        Raises:
            ValueError: The form has no such fields, or was filled in already.
        """
        told = {"message": id_of(message), "fields": dict(fields)}
        answer = self._act("fill", user, conversation, integration, **told)
        posted: dict[str, Any] = answer["message"]
        return posted

    def read(self, user: object, *, conversation: object = None) -> None:
        """Read everything in a conversation, by default the user's default one.

        Raises:
            ValueError: There is no such conversation.
        """
        self._act("read", user, conversation)

    def type(self, user: object, *, stop: bool = False, conversation: object = None) -> None:
        """Begin to type in a conversation, by default the user's default one; or stop.

        Raises:
            ValueError: There is no such conversation.
        """
        self._act("typing", user, conversation, stop=stop)

    def refer(
        self, user: object, code: str, *, conversation: object = None, **details: Any
    ) -> None:
        """Come to the conversation by a link with a code.

        Raises:
            ValueError: There is no such conversation.
        """
        self._act("refer", user, conversation, code=code, details=details)

    def confirm(self, user: object, client: object) -> dict[str, Any]:
        """Agree to a channel that the business asked to link, and return the client.

        Raises:
            ValueError: There is no such client, or it is not pending.
        """
        linked: dict[str, Any] = self._act("confirm", user, client=id_of(client))["client"]
        return linked

    def decline(self, user: object, client: object) -> None:
        """Refuse a channel that the business asked to link.

        Raises:
            ValueError: There is no such client, or it is not pending.
        """
        self._act("decline", user, client=id_of(client))

    def authenticate(
        self, user: object, *, zendesk_id: str | None = None, email: str | None = None
    ) -> dict[str, Any]:
        """Log in as a user, who proves to own an e-mail address, and return the user.

        Args:
            user: The user, or its id or external id.
            zendesk_id: The Zendesk user that it stands for.
            email: The address.

        Raises:
            ValueError: There is no such user.
        """
        told = {"zendeskId": zendesk_id, "email": email}
        given = {name: text for name, text in told.items() if text is not None}
        changed: dict[str, Any] = self._act("authenticate", user, **given)["user"]
        return changed

    def core_user(self, zendesk_id: str, **fields: str) -> None:
        """Say what Zendesk Support knows of a user, for when users are synchronized.

        Args:
            zendesk_id: The Zendesk user's id.
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
        try:
            return self._history.act(name, body)
        except ApiError as error:
            raise ValueError("; ".join(error.titles)) from None


def id_of(named: object) -> str:
    """The id that something is, or has.

    Raises:
        TypeError: It has none.
    """
    if isinstance(named, str):
        return named
    found: object = getattr(named, "id", None)
    if isinstance(named, Mapping):
        found = cast("Mapping[str, object]", named).get("id")
    if not isinstance(found, str):
        raise TypeError(f"Expected an id, or what has one, not {named!r}")
    return found
