"""Users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.api.lookup import user_of
from sunco.emulator.api.operation import Operations
from sunco.emulator.api.paths import USER, USERS
from sunco.emulator.errors import ApiError, bad_request, not_found
from sunco.emulator.schemas.configuration import SYNC
from sunco.emulator.schemas.users import USER_CREATE, USER_UPDATE
from sunco.emulator.services import users
from sunco.emulator.services.merging import synchronize, user_by_zendesk_id
from sunco.emulator.state.account import CoreUser

if TYPE_CHECKING:
    from sunco.emulator.api.operation import Call, Result

_EMAIL = "filter[identities.email]"

operations: Operations = Operations()


@operations.add("CreateUser", "POST", USERS, status=201, body=USER_CREATE)
def create(call: Call) -> Result:
    """Create a user."""
    external_id = call.body.get("externalId")
    if external_id and call.app.user_by_external_id(external_id, call.body.get("brandId")):
        raise ApiError(409, "conflict", "User already exists")
    return {"user": users.create_user(call.app, call.body).to_json()}


@operations.add("ListUsers", "GET", USERS)
def list_(call: Call) -> Result:
    """List the users that have a verified e-mail address."""
    email = call.query.get(_EMAIL)
    if email is None:
        raise bad_request(f"{_EMAIL} is required")
    brand_id = call.query.get("brandId")
    found = [one for one in call.app.users if (one.email, one.brand_id) == (email, brand_id)]
    return {"users": [user.to_json() for user in found]}


@operations.add("GetUser", "GET", USER)
def get(call: Call) -> Result:
    """Return one user."""
    return {"user": user_of(call).to_json()}


@operations.add("UpdateUser", "PATCH", USER, body=USER_UPDATE)
def update(call: Call) -> Result:
    """Update a user: null clears, missing members are kept."""
    user = user_of(call)
    user.update(call.body)
    return {"user": user.to_json()}


@operations.add("DeleteUser", "DELETE", USER, erases=True)
def delete(call: Call) -> Result:
    """Delete a user, its clients and its personal conversations."""
    users.delete_user(call.app, user_of(call))
    return {}


@operations.add(
    "DeleteUserPersonalInformation", "DELETE", f"{USER}/personalinformation", erases=True
)
def delete_personal_information(call: Call) -> Result:
    """Clear who a user is; the messages are kept."""
    user = user_of(call)
    users.clear_personal_information(call.app, user)
    return {"user": user.to_json()}


@operations.add("SyncUser", "POST", f"{USERS}/{{zendeskId}}/sync", body=SYNC, body_required=False)
def sync(call: Call) -> Result:
    """Update a user from its Zendesk user."""
    zendesk_id = call.ids["zendeskId"]
    user = user_by_zendesk_id(call.app, zendesk_id)
    if user is None:
        raise not_found("User")
    surviving_id = call.body.get("survivingZendeskId", zendesk_id)
    core = call.account.core_users.get(surviving_id, CoreUser())
    return {"user": synchronize(call.app, user, surviving_id, core).to_json()}
