"""Changes of the JSON document of an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fusion_emulator.answers import Answer
from fusion_emulator.faults.delivery import Delivery

__all__ = ["map_records", "mistyped", "rewritten", "without"]


def rewritten(genuine: Answer | None, change: Callable[[Any], Any]) -> Delivery:
    """Change the JSON document of an answer; an answer without one is delivered as it is."""
    if genuine is None or not genuine.body:
        return Delivery(genuine)
    try:
        document = change(json.loads(genuine.body))
    except ValueError:
        return Delivery(genuine)
    return Delivery(Answer(genuine.status, genuine.headers, json.dumps(document).encode()))


def map_records(document: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Change every record of a document: those of the envelope's data, else the document itself."""
    if isinstance(document, list):
        return [map_records(each, change) for each in document]
    if not isinstance(document, dict):
        return document
    if "data" in document:
        data = document["data"]
        return {**document, "data": [change(each) for each in data] if isinstance(data, list) else change(data)}
    return change(document)


def without(fields: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Remove fields of these names at every depth."""
    return {
        name: without(value, names) if isinstance(value, dict) else value
        for name, value in fields.items()
        if name not in names
    }


def mistyped(fields: dict[str, Any], names: set[str] | None) -> dict[str, Any]:
    """Change the types of the fields of these names at every depth; None for all fields."""
    return {
        name: _other_type(value)
        if names is None or name in names
        else (mistyped(value, names) if isinstance(value, dict) else value)
        for name, value in fields.items()
    }


def _other_type(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return 42
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return [value]
    return {"0": value}
