"""The bodies of answers, as documented."""

from __future__ import annotations

import http
from typing import Any, TypeAlias

from fusion_emulator.accounts import children, lineage
from fusion_emulator.state import Account, ApiKey, State, User
from fusion_emulator.switches import Switches

__all__ = ["JsonObject", "account_record", "envelope", "error", "key_record", "type_records", "user_record"]

JsonObject: TypeAlias = dict[str, Any]


def account_record(state: State, account: Account, switches: Switches, *, below: int | None = None) -> JsonObject:
    """Return the record of an account, as documented or extended.

    Args:
        state: The state in which the account is seen.
        account: The account.
        switches: Decide whether the record is extended.
        below: The number of sub-accounts to show; None for the true one.
    """
    below = len(children(state, account.id)) if below is None else below
    record: JsonObject = {
        "id": account.id,
        "shortname": account.shortname,
        "ingest_ip": account.ingest_ip,
        "ingest_port": account.ingest_port,
        "billing": {
            "data_retention": account.retention,
            "rollup_retention": account.rollup_retention,
            "trial": account.trial,
        },
        # Inference: the separator of node; only "tree-based" is published.
        "reseller": {"children": below, "is_parent": below > 0, "node": "/".join(lineage(state, account))},
    }
    if account.parent is not None and account.parent in state.accounts:
        record["reseller"]["parent"] = state.accounts[account.parent].shortname
    if switches.record == "extended":
        record |= {"organization": account.organization, "type": account.type}
        if account.fps is not None:
            record["fps"] = account.fps
    return record


def user_record(user: User) -> JsonObject:
    """Return the record of a user."""
    return _present(
        id=user.id,
        given_name=user.given_name,
        family_name=user.family_name,
        email=user.email,
        nickname=user.nickname,
        picture=user.picture,
        roles=list(user.roles),
    )


def key_record(key: ApiKey) -> JsonObject:
    """Return the record of an API key that was just created, which is the only one with an appkey."""
    return _present(appname=key.appname, appkey=key.appkey, description=key.description, roles=list(key.roles))


def type_records(switches: Switches) -> list[JsonObject]:
    """Return what GET /customers/types lists."""
    return [
        {"value": value, "label": label, "description": f"Accounts of type {label}"}
        for value, label in switches.account_types.items()
    ]


def envelope(data: JsonObject | list[JsonObject], *, code: int = 200) -> JsonObject:
    """Return the documented wrapping of every answer that has data."""
    return {"meta": {"code": code, "count": len(data) if isinstance(data, list) else 1}, "data": data}


def error(status: int, message: str) -> JsonObject:
    """Return the documented body of every refusal. Inference: the name is the phrase of the status."""
    try:
        name = http.HTTPStatus(status).phrase
    except ValueError:
        name = "Error"
    return {"status": status, "name": name, "message": message}


def _present(**fields: Any) -> JsonObject:
    return {name: value for name, value in fields.items() if value is not None}
