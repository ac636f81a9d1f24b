"""The live page of the documentation in Chromium: Python in WebAssembly."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

PROJECT = Path(__file__).parents[2]
BUILT = PROJECT / "docs/_build/html"
LIVE = "_static/try/page.js"
PICTURES = os.environ.get("SUNCO_PICTURES")
PATIENCE = 180_000  # milliseconds, a guard against hanging

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(
        not (BUILT / LIVE).is_file(), reason="nox -s docs has not built the live page, with npm"
    ),
]

PROGRAMS = {
    "First conversation": ("It arrives tomorrow.", "Where is my order?", 3),
    "Pages": ("130 messages", "Parcel 130 has left", 130),
    "Errors": ("maybe delivered: True", "It is at your door.", 3),
    "Echo bot": ("received: TextMessage(text='Hello!')", "You said: Never mind.", 6),
    "Buttons": ("ordered: Sencha", "A cup of Sencha is on its way.", 5),
    "Switchboard": ("in control: agent", "It is me again, the bot. Anything else?", 5),
}


class _Files(http.server.SimpleHTTPRequestHandler):
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def site() -> Iterator[str]:
    """Where the documentation is served."""
    handler = functools.partial(_Files, directory=str(BUILT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/try.html"
        server.shutdown()
        thread.join()


async def opened(
    browser: Browser, site: str, *, width: int = 1280, scheme: Literal["light", "dark"] = "light"
) -> Page:
    page = await browser.new_page(viewport={"width": width, "height": 1200}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.on("request", lambda request: check_origin(request.url, site))
    await page.goto(site)
    await page.locator("#try[data-state=ready]").wait_for()
    return page


def check_origin(url: str, site: str) -> None:
    assert url.startswith((site.removesuffix("try.html"), "data:", "blob:")), url


async def run(page: Page, result: str = "succeeded") -> None:
    await page.get_by_role("button", name="Run", exact=True).click()
    await page.locator(f"#try[data-result={result}]").wait_for()


async def choose(page: Page, program: str) -> None:
    await page.locator(".try-choices").get_by_role("button", name=program, exact=True).click()


async def write(page: Page, program: str) -> None:
    await page.get_by_role("textbox", name="Program").fill(program)


async def picture(page: Page, name: str) -> None:
    if PICTURES:
        await page.locator("#try").screenshot(path=Path(PICTURES) / f"try-{name}.png")


async def test_every_program_runs(browser: Browser, site: str) -> None:
    page = await opened(browser, site)
    for program, (printed, said, messages) in PROGRAMS.items():
        await choose(page, program)
        await run(page)
        assert printed in await page.locator(".try-output").inner_text(), program
        bubbles = page.locator(".try-bubble")
        assert await bubbles.count() == messages, program
        assert await bubbles.filter(has_text=said).count() >= 1, program


async def test_the_reader_can_change_a_program(browser: Browser, site: str) -> None:
    page = await opened(browser, site)
    await write(page, "print('mine:', 6 * 7)")
    await run(page)
    assert await page.locator(".try-output").inner_text() == "mine: 42\n"
    await write(page, "print('before')\n1 / 0")
    await run(page, "failed")
    printed = await page.locator(".try-output").inner_text()
    assert printed.startswith("before\n")
    assert "ZeroDivisionError" in printed
    await page.get_by_role("button", name="Reset").click()
    await run(page)


async def test_a_program_that_does_not_end_can_be_stopped(browser: Browser, site: str) -> None:
    page = await opened(browser, site)
    await write(page, "print('started')\nwhile True: pass")
    await page.get_by_role("button", name="Run", exact=True).click()
    await page.locator(".try-output").get_by_text("started").wait_for()
    await page.get_by_role("button", name="Stop").click()
    await choose(page, "First conversation")
    await run(page)  # waits for the new worker


async def test_a_browser_without_webassembly_cannot_run_it(browser: Browser, site: str) -> None:
    page = await browser.new_page()
    await page.add_init_script("delete globalThis.WebAssembly")
    await page.goto(site)
    await page.locator("#try[data-state=broken]").wait_for()
    status = await page.get_by_role("status").inner_text()
    assert status.startswith("This browser cannot run Python: it has no WebAssembly.")
    assert await page.get_by_role("button", name="Run", exact=True).is_disabled()
    await page.get_by_role("heading", name="The programs").wait_for()


async def test_a_file_that_cannot_be_loaded_is_named(browser: Browser, site: str) -> None:
    page = await browser.new_page()
    await page.route("**/packages.zip", lambda route: route.fulfill(status=404))
    await page.goto(site)
    await page.locator("#try[data-state=broken]").wait_for()
    assert "packages.zip: 404" in await page.get_by_role("status").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(
    browser: Browser, site: str, scheme: Literal["light", "dark"]
) -> None:
    axe = pytest.importorskip("axe_playwright_python.async_playwright").Axe()
    page = await opened(browser, site, scheme=scheme)
    await choose(page, "Buttons")
    await run(page)
    results = await axe.run(page, context="#try")
    assert results.violations_count == 0, results.generate_report()
    await picture(page, scheme)


async def test_the_page_fits_a_phone(browser: Browser, site: str) -> None:
    page = await opened(browser, site, width=390)
    await choose(page, "Buttons")
    await run(page)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    for part in (".try-choices", ".try-editor", ".try-output", ".try-chats"):
        box = await page.locator(part).bounding_box()
        assert box is not None
        assert box["x"] >= 0, part
        assert box["x"] + box["width"] <= 390, part
    await picture(page, "phone")
