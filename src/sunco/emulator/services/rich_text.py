"""Rich text: Markdown to HTML and HTML to plain text, for common markup only."""

from __future__ import annotations

import re
from html import escape, unescape

_MARKS = (
    (re.compile(r"`([^`\n]+)`"), r"<code>\1</code>"),
    (re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)"), r'<a href="\2">\1</a>'),
    (re.compile(r"\*\*([^*\n]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*([^*\n]+)\*"), r"<em>\1</em>"),
)
_LINE_BREAK = re.compile(r"<br\s*/?>|</(?:p|div|li|h[1-6])>", re.IGNORECASE)
_SCRIPT = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_PARAGRAPH_BREAK = re.compile(r"\n{2,}")


def html_from_markdown(markdown: str) -> str:
    """Convert Markdown to HTML, one `<p>` for each paragraph."""
    marked = escape(markdown.strip())
    for pattern, replacement in _MARKS:
        marked = pattern.sub(replacement, marked)
    paragraphs = _PARAGRAPH_BREAK.split(marked)
    return "".join(f"<p>{paragraph.replace(chr(10), '<br>')}</p>" for paragraph in paragraphs)


def without_scripts(html: str) -> str:
    """Remove `script` and `style` elements with their content."""
    return _SCRIPT.sub("", html)


def text_from_html(html: str) -> str:
    """Convert HTML to the text for channels without rich text."""
    return unescape(_TAG.sub("", _LINE_BREAK.sub("\n", html))).strip()
