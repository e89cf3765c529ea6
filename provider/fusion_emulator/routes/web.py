"""What the routes need of a request and for an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from flask import Response, g, request

from fusion_emulator import auth, records
from fusion_emulator.auth import Caller
from fusion_emulator.bodies import read_json
from fusion_emulator.exchange import current
from fusion_emulator.roles import Action

__all__ = ["answer", "caller_for", "json_body", "many", "no_content", "one", "shows_stale", "stale_views"]

View = TypeVar("View", bound=Callable[..., Response])

stale_views: Final[set[Callable[..., Response]]] = set()
"""The views on which the fault ``stale`` has an effect."""


def shows_stale(view: View) -> View:
    """Mark a view that reads ``Exchange.stale``."""
    stale_views.add(view)
    return view


def caller_for(resource: str, action: Action) -> Caller:
    """Return the caller of the request, or raise Refused if it may not do this."""
    exchange = current()
    caller = auth.authenticate(exchange, request.headers.get("Authorization"))
    caller.require(resource, action)
    return caller


def json_body() -> Any:
    """Return the body as JSON, parsed once per request, or raise Refused(400)."""
    if "body" not in g:
        g.body = read_json(request.mimetype, request.get_data())
    return g.body


def answer(document: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(document), status, headers=headers, mimetype="application/json")


def many(found: Sequence[records.Record]) -> Response:
    """Return an answer with a list of records."""
    return answer(records.envelope(found))


def one(record: records.Record, status: int = 200) -> Response:
    """Return an answer with one record."""
    data = [record] if current().service.switches.single_as == "list" else record
    return answer(records.envelope(data, code=status), status)


def no_content(headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer without a body."""
    response = Response(status=204, headers=headers)
    del response.headers["Content-Type"]
    return response
