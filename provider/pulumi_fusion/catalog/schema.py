"""The JSON Schema of a catalog, derived from the fields in customer/model.py, for editors and other tools.

It is draft-07, the newest that the YAML language server supports: https://github.com/redhat-developer/yaml-language-server.
``pulumi-fusion catalog validate`` applies the rules themselves and finds more.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from pulumi_fusion.catalog.entries import VERSION
from pulumi_fusion.customer.mapping import API_TYPES, FORM_TYPES
from pulumi_fusion.customer.model import FIELDS, OUTPUTS, Fields, Kind
from pulumi_fusion.customer.names import MEANINGS
from pulumi_fusion.customer.rules import shortname

__all__ = ["MODELINE", "as_json", "catalog_schema"]

MODELINE: Final = "# yaml-language-server: $schema={path}"
"""The first line of a catalog, which names the schema for editors; the path is relative to the catalog."""

_DATA: Final = "data_retention"
_ROLLUP: Final = "rollup_retention"

_Schema = Mapping[str, Any]

_DESCRIPTIONS: Final = {name: field.description for name, field in Fields.model_fields.items()}

_IN_ENTRY: Final = [name for name, spec in FIELDS.items() if spec.kind is not Kind.REPLACE]
_IN_DEFAULTS: Final = [name for name in _IN_ENTRY if FIELDS[name].kind is not Kind.CREATE_OPTION]


def as_json(*, types: Sequence[str] = (), without: Collection[str] = ()) -> str:
    """Return the schema as the text of a file. The arguments are those of :func:`catalog_schema`."""
    return json.dumps(catalog_schema(types=types, without=without), indent=2, ensure_ascii=False) + "\n"


def catalog_schema(*, types: Sequence[str] = (), without: Collection[str] = ()) -> dict[str, Any]:
    """Return the schema.

    Args:
        types: Further account types that the service has.
        without: The Python names of fields that the program sets, which are not required.
    """
    required = [name for name in _IN_DEFAULTS if FIELDS[name].required and name not in without]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"urn:pulumi-fusion:catalog:{VERSION}",
        "title": "Catalog of Fusion customers",
        "description": "The customers of a Netography Fusion account, as pulumi-fusion declares them.",
        "type": "object",
        "required": ["version", "customers"],
        "additionalProperties": False,
        "properties": {
            "version": {"description": "The version of this format.", "const": VERSION},
            "defaults": {
                "description": "The fields of every customer that doesn't have them.",
                **_fields(_IN_DEFAULTS),
            },
            "customers": {
                "description": "The customers by shortname. The service assigns the outputs, which can't be here: "
                f"{', '.join(OUTPUTS)}.",
                "type": "object",
                "propertyNames": {"description": _DESCRIPTIONS["shortname"], **shortname.schema},
                "additionalProperties": {"description": "A customer.", **_fields(_IN_ENTRY)},
            },
        },
        "allOf": [*_required_without_default(required), *_retention_with_defaults()],
        "definitions": {name: _field(name, types) for name in _IN_ENTRY},
    }


def _field(name: str, types: Sequence[str]) -> dict[str, Any]:
    described = {"description": _DESCRIPTIONS[name], **FIELDS[name].rule.schema}
    if name == "type":
        # customer/check.py has the rule of the type, since it depends on the service's list.
        described["enum"] = [*FORM_TYPES, *API_TYPES, *types]
    if name in ("status", "type"):
        # Not in JSON Schema; editors show them with the values.
        described["enumDescriptions"] = [MEANINGS.get(value, "A type of the service.") for value in described["enum"]]
    return described


def _fields(names: Sequence[str]) -> dict[str, Any]:
    """Return the schema of a map with these fields, whose rollup retention covers the data retention."""
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"$ref": f"#/definitions/{name}"} for name in names},
        "allOf": [{"if": _has(_DATA, days), "then": _covers(days)} for days in _days(_DATA)],
    }


def _required_without_default(required: Sequence[str]) -> Iterator[_Schema]:
    """Require in each customer the fields that aren't in the defaults."""
    for name in required:
        yield {"if": {"not": _defaults({"required": [name]})}, "then": _each_customer({"required": [name]})}


def _retention_with_defaults() -> Iterator[_Schema]:
    """Compare the two retentions if one of them is a default."""
    for name, then in ((_DATA, _covers), (_ROLLUP, _is_covered)):
        for days in _days(name):
            rule = {"if": {"not": {"required": [name]}}, "then": then(days)}
            yield {"if": _defaults(_has(name, days)), "then": _each_customer(rule)}


def _covers(data: int) -> _Schema:
    """Return the schema of a map whose rollup retention is unset or at least these days."""
    allowed = [days for days in _days(_ROLLUP) if days >= data]
    why = f"Rollup Retention must be at least the Data Retention of {data} days."
    return _property(_ROLLUP, {"enum": allowed, "errorMessage": why})


def _is_covered(rollup: int) -> _Schema:
    """Return the schema of a map whose data retention is unset or at most these days."""
    allowed = [days for days in _days(_DATA) if days <= rollup]
    why = f"Data Retention must be at most the Rollup Retention of {rollup} days in defaults."
    return _property(_DATA, {"enum": allowed, "errorMessage": why})


def _days(name: str) -> Sequence[int]:
    days: Sequence[int] = FIELDS[name].rule.schema["enum"]
    return days


def _property(name: str, schema: _Schema) -> _Schema:
    return {"properties": {name: schema}}


def _has(name: str, value: int) -> _Schema:
    return {"required": [name], **_property(name, {"const": value})}


def _defaults(schema: _Schema) -> _Schema:
    return {"required": ["defaults"], **_property("defaults", schema)}


def _each_customer(schema: _Schema) -> _Schema:
    return _property("customers", {"additionalProperties": schema})
