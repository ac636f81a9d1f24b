"""Users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import USER, USERS, user_of
from sunco.emulator.api.operation import Operations
from sunco.emulator.errors import ApiError, bad_request, not_found
from sunco.emulator.schemas.configuration import SYNC
from sunco.emulator.schemas.users import USER_CREATE, USER_UPDATE
from sunco.emulator.services.merging import synchronize, user_by_zendesk_id

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Answer, Call

_EMAIL = "filter[identities.email]"

operations: Operations = Operations()


@operations.add("POST", USERS, status=201, body=USER_CREATE)
def create(call: Call) -> Answer:
    """Create a user."""
    external_id = call.body.get("externalId")
    if external_id and call.app.user_by_external_id(external_id, call.body.get("brandId")):
        raise ApiError(409, "conflict", "User already exists")
    return {"user": call.app.create_user(call.body).to_json()}


@operations.add("GET", USERS)
def list_(call: Call) -> Answer:
    """List the users who have proven to own an e-mail address."""
    email = call.query.get(_EMAIL)
    if email is None:
        raise bad_request(f"{_EMAIL} is required")
    brand_id = call.query.get("brandId")
    found = [one for one in call.app.users if (one.email, one.brand_id) == (email, brand_id)]
    return {"users": [user.to_json() for user in found]}


@operations.add("GET", USER)
def get(call: Call) -> Answer:
    """Return one user."""
    return {"user": user_of(call).to_json()}


@operations.add("PATCH", USER, body=USER_UPDATE)
def update(call: Call) -> Answer:
    """Change a user: null clears, what is missing stays."""
    user = user_of(call)
    user.update(call.body)
    return {"user": user.to_json()}


@operations.add("DELETE", USER)
def delete(call: Call) -> Answer:
    """Delete a user, its clients and its personal conversations."""
    call.app.delete_user(user_of(call))
    return {}


@operations.add("DELETE", f"{USER}/personalinformation")
def delete_personal_information(call: Call) -> Answer:
    """Forget who a user is, but not what was said."""
    user = user_of(call)
    user.forget_personal_information()
    for conversation in user.conversations:
        for message in conversation.messages:
            if message["author"].get("userId") == user.id:
                message["author"] = {"type": "user", "userId": user.id}
    return {"user": user.to_json()}


@operations.add("POST", f"{USERS}/{{zendeskId}}/sync", body=SYNC, body_required=False)
def sync(call: Call) -> Answer:
    """Bring a user up to date with the Zendesk user that it stands for."""
    zendesk_id = call.ids["zendeskId"]
    if user_by_zendesk_id(call.app, zendesk_id) is None:
        raise not_found("User")
    surviving_id = call.body.get("survivingZendeskId", zendesk_id)
    return {"user": synchronize(call.app, zendesk_id, surviving_id).to_json()}
