"""Reads OpenAPI documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

__all__ = ["OPERATIONS", "operations", "resolved", "stated", "success"]

OPERATIONS = Path(__file__).with_name("operations.yaml")


def stated() -> dict[str, Any]:
    """Return what the vendor's pages state."""
    found: dict[str, Any] = yaml.safe_load(OPERATIONS.read_text())
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the operations by method and path, with their references followed."""
    methods = ("get", "post", "put", "patch", "delete")
    return {
        (method, path): resolved(item[method], document)
        for path, item in document["paths"].items()
        for method in methods
        if method in item
    }


def success(operation: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the status of a success, and what is stated of it."""
    return next((status, response) for status, response in operation["responses"].items() if status.startswith("2"))


def resolved(value: Any, document: dict[str, Any]) -> Any:
    """Return a part of a document with its references followed."""
    while isinstance(value, dict) and "$ref" in value:
        names = value["$ref"].removeprefix("#/").split("/")
        value = document
        for name in names:
            value = value[name]
    if isinstance(value, dict):
        return {name: resolved(each, document) for name, each in value.items()}
    return [resolved(each, document) for each in value] if isinstance(value, list) else value
