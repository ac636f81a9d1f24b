"""Apps, their settings and their API keys."""

from __future__ import annotations

import attrs

from sunco.models.base import Metadata, Model, model

__all__ = ["App", "AppKey", "AppSettings"]


@model
class AppSettings(Model):
    """How an app behaves. In a request, what is None is left as it is.

    Attributes:
        conversation_retention_seconds: Delete a conversation's messages after these seconds
            without activity.
        mask_credit_card_numbers: Mask credit card numbers in messages.
        use_animal_names: Give users without a name that of an animal.
        echo_postback: Add a message to the conversation when a postback button is tapped.
        ignore_auto_conversation_start: Events of a channel that are no messages start no
            conversation and do not count towards monthly active users. Starting one from an SDK
            counts all the same.
        multi_convo_enabled: Let users have several conversations. It cannot be undone.
        app_localization_enabled: Translate the messages that the platform itself writes.
        end_session_enabled: Let SDK users end their conversation; needs `multi_convo_enabled`.
        disable_conversation_reopen: Keep users from reopening ended conversations; needs
            `multi_convo_enabled`.
    """

    conversation_retention_seconds: int | None = None
    mask_credit_card_numbers: bool | None = None
    use_animal_names: bool | None = None
    echo_postback: bool | None = None
    ignore_auto_conversation_start: bool | None = None
    multi_convo_enabled: bool | None = None
    app_localization_enabled: bool | None = None
    end_session_enabled: bool | None = None
    disable_conversation_reopen: bool | None = None


@model
class App(Model):
    """The owner of users, conversations and integrations.

    Attributes:
        id: The app's id.
        display_name: A name to show, 100 characters at most.
        settings: How it behaves.
        metadata: Custom properties.
        subdomain: The Zendesk account's subdomain, `"acme"`; only where a single app is read.
    """

    id: str
    display_name: str | None = None
    settings: AppSettings | None = None
    metadata: Metadata | None = None
    subdomain: str | None = None


@model
class AppKey(Model):
    """An API key for an app.

    Attributes:
        id: The key's id, `"app_..."`: the user name of Basic authentication, the `kid` of a JWT.
        display_name: A name to show.
        secret: The password of Basic authentication, and what JWTs are signed with.
    """

    id: str
    display_name: str | None = None
    secret: str | None = attrs.field(default=None, repr=False)
