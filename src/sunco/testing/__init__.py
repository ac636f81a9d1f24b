"""Clients for tests: bound to an emulator, without a socket.

With pytest there is nothing to import. The fixture `sunco` is a client and `sunco_emulator` what it
talks to, new for every test and without a socket, for `pytest-asyncio` and AnyIO's plugin alike:

```python
async def test_greeting(sunco: Sunco, sunco_emulator: Emulator) -> None:
    user = await sunco.users.create(external_id="ada")
    sunco_emulator.say(user, "Hi!")
    ...
    await sunco_emulator.drain()  # the webhooks, if there are any
```

A fixture `sunco_emulator_options` of one's own returns what `Emulator` is to be made with.
"""

from __future__ import annotations

from typing import Any

import httpx

from sunco.client import Sunco
from sunco.emulator import Emulator
from sunco.testing._inboxes import InboxCheck, InboxSubject, inbox_suite
from sunco.transport import HttpxTransport

__all__ = ["InboxCheck", "InboxSubject", "connect", "inbox_suite"]


def connect(emulator: Emulator, **options: Any) -> Sunco:
    """A client bound to an emulator in the same process.

    Args:
        emulator: The emulator to talk to.
        options: What `Sunco` takes, in place of the emulator's own app and key: for instance
            `key_id=emulator.account_key_id`, to create apps.
    """
    settings: dict[str, Any] = {
        "app_id": emulator.app_id,
        "key_id": emulator.key_id,
        "key_secret": emulator.key_secret,
        "base_url": "http://localhost",
    }
    if "auth" in options:
        del settings["key_id"], settings["key_secret"]
    if "transport" not in options:
        client = httpx.AsyncClient(transport=_InProcess(app=emulator.app))
        settings["transport"] = HttpxTransport(client)
    return Sunco(**(settings | options))


class _InProcess(httpx.ASGITransport):
    """Calls the app, and tells of broken connections as a network would."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except ConnectionResetError as error:
            raise httpx.ReadError(str(error), request=request) from error
