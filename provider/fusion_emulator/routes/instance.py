"""The control routes of the emulator as a whole: health, reset and snapshot."""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version

from flask import Blueprint, Response, jsonify, request

from fusion_emulator.bodies import parse_reset, require_json
from fusion_emulator.exchange import current
from fusion_emulator.records import HealthRecord
from fusion_emulator.routes.control import PREFIX
from fusion_emulator.routes.web import json_body

__all__ = ["routes"]

routes = Blueprint("instance", __name__, url_prefix=PREFIX.rstrip("/"))


@routes.get("/health")
def show_health() -> Response:
    """Show that the emulator answers, with its version, the number of accounts, and where they are stored."""
    emulator = current().emulator
    record: HealthRecord = {
        "status": "ok",
        "version": _version(),
        "uptime": round(emulator.uptime, 3),
        "accounts": len(emulator.accounts()),
        "stored": "file" if emulator.stores else "memory",
    }
    return jsonify(record)


@routes.post("/reset")
def reset() -> Response:
    """Return to what the emulator had at its start; ``{"only": ["faults", "clock"]}`` resets only these parts."""
    current().emulator.reset(parse_reset(json_body() if request.get_data() else {}))
    return show_health()


@routes.get("/snapshot")
def show_snapshot() -> Response:
    """Show all accounts with their users and API keys, without secrets, as a file to save."""
    return Response(current().emulator.snapshot(), mimetype="application/json")


@routes.put("/snapshot")
def load_snapshot() -> Response:
    """Replace all accounts by those of a snapshot. NETOSECRET stays valid."""
    require_json(request.mimetype)
    current().emulator.load(request.get_data())
    return show_snapshot()


@functools.cache
def _version() -> str | None:
    try:
        return version("pulumi-fusion")
    except PackageNotFoundError:
        return None
