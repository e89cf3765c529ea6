"""The hand on the switches of a running emulator, for who is in another process: routes below /_emulator/.

=================  ======================================================================================
GET, POST, DELETE  ``/_emulator/faults``: the lines in force; ``{"faults": [LINE, ...]}`` adds; ends all
GET, PATCH         ``/_emulator/switches``: all; ``{NAME: VALUE, ...}`` changes some
GET, DELETE        ``/_emulator/requests``: what was asked, without any value of a body; forgets it
GET                ``/_emulator/accounts``: every account but the root, with every field but secrets
POST               ``/_emulator/accounts``: ``{"shortname": ..., ["parent": ...], ...}`` makes one behind the API's back
PATCH, DELETE      ``/_emulator/accounts/SHORTNAME``: changes or removes one behind the API's back
GET                ``/_emulator/mails``: the invitations that the real service would have sent
=================  ======================================================================================
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, abort, jsonify, request

from fusion_emulator.accounts import Account, Refused
from fusion_emulator.faults import MalformedFault
from fusion_emulator.records import read_json
from fusion_emulator.switches import UnknownSwitch

if TYPE_CHECKING:
    from fusion_emulator.server import Emulator

__all__ = ["PREFIX", "control_routes"]

PREFIX = "/_emulator/"


def control_routes(app: Flask, emulator: Emulator) -> None:
    """Adds the routes; the server listens on loopback alone, and a page of a browser cannot use them."""

    @app.before_request
    def only_from_here() -> None:
        # A name that resolves to loopback (DNS rebinding) would let a web page reach these routes.
        if request.path.startswith(PREFIX) and request.host.partition(":")[0] not in ("127.0.0.1", "localhost"):
            abort(403)

    @app.get(f"{PREFIX}faults")
    def faults() -> Response:
        return jsonify([{"fault": fault.text, "left": fault.left} for fault in emulator.faults])

    @app.post(f"{PREFIX}faults")
    def add_faults() -> Response:
        try:
            emulator.faults.add(*_object()["faults"])
        except (MalformedFault, KeyError, TypeError, AttributeError) as problem:
            raise Refused(400, str(problem)) from None
        return faults()

    @app.delete(f"{PREFIX}faults")
    def clear_faults() -> Response:
        emulator.faults.clear()
        return faults()

    @app.get(f"{PREFIX}switches")
    def switches() -> Response:
        return jsonify(dataclasses.asdict(emulator.switches))

    @app.patch(f"{PREFIX}switches")
    def change_switches() -> Response:
        try:
            emulator.switch(**_object())
        except (UnknownSwitch, TypeError) as problem:
            raise Refused(400, str(problem)) from None
        return switches()

    @app.get(f"{PREFIX}requests")
    def requests() -> Response:
        return jsonify([dataclasses.asdict(entry) for entry in emulator.requests])

    @app.delete(f"{PREFIX}requests")
    def forget_requests() -> Response:
        emulator.requests.clear()
        return requests()

    @app.get(f"{PREFIX}accounts")
    def accounts() -> Response:
        return jsonify([_public(account) for account in emulator.accounts()])

    @app.post(f"{PREFIX}accounts")
    def seed() -> Response:
        try:
            return jsonify(_public(emulator.seed(**_object())))
        except (KeyError, TypeError) as problem:
            raise Refused(400, str(problem)) from None

    @app.patch(f"{PREFIX}accounts/<shortname>")
    def edit(shortname: str) -> Response:
        try:
            return jsonify(_public(emulator.edit(shortname, **_object())))
        except KeyError:
            abort(404)
        except TypeError as problem:
            raise Refused(400, str(problem)) from None

    @app.delete(f"{PREFIX}accounts/<shortname>")
    def remove(shortname: str) -> Response:
        try:
            emulator.remove(shortname)
        except KeyError:
            abort(404)
        return Response(status=204)

    @app.get(f"{PREFIX}mails")
    def mails() -> Response:
        return jsonify([dataclasses.asdict(mail) for mail in emulator.mails()])


def _object() -> dict[str, Any]:
    body = read_json(request.mimetype, request.get_data())
    if not isinstance(body, dict):
        raise Refused(400, "The body is no JSON object")
    return body


def _public(account: Account) -> dict[str, Any]:
    fields = dataclasses.asdict(account)
    del fields["sharedsecret"]
    return fields
