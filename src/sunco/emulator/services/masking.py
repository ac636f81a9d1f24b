"""Masking credit card numbers in messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

# 13 to 19 digits, which single spaces or dashes may separate.
_CANDIDATE = re.compile(r"(?<![0-9])[0-9](?:[ -]?[0-9]){12,18}(?![0-9])")
_VISIBLE_DIGITS = 4
_TEXTS = frozenset({"text", "htmlText", "textFallback", "title", "description"})
_NESTED = ("items", "fields")


def mask_card_numbers(content: Mapping[str, Any]) -> dict[str, Any]:
    """Replace all but the last four digits of credit card numbers in the texts of a message.

    Args:
        content: The content in the form of the API.
    """
    masked = {
        name: _mask(member) if name in _TEXTS and isinstance(member, str) else member
        for name, member in content.items()
    }
    for name in _NESTED:
        if name in masked:
            parts = cast("list[dict[str, Any]]", masked[name])
            masked[name] = [mask_card_numbers(part) for part in parts]
    return masked


def _mask(text: str) -> str:
    return _CANDIDATE.sub(lambda match: _masked(match.group()), text)


def _masked(candidate: str) -> str:
    digits = [character for character in candidate if character.isdigit()]
    if not _has_check_digit(digits):
        return candidate
    hidden = iter("*" * (len(digits) - _VISIBLE_DIGITS) + "".join(digits[-_VISIBLE_DIGITS:]))
    return "".join(next(hidden) if one.isdigit() else one for one in candidate)


def _has_check_digit(digits: list[str]) -> bool:
    # The Luhn algorithm.
    doubled = (sum(divmod(int(one) * 2, 10)) for one in digits[-2::-2])
    return (sum(doubled) + sum(int(one) for one in digits[::-2])) % 10 == 0
