"""Completing the content of messages: what the platform adds to what was sent."""

from __future__ import annotations

from mimetypes import MimeTypes
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sunco.emulator.errors import bad_request
from sunco.emulator.services.rich_text import html_from_markdown, text_from_html, without_scripts

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_TEXT = 4096
LONGEST_ALT_TEXT = 128

_READ_ONLY: dict[str, tuple[str, ...]] = {
    "carousel": ("text",),
    "file": ("mediaSize", "mediaType"),
    "form": ("submitted",),
    "image": ("mediaSize", "mediaType"),
    "location": ("text",),
}
_FALLBACK_ADDRESS = {"link": "uri", "webview": "fallback"}

# Built-in types only: they must not depend on the tables of the machine.
_MIME_TYPES = MimeTypes()


def complete(content: dict[str, Any]) -> dict[str, Any]:
    """Complete valid content of a type that can be sent.

    Raises:
        ApiError: 400 if the HTML of the Markdown exceeds the limit.
    """
    kind: str = content["type"]
    read_only = _READ_ONLY.get(kind, ())
    completed = {name: member for name, member in content.items() if name not in read_only}
    _COMPLETIONS[kind](completed)
    return completed


def _complete_rich_text(content: dict[str, Any]) -> None:
    markdown = content.pop("markdownText", None)
    if markdown is not None:
        content["htmlText"] = html_from_markdown(markdown)
        if len(content["htmlText"]) > LONGEST_TEXT:
            raise bad_request(f"content.markdownText exceeds {LONGEST_TEXT} characters as HTML")
    if "htmlText" in content:
        content["htmlText"] = without_scripts(content["htmlText"])
    if "htmlText" in content and "text" not in content:
        content["text"] = text_from_html(content["htmlText"])


def _complete_media(content: dict[str, Any]) -> None:
    _complete_rich_text(content)
    name = _file_name(content["mediaUrl"])
    content.setdefault("altText", name)
    content["mediaType"] = media_type_of(name)
    # Nothing is downloaded, so the size is unknown.
    content["mediaSize"] = 0


def _complete_items(content: dict[str, Any]) -> None:
    for item in content["items"]:
        if "mediaUrl" in item:
            name = _file_name(item["mediaUrl"])
            item.setdefault("altText", name)
            item.setdefault("mediaType", media_type_of(name))


def _complete_carousel(content: dict[str, Any]) -> None:
    _complete_items(content)
    content["text"] = "\n\n".join(
        "\n".join(_item_lines(number, item)) for number, item in enumerate(content["items"], 1)
    )


def _complete_form(content: dict[str, Any]) -> None:
    content["submitted"] = False


def _complete_location(content: dict[str, Any]) -> None:
    coordinates = content["coordinates"]
    address = f"https://maps.google.com/maps?q={coordinates['lat']},{coordinates['long']}"
    content["text"] = f"Location shared:\n{address}"


_COMPLETIONS: dict[str, Callable[[dict[str, Any]], None]] = {
    "text": _complete_rich_text,
    "carousel": _complete_carousel,
    "file": _complete_media,
    "form": _complete_form,
    "image": _complete_media,
    "list": _complete_items,
    "location": _complete_location,
}


def _item_lines(number: int, item: dict[str, Any]) -> list[str]:
    lines = [f"{number}. {item['title']}"]
    if "description" in item:
        lines.append(item["description"])
    lines.extend(
        f"{action['text']}: {action[_FALLBACK_ADDRESS[action['type']]]}"
        for action in item["actions"]
        if action["type"] in _FALLBACK_ADDRESS
    )
    return lines


def _file_name(address: str) -> str:
    return unquote(urlsplit(address).path.rpartition("/")[2])[:LONGEST_ALT_TEXT]


def media_type_of(name: str) -> str:
    """The media type that the name of a file suggests."""
    return _MIME_TYPES.guess_type(name)[0] or "application/octet-stream"
