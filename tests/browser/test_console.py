"""The console in Chromium, as people use it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sunco.emulator import Emulator
from sunco.emulator.state.defaults import MAILGUN_ID, TWILIO_ID, WHATSAPP_ID

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = pytest.mark.asyncio
# Where the pictures go; without it none are taken.
PICTURES = os.environ.get("SUNCO_PICTURES")

# A GIF of one pixel.
PIXEL = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b"
)
SOUPS = {
    "type": "carousel",
    "items": [
        {
            "title": name,
            "description": description,
            "actions": [{"type": "postback", "text": f"Order {name}", "payload": name}],
        }
        for name, description in (
            ("Tomato", "With basil and croutons"),
            ("Lentil", "Red lentils, cumin, lemon"),
            ("Leek", "Potato and leek, creamy"),
        )
    ],
}
FORM = {
    "type": "form",
    "fields": [
        {"type": "text", "name": "address", "label": "Delivery address"},
        {
            "type": "select",
            "name": "when",
            "label": "When",
            "options": [{"name": "now", "label": "At once"}, {"name": "noon", "label": "At noon"}],
        },
    ],
}
QUESTION = {
    "type": "text",
    "text": "We do! Shall I ask someone to call you?",
    "actions": [
        {"type": "reply", "text": "Yes, please", "payload": "YES"},
        {"type": "reply", "text": "No, thanks", "payload": "NO"},
    ],
}


async def opened(browser: Browser, address: str, **options: Any) -> Page:
    page = await browser.new_page(viewport={"width": 1280, "height": 800}, **options)
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    await page.goto(f"{address}/_emulator/console")
    await page.get_by_text("live", exact=True).wait_for()
    return page


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        # What moves has come to rest, and nothing looks as if the mouse were on it.
        await page.mouse.move(0, 0)
        await page.wait_for_timeout(700)
        await page.screenshot(path=Path(PICTURES) / f"console-{name}.png")


def post(emulator: Emulator, content: dict[str, Any], user: str = "ada") -> None:
    conversation = emulator.conversation(user)["id"]
    emulator.control("business.say", conversation=conversation, content=content, name="Soup bot")


def prepare(emulator: Emulator) -> None:
    profile = {"givenName": "Ada", "surname": "Lovelace"}
    emulator.control("arrive", text="Which soups do you have?", externalId="ada", profile=profile)
    for content in (SOUPS, FORM, QUESTION):
        post(emulator, content)


async def test_a_visitor_writes_and_taps_and_fills(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    page = await opened(browser, address)
    await page.get_by_text("No conversations yet").wait_for()
    await page.get_by_role("button", name="New visitor").click()
    await page.get_by_label("Messages").get_by_text("Hello!").wait_for()
    [conversation] = emulator.control("overview")["conversations"]
    user = conversation["users"][0]["id"]
    await page.get_by_label("Message", exact=True).fill("Which soups do you have?")
    await page.keyboard.press("Enter")
    await page.get_by_label("Messages").get_by_text("Which soups").wait_for()
    for content in (SOUPS, FORM, QUESTION):
        post(emulator, content, user)
    await page.get_by_role("button", name="Yes, please").click()
    await page.locator(".message.user", has_text="Yes, please").wait_for()
    await page.get_by_label("Delivery address").fill("12 Main Street")
    await page.get_by_label("When").select_option("noon")
    await page.locator(".form").get_by_role("button", name="Send").click()
    await page.locator(".response").get_by_text("At noon").wait_for()
    assert emulator.texts(conversation)[:2] == ["Hello!", "Which soups do you have?"]
    assert emulator.messages(conversation)[-1]["content"]["type"] == "formResponse"


async def test_speaking_as_agent_and_as_business(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    prepare(emulator)
    page = await opened(browser, address)
    await page.get_by_role("button", name="Ada Lovelace").click()
    for role, author in (("agent", "Agent"), ("business", "Business")):
        await page.get_by_label(role).check(force=True)
        await page.get_by_label("Message", exact=True).fill(f"Said as {role}")
        await page.get_by_role("button", name="Send").last.click()
        said = page.locator(".message.business", has_text=f"Said as {role}")
        await said.get_by_text(author, exact=True).wait_for()


async def test_control_is_passed_in_the_graph(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    prepare(emulator)
    page = await opened(browser, address)
    await page.get_by_role("tab", name="Switchboard").click()
    await page.locator(".node.active", has_text="bot").wait_for()
    await page.get_by_label("Switchboard integration").select_option(label="agent")
    await page.get_by_role("button", name="pass").click()
    await page.locator(".node.active", has_text="agent").wait_for()
    await page.get_by_role("button", name="release").click()
    await page.locator(".node.standby", has_text="agent").wait_for()


async def test_a_failed_delivery_is_redelivered(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    statuses = [503, 200]

    async def send(_url: str, _headers: Any, _body: bytes) -> int:
        return statuses.pop(0)

    emulator.deliver_with(send)
    auth = (emulator.key_id, emulator.key_secret)
    hook = {"target": "http://bot.test/hook", "triggers": ["conversation:message"]}
    body = {"type": "custom", "displayName": "Bot", "webhooks": [hook]}
    path = f"{address}/v2/apps/{emulator.app_id}/integrations"
    async with httpx.AsyncClient(auth=auth) as client:
        (await client.post(path, json=body)).raise_for_status()
        headers = {"content-type": "application/json"}
        arrive = f"{address}/_emulator/arrive"
        (await client.post(arrive, json={"text": "Hi"}, headers=headers)).raise_for_status()
    page = await opened(browser, address)
    failed = page.locator(".entry", has_text="503")
    await failed.locator("summary").first.click()
    await page.locator(".pill", has_text="200").wait_for()
    statuses.append(204)
    await failed.get_by_role("button", name="redeliver").click()
    await page.locator(".pill", has_text="204").wait_for()


async def test_faults_and_the_clock_are_switched(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    page = await opened(browser, address)
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_role("button", name="Next: 503").click()
    await page.get_by_text("all requests: status 503 (1 left)").wait_for()
    await page.get_by_role("button", name="At most 5 per second").click()
    await page.get_by_text("more than 5 per second get 429 (from now on)").wait_for()
    await page.get_by_role("button", name="All: never confirmed").click()
    await page.get_by_text("any channel: silence").wait_for()
    await page.get_by_role("button", name="Clear all").click()
    await page.get_by_text("None.").wait_for()
    await page.get_by_role("tab", name="Clock").click()
    await page.get_by_role("button", name="+1 h").click()
    await page.get_by_text("3600 s ahead").wait_for()
    assert emulator.control("clock")["offset"] == 3600


async def test_files_are_sent_and_a_form_keeps_what_was_typed(
    browser: Browser, address: str, emulator: Emulator, tmp_path: Path
) -> None:
    prepare(emulator)
    page = await opened(browser, address)
    await page.get_by_role("button", name="Ada Lovelace").click()
    await page.get_by_label("Delivery address").fill("12 Main Str")
    drop = """(chat, bytes) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "part.png", { type: "image/png" }));
        chat.dispatchEvent(new DragEvent("drop", { dataTransfer: data, cancelable: true }));
    }"""
    await page.locator("conversation-chat").evaluate(drop, list(PIXEL))
    image = page.locator(".kind-image img")
    await image.wait_for()
    assert await image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    file = tmp_path / "order.txt"
    file.write_text("2 soups")
    await page.get_by_label("File", exact=True).set_input_files(file)
    await page.locator(".kind-file").get_by_role("link", name="order.txt").wait_for()
    assert await page.get_by_label("Delivery address").input_value() == "12 Main Str"


async def test_typing_blocking_and_reading_are_seen(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    arrived = emulator.arrive("Hi", integration=WHATSAPP_ID, profile={"givenName": "Ada"})
    post(emulator, {"type": "text", "text": "Hello"}, arrived["user"]["id"])
    page = await opened(browser, address)
    await page.get_by_label("Message", exact=True).press_sequentially("How")
    await page.get_by_text("Ada is typing…").wait_for()
    assert [one["type"] for one in emulator.activities] == ["typing:start"]
    await page.get_by_role("button", name="Read 1").click()
    await page.get_by_text("· read").wait_for()
    await page.get_by_role("button", name="Block whatsapp").click()
    await page.get_by_role("button", name="Unblock whatsapp").click()
    await page.get_by_role("button", name="Block whatsapp").wait_for()


async def test_users_are_found_and_opened(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    for name in ("ada", "bob"):
        emulator.arrive(f"I am {name}", external_id=name)
    page = await opened(browser, address)
    await page.get_by_role("button", name="users 2").click()
    await page.get_by_role("button", name="ada").click()
    await page.get_by_label("Messages").get_by_text("I am ada").wait_for()
    await page.get_by_role("searchbox").fill("BOB")
    await page.get_by_label("Users").get_by_role("button", name="bob").wait_for()
    await page.get_by_label("Users").get_by_role("button", name="ada").wait_for(state="detached")


async def test_the_state_is_exported_and_imported(
    browser: Browser, address: str, emulator: Emulator, tmp_path: Path
) -> None:
    prepare(emulator)
    page = await opened(browser, address)
    await page.get_by_role("tab", name="State").click()
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Export").click()
    saved = tmp_path / "state.json"
    await (await download.value).save_as(saved)
    emulator.control("reset")
    await page.get_by_text("No conversations yet").wait_for()
    await page.get_by_label("State file").set_input_files(saved)
    await page.get_by_role("button", name="Ada Lovelace").wait_for()


async def test_what_users_write_is_never_html(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    attack = "<img src=x onerror=\"document.title='owned'\">"
    emulator.control("arrive", text=attack, profile={"givenName": attack})
    page = await opened(browser, address)
    await page.locator(".bubble", has_text=attack).wait_for()
    assert await page.locator(".message img").count() == 0
    assert await page.title() == "Emulator console · sunco"


async def test_ten_thousand_messages_are_drawn_in_parts(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    emulator.control("arrive", text="first", externalId="ada")
    for number in range(10_000):
        emulator.say("ada", f"number {number}")
    page = await opened(browser, address)
    await page.get_by_label("Messages").get_by_text("number 9999", exact=True).wait_for()
    drawn = await page.locator(".message").count()
    assert drawn <= 60
    await page.locator(".messages").evaluate("log => { log.scrollTop = 0; }")
    await page.get_by_label("Messages").get_by_text("number 9930", exact=True).wait_for()
    assert await page.locator(".message").count() <= 180


class EchoBot:
    """The target of a webhook, which replies over the API; its first response is a failure."""

    def __init__(self, emulator: Emulator) -> None:
        self._statuses = [503]
        self._emulator = emulator
        emulator.deliver_with(self)

    async def subscribe(self, address: str) -> None:
        hook = {"target": "http://bot.test/hook", "triggers": ["conversation:message"]}
        body = {"type": "custom", "displayName": "Echo", "webhooks": [hook]}
        auth = (self._emulator.key_id, self._emulator.key_secret)
        url = f"{address}/v2/apps/{self._emulator.app_id}/integrations"
        async with httpx.AsyncClient(auth=auth, trust_env=False, timeout=60) as http:
            (await http.post(url, json=body)).raise_for_status()

    async def __call__(self, _url: str, _headers: Any, delivery: bytes) -> int:
        if self._statuses:
            return self._statuses.pop()
        for event in json.loads(delivery)["events"]:
            message, conversation = event["payload"]["message"], event["payload"]["conversation"]
            if message["author"]["type"] == "user":
                text = f"You wrote: {message['content']['text']}"
                content = {**QUESTION, "text": text}
                body = {"author": {"type": "business", "displayName": "Echo"}, "content": content}
                path = f"conversations/{conversation['id']}/messages"
                await self._post(path, body)
        return 200

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        # It is called in the loop of the server.
        emulator = self._emulator
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(emulator.app),
            base_url=f"http://emulator/v2/apps/{emulator.app_id}/",
            auth=(emulator.key_id, emulator.key_secret),
        ) as http:
            (await http.post(path, json=body)).raise_for_status()


async def lively(emulator: Emulator, address: str) -> None:
    """An emulator with a bot and several conversations, as for a picture."""
    for name, surname, channel, text in (
        ("Grace", "Hopper", WHATSAPP_ID, "Is my order on its way?"),
        ("Katherine", "Johnson", TWILIO_ID, "Please call me back"),
        ("Mary", "Shelley", MAILGUN_ID, "The invoice has no date"),
    ):
        profile = {"givenName": name, "surname": surname}
        emulator.arrive(text, integration=channel, profile=profile)
    prepare(emulator)
    await EchoBot(emulator).subscribe(address)
    emulator.control("type", user="ada")
    emulator.fail(next=None, path="*/activity", status=503)
    emulator.limit_rate(50)


async def test_a_bot_replies_to_what_is_written(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    await EchoBot(emulator).subscribe(address)
    page = await opened(browser, address)
    await page.get_by_role("button", name="New visitor").click()
    await page.get_by_label("Messages").get_by_text("You wrote: Hello!").wait_for()
    await page.get_by_label("Message", exact=True).fill("Are you there?")
    await page.keyboard.press("Enter")
    await page.get_by_label("Messages").get_by_text("You wrote: Are you there?").wait_for()
    await page.get_by_role("tab", name="Requests").click()
    await page.locator(".entry", has_text="PostMessage").nth(1).wait_for()


async def test_a_text_of_five_megabytes_is_shown_in_part(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    prepare(emulator)
    state = emulator.control("state")["state"]
    state["apps"][0]["conversations"][0]["messages"][-1]["content"]["text"] = "x" * 5_000_000
    emulator.control("state", state=state)
    page = await opened(browser, address)
    await page.get_by_text("The first 10000 of 5000000 characters").wait_for()
    await page.get_by_role("button", name="Yes, please").click()
    await page.locator(".message.user", has_text="Yes, please").wait_for()


async def test_a_page_of_another_origin_changes_nothing(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    page = await browser.new_page()
    # The same server by another name is another origin.
    await page.goto(f"{address.replace('127.0.0.1', 'localhost')}/")
    send = """async ([url, type]) => {
        const body = JSON.stringify({ text: "Hi" });
        const headers = { "content-type": type };
        const options = { method: "POST", mode: "no-cors", headers, body };
        return (await fetch(url, options)).type;
    }"""
    for kind in ("text/plain", "application/json"):
        response = await page.evaluate(send, [f"{address}/_emulator/arrive", kind])
        assert response == "opaque"
    read = "url => fetch(url).then(response => response.text(), () => 'rejected')"
    assert await page.evaluate(read, f"{address}/_emulator/state") == "rejected"
    assert emulator.control("overview")["conversations"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(
    browser: Browser, address: str, emulator: Emulator, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.async_playwright").Axe()
    await lively(emulator, address)
    page = await opened(browser, address, color_scheme=scheme)
    await page.get_by_role("button", name="Ada Lovelace").click()
    await page.locator(".kind-carousel").wait_for()
    await page.get_by_label("Message", exact=True).fill("Is the soup hot?")
    await page.keyboard.press("Enter")
    await page.get_by_label("Messages").get_by_text("You wrote: Is the soup hot?").wait_for()
    for tab in ("Webhooks", "Requests", "Switchboard", "Faults", "Clock", "State"):
        await page.get_by_role("tab", name=tab).click()
        await page.locator(f".panel[data-name={tab}]").wait_for()
        if tab == "Requests":
            await (
                page.locator(".entry", has_text="PostMessage")
                .first.locator("summary")
                .first.click()
            )
        if tab == "Webhooks":
            await page.locator(".entry", has_text="503").locator("summary").first.click()
        results = await axe.run(page)
        assert results.violations_count == 0, results.generate_report()
        await picture(page, f"{tab.lower()}-{scheme}")


async def test_one_pane_at_a_time_on_a_phone(
    browser: Browser, address: str, emulator: Emulator
) -> None:
    await lively(emulator, address)
    page = await opened(browser, address)
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.locator(".pane-switch").get_by_role("button", name="Conversations").click()
    await picture(page, "phone-conversations")
    await page.get_by_role("button", name="Ada Lovelace").click()
    await page.locator(".kind-carousel").wait_for()
    assert await page.locator("conversation-list").is_hidden()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    await picture(page, "phone-chat")
    await page.locator(".pane-switch").get_by_role("button", name="Inspector").click()
    await page.get_by_role("tab", name="Faults").click()
    await page.get_by_role("button", name="Next: 503").wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await picture(page, "phone-inspector")
