"""The JSON Schemas of bodies and answers."""

from __future__ import annotations

from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core.core_schema import DataclassSchema, TypedDictSchema

from fusion_emulator import bodies
from fusion_emulator.openapi.operations import OPERATIONS, Many, One
from fusion_emulator.records import AccountRecord, ErrorRecord, JsonObject, TypeRecord
from fusion_emulator.switch_texts import described
from fusion_emulator.switches import Switches, schemas

__all__ = ["Types"]

_REFERENCE: Final = "#/components/schemas/{model}"
_EXTENDED: Final = ("organization", "type", "fps")


class Types:
    """The schemas of all types that the routes use, as the switches are now.

    ``definitions`` has those with a name, the others refer to them.
    """

    def __init__(self, switches: Switches) -> None:
        """Make the schemas."""
        self.switches = switches
        answers = [_inner(each.answer) for each in OPERATIONS.values() if not isinstance(each.answer, str | None)]
        wanted: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
            (repr(each), "serialization", TypeAdapter(each)) for each in (ErrorRecord, *answers)
        ]
        wanted += [
            (repr(each.body), "validation", TypeAdapter(each.body))
            for each in OPERATIONS.values()
            if not isinstance(each.body, str | None)
        ]
        self._schemas, named = TypeAdapter.json_schemas(wanted, ref_template=_REFERENCE, schema_generator=_Schemas)
        self.definitions: JsonObject = {
            **named["$defs"],
            **bodies.schemas(switches),
            "Switches": _object(_switches()),
            "SwitchChanges": {**_object(_switches()), "required": []},
        }
        self._adjust()

    def _adjust(self) -> None:
        account = self.definitions[AccountRecord.__name__]
        if self.switches.record == "strict":
            for name in _EXTENDED:
                del account["properties"][name]
        else:
            account["required"] += ["organization", "type"]
        self.definitions[TypeRecord.__name__]["properties"]["value"]["enum"] = list(self.switches.account_types)

    def body(self, body: Any) -> JsonObject:
        """Return the schema of a body: a name of a definition, or a type."""
        return _named(body) if isinstance(body, str) else self._schemas[repr(body), "validation"]

    def answer(self, answer: Any) -> JsonObject:
        """Return the schema of an answer: a name of a definition, a type, or an envelope."""
        if isinstance(answer, str):
            return _named(answer)
        schema = self._schemas[repr(_inner(answer)), "serialization"]
        if isinstance(answer, Many):
            most = {"maxItems": self.switches.list_limit} if self.switches.list_limit else {}
            return _envelope({"type": "array", "items": schema, **most})
        if isinstance(answer, One) and self.switches.single_as == "list":
            return _envelope({"type": "array", "items": schema, "minItems": 1, "maxItems": 1})
        return _envelope(schema) if isinstance(answer, One) else schema


class _Schemas(GenerateJsonSchema):
    """Without titles, and without properties that are not named."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def typed_dict_schema(self, schema: TypedDictSchema) -> JsonSchemaValue:
        return _closed(super().typed_dict_schema(schema))

    def dataclass_schema(self, schema: DataclassSchema) -> JsonSchemaValue:
        return _closed(super().dataclass_schema(schema))


def _closed(schema: JsonSchemaValue) -> JsonSchemaValue:
    if schema.get("type") != "object":
        return schema
    schema.pop("title", None)
    return {**schema, "additionalProperties": False}


def _named(name: str) -> JsonObject:
    return {"$ref": _REFERENCE.format(model=name)}


def _switches() -> JsonObject:
    return {name: {"description": described()[name], **schema} for name, schema in schemas().items()}


def _inner(answer: Any) -> Any:
    return answer.record if isinstance(answer, One | Many) else answer


def _envelope(data: JsonObject) -> JsonObject:
    meta = _object({"code": {"type": "integer"}, "count": {"type": "integer"}})
    return _object({"meta": meta, "data": data})


def _object(properties: JsonObject) -> JsonObject:
    return {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}
