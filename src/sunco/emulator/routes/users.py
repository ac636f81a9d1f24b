"""Users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunco.emulator.answers import ApiError
from sunco.emulator.operations import Operations
from sunco.emulator.routes.lookup import USER, USERS, user_of
from sunco.emulator.shapes.users import USER_CREATE

if TYPE_CHECKING:
    from sunco.emulator.operations import Answer, Call

operations = Operations()


@operations.add("POST", USERS, status=201, body=USER_CREATE)
def create(call: Call) -> Answer:
    """Create a user."""
    external_id = call.body.get("externalId")
    if external_id and call.app.user_by_external_id(external_id, call.body.get("brandId")):
        raise ApiError(409, "conflict", "User already exists")
    return {"user": call.app.create_user(call.body).to_json()}


@operations.add("GET", USER)
def get(call: Call) -> Answer:
    """Return one user."""
    return {"user": user_of(call).to_json()}


@operations.add("DELETE", USER)
def delete(call: Call) -> Answer:
    """Delete a user, its clients and its personal conversations."""
    call.app.delete_user(user_of(call))
    return {}
