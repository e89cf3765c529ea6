"""The fields of bodies: one description, which the service validates by and its OpenAPI document shows."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fusion_emulator.errors import Refused

__all__ = ["SPACE", "Field", "is_network", "is_utf_8", "object_schema", "require_object"]

# What Python counts as white space and ECMA-262 does not, and the other way round.
SPACE: Final = r"\s\u001c-\u001f\u0085\ufeff"

_TYPES: Final[Mapping[str, type]] = {"string": str, "integer": int, "boolean": bool, "array": list}


@dataclass(frozen=True)
class Field:
    """One field of a body.

    ``schema`` is JSON Schema with a ``type`` (or empty, for any value) and the keywords of ``_RULES``; its patterns are
    those that Python and ECMA-262 read alike, from ``^`` to ``$``. ``expects`` completes the sentence of a refusal.
    """

    schema: Mapping[str, Any]
    expects: str = ""
    required: bool = True
    nullable: bool = False


def object_schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the JSON Schema of a body with these fields and no others."""
    return {
        "type": "object",
        "required": [name for name, field in fields.items() if field.required],
        "additionalProperties": False,
        "properties": {name: _schema(field) for name, field in fields.items()},
    }


def require_object(body: object, fields: Mapping[str, Field]) -> dict[str, Any]:
    """Return the body if it has all required fields, no unknown one, and valid values.

    Raises:
        Refused: 400 with everything that is wrong.
    """
    if not isinstance(body, dict):
        raise Refused(400, "The body is not a JSON object")
    unknown = [f"{name}: no such field" for name in body if name not in fields]
    wrong = [f"{name}: {_problem(body, name, field)}" for name, field in fields.items() if _problem(body, name, field)]
    if unknown or wrong:
        known = f" (there are: {', '.join(fields)})" if unknown else ""
        raise Refused(400, "; ".join((*unknown, *wrong)) + known)
    return body


def is_network(text: str) -> bool:
    """Return whether a text is an IP address or a network in CIDR notation."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def is_utf_8(text: str) -> bool:
    """Return whether UTF-8 can encode a text; it can't encode half of a surrogate pair, which arguments may have."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _schema(field: Field) -> dict[str, Any]:
    return {"anyOf": [dict(field.schema), {"type": "null"}]} if field.nullable else dict(field.schema)


def _problem(body: Mapping[str, object], name: str, field: Field) -> str:
    """Return what is wrong with a field, "" if nothing is."""
    if name not in body:
        return "required" if field.required else ""
    if body[name] is None and field.nullable:
        return ""
    # Exact types: in Python, True is an int; in JSON, 7.0 is not a number that the service documents.
    if "type" in field.schema and type(body[name]) is not _TYPES[field.schema["type"]]:
        return f"expected {field.expects or field.schema['type']}"
    value = body[name]
    if isinstance(value, str) and not is_utf_8(value):
        return "expected a text without half of a surrogate pair"
    return "" if _valid(value, field.schema) else f"expected {field.expects}"


def _valid(value: object, schema: Mapping[str, Any]) -> bool:
    return all(_RULES[keyword](value, rule) for keyword, rule in schema.items())


_FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {
    "ip": lambda text: is_network(text) and "/" not in text,
    "network": is_network,
}
_RULES: Final[Mapping[str, Callable[[Any, Any], object]]] = {
    "type": lambda value, name: type(value) is _TYPES[name],
    # Not search: there, "$" also matches before a line break at the end.
    "pattern": lambda value, pattern: re.fullmatch(pattern, value),
    "enum": lambda value, values: value in values,
    "minimum": lambda value, least: value >= least,
    "maximum": lambda value, most: value <= most,
    "format": lambda value, kind: _FORMATS[kind](value),
    "maxItems": lambda value, most: len(value) <= most,
    "items": lambda value, schema: all(_valid(each, schema) for each in value),
}
