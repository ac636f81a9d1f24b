"""The API's OpenAPI document, with its references followed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import attrs
import yaml

__all__ = ["Operation", "Schema", "Specification", "read_document"]

Schema = Mapping[str, Any]

_METHODS: Final = ("get", "post", "put", "patch", "delete")


@cache
def read_document(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a specification from its file, once."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(Path(path).read_bytes(), Loader=loader)  # noqa: S506
    return document


@attrs.frozen
class Operation:
    """An operation as the document has it."""

    name: str
    method: str
    path: str
    query: frozenset[str]
    body: Schema | None
    response: Schema | None


class Specification:
    """A document, and which of its schemas have been looked at."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemas: dict[str, Schema] = document["components"]["schemas"]
        self.seen: set[str] = set()

    def resolve(self, schema: Schema) -> Schema:
        """What a schema refers to; the schema itself if it refers to nothing."""
        while "$ref" in schema:
            schema = self._follow(schema["$ref"])
        return schema

    def _follow(self, reference: str) -> Schema:
        found: Any = self.document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        if reference.startswith("#/components/schemas/"):
            self.seen.add(reference.rpartition("/")[2])
        schema: Schema = found
        return schema

    def find(self, path: str) -> Schema:
        """A schema by its name, or a property in it: `clientCreate.confirmation`."""
        name, *inner = path.split(".")
        schema: Schema = {"$ref": f"#/components/schemas/{name}"}
        for step in inner:
            schema = self.properties(schema)[step]
        return schema

    def properties(self, schema: Schema) -> dict[str, Schema]:
        """The properties of an object, those of all its parts and variants taken together."""
        schema = self.resolve(schema)
        found: dict[str, Schema] = dict(schema.get("properties", {}))
        for group in ("allOf", "oneOf", "anyOf"):
            for part in schema.get(group, ()):
                found = {**self.properties(part), **found}
        return found

    def required(self, schema: Schema) -> set[str]:
        """The properties that the schema itself or all of its parts require."""
        schema = self.resolve(schema)
        found = set(schema.get("required", ()))
        for part in schema.get("allOf", ()):
            found |= self.required(part)
        return found

    def kind(self, schema: Schema) -> str:
        """The JSON type of a schema, whatever it is made of."""
        schema = self.resolve(schema)
        if "type" in schema:
            return str(schema["type"])
        for group in ("allOf", "oneOf", "anyOf"):
            for part in schema.get(group, ()):
                return self.kind(part)
        return "object" if "properties" in schema else "any"

    def values(self, schema: Schema) -> frozenset[str]:
        """The values that an enumeration lists; none for what is open."""
        schema = self.resolve(schema)
        found = {str(value) for value in schema.get("enum", ())}
        for part in schema.get("allOf", ()):
            found |= self.values(part)
        return frozenset(found)

    def read_only(self, schema: Schema) -> bool:
        """Whether the API sets it."""
        return bool(schema.get("readOnly") or self.resolve(schema).get("readOnly"))

    def nullable(self, schema: Schema) -> bool:
        """Whether it can be null."""
        resolved = self.resolve(schema)
        return bool(
            schema.get("nullable")
            or resolved.get("nullable")
            or any(map(self.nullable, resolved.get("allOf", ())))
        )

    def variants(self, schema: Schema) -> dict[str, Schema]:
        """The kinds of an object by their discriminator; none if it has none."""
        schema = self.resolve(schema)
        discriminator = schema.get("discriminator")
        if discriminator is None:
            return {}
        if mapping := discriminator.get("mapping"):
            return {tag: {"$ref": reference} for tag, reference in mapping.items()}
        return {
            str(self.properties(part)[discriminator["propertyName"]].get("default"))
            if "default" in self.properties(part)[discriminator["propertyName"]]
            else str(part["$ref"]).rpartition("/")[2]: part
            for part in schema.get("oneOf", ())
        }

    def operations(self) -> Iterator[Operation]:
        """All operations, in the document's order."""
        for path, item in self.document["paths"].items():
            for method in _METHODS:
                if method in item:
                    yield self._operation(method, path, item)

    def _operation(self, method: str, path: str, item: Mapping[str, Any]) -> Operation:
        entry: dict[str, Any] = item[method]
        parameters = [
            self.resolve(parameter)
            for parameter in (*item.get("parameters", ()), *entry.get("parameters", ()))
        ]
        return Operation(
            entry["operationId"],
            method.upper(),
            path,
            frozenset(
                name
                for parameter in parameters
                if parameter["in"] == "query"
                for name in self._query_names(parameter)
            ),
            self._content(entry.get("requestBody", {})),
            next(
                (
                    self._content(self.resolve(response))
                    for status, response in entry["responses"].items()
                    if str(status).startswith("2")
                ),
                None,
            ),
        )

    def _query_names(self, parameter: Mapping[str, Any]) -> list[str]:
        if parameter.get("style") != "deepObject":
            return [parameter["name"]]
        return [f"{parameter['name']}[{name}]" for name in self.properties(parameter["schema"])]

    def _content(self, holder: Mapping[str, Any]) -> Schema | None:
        for content in self.resolve(holder).get("content", {}).values():
            schema: Schema = content["schema"]
            return schema
        return None

    def response_examples(self) -> Iterator[tuple[str, Any]]:
        """All examples of successful responses, with the names of their operations."""
        for item in self.document["paths"].values():
            for method in _METHODS:
                for status, response in item.get(method, {}).get("responses", {}).items():
                    for value in self._examples(response) if status.startswith("2") else ():
                        yield item[method]["operationId"], value

    def event_examples(self) -> dict[str, list[Any]]:
        """The examples of events, by their triggers."""
        content = self.document["x-webhooks"]["Webhook Event"]["post"]["requestBody"]["content"]
        return {
            trigger: self.resolve(example)["value"]["events"]
            for trigger, example in content["application/json"]["examples"].items()
        }

    def _examples(self, holder: Mapping[str, Any]) -> Iterator[Any]:
        for content in self.resolve(holder).get("content", {}).values():
            for example in content.get("examples", {}).values():
                yield self.resolve(example).get("value")

    def triggers(self) -> frozenset[str]:
        """The webhook triggers, as the document's own table lists them."""
        (tag,) = (tag for tag in self.document["tags"] if tag["name"] == "Webhooks")
        return frozenset(
            re.findall(r"^\| ([a-z]+:[A-Za-z:]+) +\|", tag["description"], re.MULTILINE)
        )

    def delivery(self) -> Schema:
        """The body of a webhook delivery."""
        delivery = self._content(
            self.document["x-webhooks"]["Webhook Event"]["post"]["requestBody"]
        )
        assert delivery is not None
        return delivery

    def events(self) -> dict[str, Schema]:
        """The schemas of the webhook events, by their triggers."""
        kinds = {
            reference["$ref"].rpartition("/")[2].removesuffix("Event").lower(): reference
            for reference in self.properties(self.delivery())["events"]["items"]["anyOf"]
        }
        return {
            trigger: kinds[trigger.replace(":", "").lower()]
            for trigger in self.triggers()
            if trigger.replace(":", "").lower() in kinds
        }
