"""Changes of a running emulator from another process: routes below /_emulator/.

No fault affects them, and the journal does not contain them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, Final

from flask import Blueprint, Response, current_app, jsonify, request

from fusion_emulator import origins
from fusion_emulator.bodies import parse_faults
from fusion_emulator.errors import Refused, UnknownAccountError
from fusion_emulator.exchange import current
from fusion_emulator.faults import MalformedFault
from fusion_emulator.journal import Entry
from fusion_emulator.openapi import document
from fusion_emulator.records import WholeAccount, whole_account
from fusion_emulator.routes.web import json_body
from fusion_emulator.state import Account
from fusion_emulator.switches import UnknownSwitch

__all__ = ["PREFIX", "controls", "routes"]

PREFIX: Final = "/_emulator/"

routes = Blueprint("control", __name__, url_prefix=PREFIX.rstrip("/"))


def controls(path: str) -> bool:
    """Return whether a path is one of these routes or of the page, which no fault affects and no log contains."""
    return f"{path}/".startswith(PREFIX)


@routes.before_app_request
def refuse_web_pages() -> None:
    """Raise Refused(403) for a request that a web page elsewhere caused; the API has no use for one either."""
    if controls(request.path):
        address = current().emulator.address
        reason = origins.reason_to_refuse(request.method, dict(request.headers), address=address)
        if reason is not None:
            raise Refused(403, f"Refused: {reason}")
    elif origins.foreign(request.headers.get("Sec-Fetch-Site")):
        raise Refused(403, "Refused: it comes from a web page of another origin")


@routes.after_app_request
def keep_from_web_pages(response: Response) -> Response:
    """Return the response with header fields by which browsers keep it from pages elsewhere."""
    if controls(request.path):
        for name, value in origins.HEADERS.items():
            response.headers.setdefault(name, value)
    return response


@routes.get("/openapi.json")
def show_document() -> Response:
    """Describe the routes as an OpenAPI document."""
    return jsonify(document(current_app, current().emulator.switches, url=current().emulator.url))


@routes.get("/faults")
def list_faults() -> Response:
    """List the active faults, and the number of requests that each has affected and still affects."""
    faults = current().emulator.faults
    return jsonify(
        [
            {"fault": fault.text, "left": fault.left, "used": fault.used, "warning": faults.warning(fault)}
            for fault in faults
        ]
    )


@routes.post("/faults")
def add_faults() -> Response:
    """Add the faults of ``{"faults": [LINE, ...]}``; the answer names those that can have no effect."""
    lines = parse_faults(json_body())
    try:
        current().emulator.faults.extend(lines)
    except MalformedFault as problem:
        raise Refused(400, str(problem)) from None
    return list_faults()


@routes.delete("/faults")
def clear_faults() -> Response:
    """Remove all faults."""
    current().emulator.faults.clear()
    return list_faults()


@routes.get("/switches")
def list_switches() -> Response:
    """List the switches and their values."""
    return jsonify(dataclasses.asdict(current().emulator.switches))


@routes.patch("/switches")
def change_switches() -> Response:
    """Change the switches of ``{NAME: VALUE, ...}``."""
    try:
        current().emulator.switch(**_object())
    except UnknownSwitch as problem:
        raise Refused(400, str(problem)) from None
    return list_switches()


@routes.get("/requests")
def list_requests() -> Response:
    """List the last 10 000 requests, with no value of a body but its shortname; the header X-Total-Count counts all."""
    return _requests(current().emulator.requests)


@routes.get("/requests/unmatched")
def list_unmatched_requests() -> Response:
    """List those of the requests that no route matched, by their path or method."""
    return _requests(current().emulator.requests.unmatched())


@routes.delete("/requests")
def forget_requests() -> Response:
    """Clear the list of requests."""
    current().emulator.requests.clear()
    return list_requests()


@routes.get("/accounts")
def list_accounts() -> Response:
    """List all accounts except the root, with every field except secrets."""
    emulator = current().emulator
    return jsonify([_public(account) for account in emulator.accounts()])


@routes.post("/accounts")
def create_account() -> Response:
    """Create the account of ``{"shortname": ..., FIELD: VALUE, ...}``, optionally below the account ``parent``."""
    fields = _object()
    try:
        return jsonify(_public(current().emulator.add(fields)))
    except UnknownAccountError as missing:
        raise Refused(400, f"parent: there is no account {missing.args[0]!r}") from None


@routes.patch("/accounts/<shortname>")
def change_account(shortname: str) -> Response:
    """Change the fields of an account to those of ``{FIELD: VALUE, ...}``."""
    emulator, fields = current().emulator, _object()
    if emulator.account(shortname) is None:
        raise Refused(404, f"There is no account {shortname!r}")
    try:
        return jsonify(_public(emulator.edit(shortname, **fields)))
    except UnknownAccountError as missing:
        raise Refused(400, f"parent: there is no account {missing.args[0]!r}") from None


@routes.delete("/accounts/<shortname>")
def remove_account(shortname: str) -> Response:
    """Remove an account and the accounts below it. The root account stays."""
    try:
        current().emulator.remove(shortname)
    except UnknownAccountError:
        raise Refused(404, f"There is no account {shortname!r}") from None
    return Response(status=204)


@routes.get("/mails")
def list_mails() -> Response:
    """List the last 1 000 invitations that the real service would have sent."""
    return jsonify([dataclasses.asdict(mail) for mail in current().emulator.mails()])


def _requests(entries: Iterable[Entry]) -> Response:
    response = jsonify([dataclasses.asdict(entry) for entry in entries])
    response.headers["X-Total-Count"] = str(current().emulator.requests.total)
    return response


def _object() -> dict[str, Any]:
    body = json_body()
    if not isinstance(body, dict):
        raise Refused(400, "The body is not a JSON object")
    return body


def _public(account: Account) -> WholeAccount:
    above = current().service.state.accounts.get(account.parent or "")
    return whole_account(account, parent=above.shortname if above else None)
