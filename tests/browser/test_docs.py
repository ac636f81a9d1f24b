"""The pages of the documentation fit into windows of any width."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser

BUILT = Path(__file__).parents[2] / "docs/_build/html"

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(
        not (BUILT / "index.html").is_file(), reason="nox -s docs has not built the pages"
    ),
]


@pytest.mark.parametrize("width", [390, 1280])
async def test_no_page_scrolls_sideways(browser: Browser, width: int) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 800})
    pages = sorted(path for path in BUILT.rglob("*.html") if "_static" not in path.parts)
    too_wide: list[str] = []
    for path in pages:
        await page.goto(path.as_uri())
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            too_wide.append(str(path.relative_to(BUILT)))
    assert too_wide == []
    assert len(pages) > 40
