"""Messages with `{placeholders}` for the columns of a row."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import attrs

from sunco import SuncoError
from sunco._json import is_array, is_object
from sunco.cli.json_input import load_json, string_problem

__all__ = ["InputError", "Message", "Template", "fill"]

Message: TypeAlias = str | dict[str, Any]

_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([^\W\d][\w .-]*)\}")


class InputError(SuncoError):
    """Input that cannot be used. Nothing was sent."""


@attrs.frozen
class Template:
    """One message for all rows.

    Attributes:
        message: A text, or content in the API's form.
        schema: `"whatsapp"` for a WhatsApp template.
    """

    message: Message
    schema: str | None = None

    @classmethod
    def read(cls, path: Path) -> Template:
        """Read a file: JSON is content or a WhatsApp template, anything else is a text.

        Raises:
            InputError: The file cannot be read, or is neither.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise InputError(f"{path} is not UTF-8.") from error
        if path.suffix.lower() != ".json":
            return cls(text.rstrip("\r\n"))
        try:
            message = load_json(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path} is not JSON: {error}.") from None
        problem = string_problem(message)
        if problem is not None:
            raise InputError(f"{path}: {problem}.")
        if not is_object(message):
            raise InputError(f"{path} must hold a JSON object.")
        content = message
        if "type" not in content and {"name", "language"} <= content.keys():
            content = {"type": "template", "template": content}
        return cls(content, "whatsapp" if content.get("type") == "template" else None)


def fill(message: Any, columns: Mapping[str, Any], used: set[str]) -> Any:
    """Replace the placeholders in all strings of a message.

    Args:
        message: A text, or content.
        columns: The values, by name.
        used: Gets the names that occur.

    Raises:
        InputError: A placeholder has no value.
    """
    if isinstance(message, str):
        return _PLACEHOLDER.sub(lambda found: _replacement(found, columns, used), message)
    if is_object(message):
        return {name: fill(value, columns, used) for name, value in message.items()}
    if is_array(message):
        return [fill(value, columns, used) for value in message]
    return message


def _replacement(found: re.Match[str], columns: Mapping[str, Any], used: set[str]) -> str:
    name: str | None = found[1]
    if name is None:
        return found[0][0]
    value = columns.get(name)
    if value is None or value == "":
        raise InputError(f"{{{name}}} has no value: there is no such column, or it is empty")
    used.add(name)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
