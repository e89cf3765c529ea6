"""The control routes of the clock, by which access tokens end and rate limits recover."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, jsonify

from fusion_emulator.clock import seconds_of, text_of
from fusion_emulator.errors import Refused
from fusion_emulator.exchange import current
from fusion_emulator.fields import Field, require_object
from fusion_emulator.records import ClockRecord
from fusion_emulator.routes.control import PREFIX
from fusion_emulator.routes.web import json_body

__all__ = ["routes"]

_TIME: Final = Field({"type": "string"}, "a time with a zone, such as 2027-01-01T00:00:00Z", required=False)
_CHANGE: Final = {"now": _TIME, "advance": Field({}, required=False)}

routes = Blueprint("clock", __name__, url_prefix=PREFIX.rstrip("/"))


@routes.get("/clock")
def show_clock() -> Response:
    """Show the time of the emulator, and the seconds by which it is ahead of the machine's."""
    clock = current().service.clock
    ahead, now = clock.ahead, clock()
    record: ClockRecord = {"now": text_of(now), "unix": now, "ahead": ahead}
    return jsonify(record)


@routes.patch("/clock")
def change_clock() -> Response:
    """Set the time to that of ``{"now": "2027-01-01T00:00:00Z"}``, or let ``{"advance": SECONDS}`` pass."""
    change = require_object(json_body(), _CHANGE)
    if len(change) != 1:
        raise Refused(400, "The body needs either now or advance")
    [(name, value)] = change.items()
    clock = current().service.clock
    try:
        if name == "now":
            clock.set(seconds_of(value))
        else:
            clock.advance(_seconds(value))
    except ValueError as wrong:
        raise Refused(400, f"{name}: {wrong}") from None
    return show_clock()


@routes.delete("/clock")
def reset_clock() -> Response:
    """Let the clock show the machine's time again."""
    current().service.clock.reset()
    return show_clock()


def _seconds(value: Any) -> float:
    if type(value) not in (int, float):
        raise ValueError("expected a number of seconds")
    return float(value)
