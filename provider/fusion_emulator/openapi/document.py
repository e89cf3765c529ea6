"""An OpenAPI document of the routes, as the switches are now."""

from __future__ import annotations

import http
import inspect
import re
from collections.abc import Iterator
from typing import Final

from flask import Flask
from werkzeug.routing import Rule

from fusion_emulator.openapi.operations import OPERATIONS, Operation
from fusion_emulator.openapi.types import Types
from fusion_emulator.records import ErrorRecord, JsonObject
from fusion_emulator.switches import Switches

__all__ = ["document"]

_DESCRIPTION: Final = """\
What this emulator accepts and answers with its present switches. It is not the vendor's document, which is at
https://docs.netography.com/api-reference. A fault, a request that is not valid HTTP, and a method or path that does not
exist have further answers. Numbers are whole numbers without a fraction: 7, not 7.0."""


def document(app: Flask, switches: Switches, *, url: str) -> JsonObject:
    """Return the OpenAPI 3.1 document of the routes.

    Args:
        app: Has the routes.
        switches: Decide what is accepted and answered.
        url: The address of the server, without a path.
    """
    types = Types(switches)
    paths: dict[str, JsonObject] = {}
    for rule in app.url_map.iter_rules():
        operation = OPERATIONS.get(rule.endpoint)
        if operation is not None:
            # Markdown, unlike the docstring.
            summary = (inspect.getdoc(app.view_functions[rule.endpoint]) or "").replace("``", "`")
            described = _operation(rule, operation, types, summary.partition("\n")[0].rstrip("."))
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            paths.setdefault(_template(rule), {}).update({method.lower(): described for method in sorted(methods)})
    return {
        "openapi": "3.1.0",
        "info": {"title": "Emulator of the Fusion customers API", "version": "1", "description": _DESCRIPTION},
        "servers": [{"url": url}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": types.definitions,
        },
    }


def _template(rule: Rule) -> str:
    return re.sub(r"<(?:\w+:)?(\w+?)_?>", r"{\1}", rule.rule)


def _operation(rule: Rule, operation: Operation, types: Types, summary: str) -> JsonObject:
    blueprint, _, name = rule.endpoint.partition(".")
    described: JsonObject = {"operationId": name, "summary": summary, "tags": [blueprint]}
    if not operation.token:
        described["security"] = []
    if rule.arguments:
        described["parameters"] = [
            {"name": each.rstrip("_"), "in": "path", "required": True, "schema": {"type": "string"}}
            for each in sorted(rule.arguments)
        ]
    if operation.body is not None:
        described["requestBody"] = {"required": operation.body_required, "content": _json(types.body(operation.body))}
    described["responses"] = dict(_responses(operation, types))
    return described


def _responses(operation: Operation, types: Types) -> Iterator[tuple[str, JsonObject]]:
    success = _json(types.answer(operation.answer)) if operation.answer is not None else None
    yield str(operation.status), _response(operation.status, success)
    refusals = operation.refusals(types.switches) | {403} | ({401} if operation.token else set())
    if operation.body is not None:
        refusals.add(400)
    for status in sorted(refusals):
        yield str(status), _response(status, _json(types.answer(ErrorRecord)))


def _response(status: int, content: JsonObject | None) -> JsonObject:
    phrase = {"description": http.HTTPStatus(status).phrase}
    return phrase if content is None else {**phrase, "content": content}


def _json(schema: JsonObject) -> JsonObject:
    return {"application/json": {"schema": schema}}
