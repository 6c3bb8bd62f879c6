"""Google's contract: routes, parameters, bodies, answers and scopes, read from the discovery document.

Nothing here is written by hand, so the fake server can be stricter than Google but not laxer than what Google
publishes: an unknown route is 404, an unknown parameter or field, a wrong type or value 400.
"""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import googleapiclient

from tests.fakes.google import times
from tests.fakes.google.errors import Refused
from tests.fakes.google.partial import Tree

BASE = "/calendar/v3/"
SCOPE = "https://www.googleapis.com/auth/"
_VALUES = re.compile(r'^\s*- "([^"]+)"', re.MULTILINE)
_INTEGERS = {"int32": 2**31, "uint32": 2**32, "int64": 2**63}


def document() -> dict[str, Any]:
    """The discovery document that the client ships with."""
    folder = Path(next(iter(googleapiclient.__path__)))
    with (folder / "discovery_cache/documents/calendar.v3.json").open(encoding="utf-8") as file:
        found: dict[str, Any] = json.load(file)
    return found


@dataclass(frozen=True)
class Method:
    """One method of the interface."""

    id: str
    verb: str
    path: str
    parameters: Mapping[str, Mapping[str, Any]]
    request: str
    response: str
    scopes: frozenset[str]

    @functools.cached_property
    def route(self) -> re.Pattern[str]:
        """Matches its path below the base; percent-encoding is still there."""
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))


class Contract:
    """The whole of the discovery document, ready to judge requests and answers."""

    def __init__(self, doc: Mapping[str, Any]) -> None:
        self.schemas: dict[str, dict[str, Any]] = doc["schemas"]
        self.scopes = frozenset(doc["auth"]["oauth2"]["scopes"])
        common = doc["parameters"]
        methods = [
            _method(found, common)
            for resource in doc["resources"].values()
            for found in resource["methods"].values()
        ]
        # Words before placeholders: `events/import` is no event named "import".
        self.methods = sorted(methods, key=lambda method: method.path.count("{"))
        self.by_id = {method.id: method for method in methods}

    def find(self, verb: str, path: str) -> tuple[Method, dict[str, str]]:
        """The method of a path, and the parameters in the path."""
        for method in self.methods:
            if method.verb == verb and (match := method.route.fullmatch(path[len(BASE) :])):
                return method, {key: unquote(text) for key, text in match.groupdict().items()}
        raise Refused(404, "notFound")

    def arguments(
        self, method: Method, in_path: Mapping[str, str], query: Mapping[str, list[str]]
    ) -> dict[str, Any]:
        """The parameters with their types, defaults filled in; 400 for one that is not right."""
        given = {**query, **{key: [text] for key, text in in_path.items()}}
        unknown = sorted(set(given) - set(method.parameters))
        if unknown:
            raise Refused(
                400, "invalidParameter", f"Unknown parameter {unknown[0]}", location=unknown[0]
            )
        found: dict[str, Any] = {}
        for name, schema in method.parameters.items():
            if name in given:
                values = [_argument(name, text, schema) for text in given[name]]
                found[name] = values if schema.get("repeated") else values[-1]
            elif schema.get("required"):
                raise Refused(400, "required", f"Required parameter: {name}", location=name)
            elif "default" in schema:
                found[name] = _argument(name, schema["default"], schema)
        return found

    def check_body(self, method: Method, body: object) -> dict[str, Any]:
        """The body of a request, without its nulls unless they mean something (patch)."""
        if not method.request:
            return {}
        schema = self.schemas[method.request]
        self._check(body, schema, "resource")
        assert isinstance(body, dict)
        if method.verb != "PATCH":
            body = _without_nulls(body)
        for name, child in schema["properties"].items():
            if method.id in child.get("annotations", {}).get("required", ()) and name not in body:
                raise Refused(400, "required", f"Missing {name}.", location=name)
        return body

    def check_answer(self, method: Method, body: object) -> None:
        """Refuse an answer that the schema does not allow: the fake server itself is wrong."""
        if method.response:
            self._check(body, self.schemas[method.response], method.response)

    def check_fields(self, method: Method, tree: Tree) -> None:
        """Refuse a selector that names what the answer never has."""
        if method.response:
            self._check_tree(tree, self.schemas[method.response])

    def _check_tree(self, tree: Tree, schema: Mapping[str, Any]) -> None:
        schema = self._resolve(schema)
        if "items" in schema:
            self._check_tree(tree, schema["items"])
            return
        for name, below in tree.items():
            child = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if child is not None:
                self._check_tree(below, child)
            elif name != "*":
                raise Refused(
                    400, "invalidParameter", f"Invalid field selection {name}", location="fields"
                )

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.schemas[schema["$ref"]] if "$ref" in schema else schema

    def _check(self, value: object, schema: Mapping[str, Any], where: str) -> None:
        schema = self._resolve(schema)
        kind = schema["type"]
        if kind == "object":
            self._check_object(value, schema, where)
        elif kind == "array":
            if not isinstance(value, list):
                raise _wrong(where)
            for item in value:
                self._check(item, schema["items"], where)
        elif not _is_scalar(value, schema):
            raise _wrong(where)

    def _check_object(self, value: object, schema: Mapping[str, Any], where: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(where)
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            child = known.get(name) or others
            if child is None:
                raise Refused(
                    400, "badRequest", f'Unknown name "{name}" at "{where}"', location=name
                )
            if item is not None:
                self._check(item, child, f"{where}.{name}")


@functools.cache
def contract() -> Contract:
    """The contract of the client that is installed."""
    return Contract(document())


def _method(found: Mapping[str, Any], common: Mapping[str, Any]) -> Method:
    return Method(
        id=found["id"],
        verb=found["httpMethod"],
        path=found["path"],
        parameters={**common, **found.get("parameters", {})},
        request=found.get("request", {}).get("$ref", ""),
        response=found.get("response", {}).get("$ref", ""),
        scopes=frozenset(found["scopes"]),
    )


def _wrong(where: str) -> Refused:
    return Refused(400, "invalid", f"Invalid value at {where}", location=where)


def _argument(name: str, text: str, schema: Mapping[str, Any]) -> Any:
    kind = schema["type"]
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    if kind == "integer" and re.fullmatch(r"-?\d{1,10}", text):
        value = int(text)
        if int(schema.get("minimum", value)) <= value <= int(schema.get("maximum", value)):
            return value
    is_known = text in schema.get("enum", [text])
    is_formed = schema.get("format") != "date-time" or _is_time(text, times.RFC3339)
    if kind == "string" and is_known and is_formed:
        return text
    raise Refused(400, "invalid", f"Invalid value for: {name}", location=name)


def _is_time(text: str, pattern: re.Pattern[str]) -> bool:
    if not pattern.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_scalar(value: object, schema: Mapping[str, Any]) -> bool:
    kind = schema["type"]
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in {"integer", "number"}:
        return _is_number(value, schema)
    if schema.get("format") == "int64":
        return isinstance(value, int | str) and bool(re.fullmatch(r"-?\d{1,19}", str(value)))
    return kind == "any" or (isinstance(value, str) and _is_text(value, schema))


def _is_number(value: object, schema: Mapping[str, Any]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    limit = _INTEGERS.get(schema.get("format", ""))
    return limit is None or (isinstance(value, int) and -limit <= value < limit)


def _is_text(value: str, schema: Mapping[str, Any]) -> bool:
    form = schema.get("format", "")
    if form == "date-time":
        return _is_time(value, times.RFC3339) or _is_time(value, times.LOCAL)
    if form == "date":
        return bool(times.DATE.fullmatch(value)) and _is_date(value)
    allowed = _allowed(schema.get("description", ""))
    return not allowed or value in allowed


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


@functools.cache
def _allowed(description: str) -> frozenset[str]:
    """The document gives the values of a field only in words: 'Possible values are: - "x" - ...'."""
    _, found, tail = description.partition("ossible values are:")
    return frozenset(_VALUES.findall(tail)) if found else frozenset()


def _without_nulls(value: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(item) if isinstance(item, dict) else item
        for key, item in value.items()
        if item is not None
    }
