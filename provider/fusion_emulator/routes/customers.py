"""The customers routes."""

from __future__ import annotations

from collections import Counter

from flask import Blueprint, Response

from fusion_emulator import accounts, records
from fusion_emulator.auth import Caller
from fusion_emulator.bodies import parse_creation, parse_update
from fusion_emulator.errors import Refused
from fusion_emulator.exchange import current
from fusion_emulator.routes.web import caller_for, json_body, many, no_content, one, shows_stale
from fusion_emulator.state import Account, Change, State

__all__ = ["routes"]

routes = Blueprint("customers", __name__, url_prefix="/api/v1")


@routes.get("/customers/types")
def list_types() -> Response:
    """List the account types."""
    caller_for("customers", "fetch")
    return many(records.type_records(current().service.switches))


@routes.get("/customers")
@shows_stale
def list_customers() -> Response:
    """List the accounts below the caller's."""
    caller = caller_for("customers", "fetch")
    service = current().service
    listed, state = service.list(top=caller.account.id, stale=current().stale is not None), service.state
    # Counted once for all of them, since each record has the number of its sub-accounts.
    below = Counter(each.parent for each in state.accounts.values())
    return many(
        [
            records.account_record(
                state, account, service.switches, below=service.counted(account, present=below[account.id])
            )
            for account in listed
        ]
    )


@routes.post("/customer")
@shows_stale
def create_customer() -> Response:
    """Create an account below the caller's."""
    caller = caller_for("customers", "create")
    service = current().service
    service.count("customer", caller.account.id)
    wanted = parse_creation(json_body(), service.switches)
    account = service.write(
        lambda state: accounts.create(state, caller.account_in(state).id, wanted, service.switches, mint=service.mint),
        shortname=wanted.shortname,
        stale_reads=current().stale,
    )
    return one(records.account_record(service.state, account, service.switches, below=0), 201)


@routes.get("/customer/<shortname:shortname>")
@shows_stale
def read_customer(shortname: str) -> Response:
    """Show an account."""
    caller = caller_for("customers", "fetch")
    service = current().service
    account = service.read(shortname, top=caller.account.id, stale=current().stale is not None)
    return one(records.account_record(service.state, account, service.switches, below=service.counted(account)))


@routes.put("/customer/<shortname:shortname>")
@shows_stale
def update_customer(shortname: str) -> Response:
    """Replace the fields of an account."""
    caller = caller_for("customers", "update")
    service = current().service

    def change(state: State) -> tuple[Change, Account]:
        account = _below(state, shortname, caller)
        wanted = parse_update(json_body(), service.switches)
        return accounts.update(account, wanted, service.switches)

    account = service.write(change, shortname=shortname, stale_reads=current().stale)
    return one(records.account_record(service.state, account, service.switches))


@routes.delete("/customer/<shortname:shortname>")
@shows_stale
def delete_customer(shortname: str) -> Response:
    """Delete an account."""
    caller = caller_for("customers", "delete")
    service = current().service

    def change(state: State) -> tuple[Change, None]:
        return accounts.delete(state, _below(state, shortname, caller), service.switches), None

    service.write(change, shortname=shortname, stale_reads=current().stale)
    return no_content()


def _below(state: State, shortname: str, caller: Caller) -> Account:
    """Return the account to change. Inference: an account is changed and deleted from above, not by itself."""
    account = accounts.require(state, shortname, top=caller.account.id, switches=current().service.switches)
    if account.id == caller.account.id:
        raise Refused(403, "An account is changed from the account above it")
    return account
