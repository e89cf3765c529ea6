"""The routes about access to the caller's own account: tokens, users, API keys and addresses.

The vendor has more of them. These are the ones that the provider and sessions inside a customer use.
"""

from __future__ import annotations

import dataclasses

from flask import Blueprint, Response

from fusion_emulator import auth, records
from fusion_emulator.addresses import parse_addresses
from fusion_emulator.bodies import parse_key, parse_user, request_token
from fusion_emulator.errors import Refused
from fusion_emulator.exchange import current
from fusion_emulator.keys import add_key, new_key
from fusion_emulator.routes.web import answer, caller_for, json_body, many, no_content, one
from fusion_emulator.state import ApiKey, Change, State, User
from fusion_emulator.users import add_user, remove_user

__all__ = ["ADDRESSES", "routes"]

ADDRESSES = "access-allowed-ips"
"""The last part of the path of the allowed addresses, too long for a shortname."""

routes = Blueprint("access", __name__, url_prefix="/api/v1")


@routes.post("/auth/token")
def issue_token() -> Response:
    """Issue an access token for a request token."""
    return answer(auth.token_for_key(current(), request_token(json_body())))


@routes.get("/users")
def list_users() -> Response:
    """List the users of the account."""
    caller = caller_for("users", "fetch")
    users = (each for each in current().service.state.users.values() if each.account == caller.account.id)
    return many([records.user_record(each) for each in users])


@routes.post("/user")
def create_user() -> Response:
    """Create a user."""
    caller = caller_for("users", "create")
    service = current().service
    service.count("user", caller.account.id)
    wanted = parse_user(json_body())

    def change(state: State) -> tuple[Change, User]:
        user = User(id=service.mint(state.minted), account=caller.account_in(state).id, **wanted)
        return add_user(state, user, service.switches), user

    return one(records.user_record(service.commit(change)), 201)


@routes.delete("/user/<id_>")
def delete_user(id_: str) -> Response:
    """Delete a user."""
    caller = caller_for("users", "delete")
    service = current().service

    def change(state: State) -> tuple[Change, None]:
        user = state.users.get(id_)
        if user is None or user.account != caller.account.id:
            raise Refused(service.switches.absence, "No such user")
        return remove_user(state, user), None

    service.commit(change)
    return no_content()


@routes.post("/api-keys")
def create_key() -> Response:
    """Create an API key."""
    caller = caller_for("api-keys", "create")
    fields = parse_key(json_body())
    service = current().service

    def change(state: State) -> tuple[Change, ApiKey]:
        key = new_key(service.mint(state.minted), caller.account_in(state).id, **fields)
        return add_key(state, key), key

    return one(records.key_record(service.commit(change)), 201)


@routes.get(f"/customer/{ADDRESSES}")
def list_addresses() -> Response:
    """List the addresses from which the account may be used."""
    return answer(list(caller_for("security", "fetch").account.allowed_ips))


@routes.put(f"/customer/{ADDRESSES}")
def replace_addresses() -> Response:
    """Replace the addresses from which the account may be used."""
    caller = caller_for("security", "update")
    service = current().service
    wanted = parse_addresses(json_body(), current().client, service.switches)

    def change(state: State) -> tuple[Change, None]:
        account = caller.account_in(state)
        return Change(accounts={account.id: dataclasses.replace(account, allowed_ips=wanted)}), None

    service.commit(change)
    return answer(list(wanted), 201)
