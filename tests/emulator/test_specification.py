"""All that the emulator says, against the specification: every operation and every event.

The responses to all other tests of the emulator are held against it too, see `spec`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sunco.emulator import Emulator
from sunco.emulator.schemas.configuration import TRIGGERS
from sunco.emulator.state.defaults import TWILIO_ID, WEB_ID

from . import spec
from .api import BUSINESS, Api
from .spec import needs_spec
from .test_events import linked
from .test_integrations import REQUIRED
from .webhooks import Target, subscribe

if TYPE_CHECKING:
    from .api import JSON

pytestmark = [pytest.mark.anyio, needs_spec]

ROOT = "http://emulator"
# The emulator cannot know what an event without a schema should look like.
WITHOUT_SCHEMA = {"passthrough:messaging"}


class Tour:
    """A walk through everything, in an order in which each step succeeds."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.app = api.emulator

    async def make(self, path: str, body: Any = None, status: int = 201) -> JSON:
        """What is made, which stands alone under a name of its own."""
        made: list[JSON] = list((await self.api.call("POST", path, body, status=status)).values())
        (one,) = made
        return one

    async def administration(self) -> None:
        account = Tour(self.api.account)
        app = await account.make(f"{ROOT}/v2/apps", {"displayName": "Shop"})
        await account.api.get(f"{ROOT}/v2/apps")
        path = f"{ROOT}/v2/apps/{app['id']}"
        await account.api.get(path)
        await account.api.call("PATCH", path, {"displayName": None})
        await account.api.call("DELETE", path)
        await account.keys("keys")
        body = {"type": "custom", **REQUIRED["custom"]}
        custom = await self.make("integrations", body)
        path = f"integrations/{custom['id']}"
        await self.api.get("integrations")
        await self.api.get(path)
        await self.api.call("PATCH", path, {"displayName": "Bot"})
        await self.keys(f"{path}/keys")
        webhook = await self.make(f"{path}/webhooks", REQUIRED["custom"]["webhooks"][0])
        await self.api.get(f"{path}/webhooks")
        await self.api.get(f"{path}/webhooks/{webhook['id']}")
        await self.api.call("PATCH", f"{path}/webhooks/{webhook['id']}", {"triggers": []})
        await self.api.call("DELETE", f"{path}/webhooks/{webhook['id']}")
        await self.api.call("DELETE", path)

    async def keys(self, path: str) -> None:
        key = await self.make(path, {"displayName": "k"})
        await self.api.get(path)
        await self.api.get(f"{path}/{key['id']}")
        await self.api.call("DELETE", f"{path}/{key['id']}")

    async def switchboards(self) -> None:
        (board,) = (await self.api.get("switchboards"))["switchboards"]
        await self.api.call("DELETE", f"switchboards/{board['id']}")
        board = await self.make("switchboards")
        path = f"switchboards/{board['id']}"
        seats = f"{path}/switchboardIntegrations"
        for name in ("bot", "agent"):
            body = {"name": name, "integrationType": "zd:agentWorkspace"}
            seat = await self.make(seats, body)
            enabled = {"defaultSwitchboardIntegrationId": seat["id"], "enabled": True}
            await self.api.call("PATCH", path, enabled)
        bot, agent = (await self.api.get(seats))["switchboardIntegrations"]
        await self.api.call("PATCH", f"{seats}/{bot['id']}", {"messageHistoryCount": 3})
        spare = await self.make(seats, {"name": "spare", "integrationId": WEB_ID})
        await self.api.call("DELETE", f"{seats}/{spare['id']}")
        assert agent

    async def conversations(self) -> None:
        api = self.api
        ann, bob = await api.user(externalId="ann"), await api.user(externalId="bob")
        for path in ("users/ann", f"users?filter[identities.email]={ann['id']}@example.org"):
            await api.get(path)
        await api.call("PATCH", "users/ann", {"profile": {"givenName": "Ann"}})
        conversation = await api.personal(ann)
        path = f"conversations/{conversation['id']}"
        await api.get("conversations?filter[userExternalId]=ann")
        await api.get(path)
        await api.call("PATCH", path, {"displayName": "Order"})
        await self.messages(path, ann, conversation)
        await self.control(path)
        group = await api.group(ann)
        await api.call("DELETE", path, status=400)
        path = f"conversations/{group['id']}"
        body = {"userId": bob["id"], "subscribeSDKClient": True}
        await api.call("POST", f"{path}/join", body, status=201)
        await api.get(f"{path}/participants")
        await api.call("POST", f"{path}/leave", {"userId": bob["id"]})
        await api.call("DELETE", path)

    async def messages(self, path: str, user: JSON, conversation: JSON) -> None:
        api, emulator = self.api, self.api.emulator
        client = await linked(api, user, conversation)
        emulator.confirm(user, client)
        actions = [{"type": "postback", "text": "Go", "payload": "GO"}]
        posted = await api.post(conversation, {"type": "text", "text": "a", "actions": actions})
        emulator.tap(user, posted)
        fields = [{"type": "text", "name": "a", "label": "A?"}]
        form = await api.post(conversation, {"type": "form", "fields": fields})
        emulator.fill(user, form, {"a": "b"})
        emulator.type(user)
        emulator.read(user)
        emulator.refer(user, "promo")
        await api.get(f"{path}/messages")
        await api.call("POST", f"{path}/activity", {"author": BUSINESS, "type": "typing:start"})
        events: JSON = {"messenger": {"payload": {"data": [{}]}}}
        await api.call("POST", f"{path}/conversionEvents", events)
        reference = dict.fromkeys(("url", "bid", "key", "signature", "owner"), "x")
        body = {"userId": user["id"], "apple": {"interactiveDataRef": reference}}
        await api.call("POST", f"{path}/download", body)
        await api.call("DELETE", f"{path}/messages/{posted['id']}")
        await api.call("DELETE", f"{path}/messages")
        clients = (await api.get("users/ann/clients"))["clients"]
        assert [one["type"] for one in clients] == ["twilio", "sdk"]
        await api.call("DELETE", f"users/ann/clients/{client['id']}")
        (device,) = (await api.get("users/ann/devices"))["devices"]
        await api.get(f"users/ann/devices/{device['id']}")

    async def control(self, path: str) -> None:
        to_bot = {"switchboardIntegration": "bot", "metadata": {"a": 1}}
        nowhere = {"switchboardIntegration": "nobody"}
        for action, body, status in (
            ("pass", nowhere, 400),
            ("offer", nowhere, 400),
            ("accept", {}, 400),
            ("offer", to_bot, 200),
            ("accept", {}, 200),
            ("pass", {"switchboardIntegration": "agent"}, 200),
            ("release", {}, 200),
        ):
            await self.api.call("POST", f"{path}/{action}Control", body, status=status)

    async def attachments(self) -> None:
        response = await self.api.http.post(
            "attachments", params={"access": "public"}, files={"source": ("a.txt", b"a")}
        )
        url = response.json()["attachment"]["mediaUrl"]
        await self.api.call("POST", "attachments/remove", {"mediaUrl": url})

    async def users(self) -> None:
        emulator = self.api.emulator
        for number, name in enumerate(("ann", "bob")):
            emulator.authenticate(name, zendesk_id=f"{number}", email=f"{name}@example.org")
        await self.api.call("POST", "users/1/sync", {"survivingZendeskId": "0"})
        await self.api.call("DELETE", "users/ann/personalinformation")
        await self.api.call("DELETE", "users/ann")

    async def oauth(self) -> None:
        query = {"client_id": "demo_partner", "response_type": "code"}
        response = await self.api.http.get(f"{ROOT}/oauth/authorize", params=query, auth=None)
        (code,) = parse_qs(urlsplit(response.headers["location"]).query)["code"]
        body = {
            "code": code,
            "grant_type": "authorization_code",
            "client_id": "demo_partner",
            "client_secret": "demo_partner_secret",
        }
        document = await self.api.call("POST", f"{ROOT}/oauth/token", body)
        partner = self.api.by(document["access_token"])
        await partner.get(f"{ROOT}/v2/tokenInfo")
        await partner.call("DELETE", f"{ROOT}/oauth/authorization")


async def test_every_operation_and_every_event() -> None:
    spec.seen.clear()
    target = Target()
    async with Api(Emulator()) as api:
        api.emulator.deliver_to(target)
        await subscribe(api, includeFullUser=True, includeFullSource=True)
        tour = Tour(api)
        await tour.administration()
        await tour.switchboards()
        await tour.conversations()
        await tour.attachments()
        await tour.users()
        await tour.oauth()
        await api.emulator.drain()
    succeeded = {name for name, status in spec.seen if status < 400}
    assert succeeded == {operation["operationId"] for _, _, operation in spec.operations()}
    assert set(target.kinds) == {*TRIGGERS} - WITHOUT_SCHEMA
    assert TWILIO_ID in str(target.bodies)
