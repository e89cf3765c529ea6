"""The bodies of answers, as documented."""

from __future__ import annotations

import http
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

# Of typing only from Python 3.12 on, as pydantic needs it. pydantic requires this package.
from typing_extensions import NotRequired, TypedDict

from fusion_emulator.accounts import children, lineage
from fusion_emulator.state import Account, ApiKey, State, User
from fusion_emulator.switches import Switches

__all__ = [
    "AccountRecord",
    "ClockRecord",
    "ErrorRecord",
    "HealthRecord",
    "JsonObject",
    "KeyRecord",
    "Record",
    "TokenRecord",
    "TypeRecord",
    "UserRecord",
    "WholeAccount",
    "account_record",
    "envelope",
    "error",
    "key_record",
    "type_records",
    "user_record",
    "whole_account",
]

JsonObject: TypeAlias = dict[str, Any]
Record: TypeAlias = Mapping[str, object]


class Billing(TypedDict):
    """The terms of an account; retentions are days."""

    data_retention: int
    rollup_retention: int
    trial: bool


class Reseller(TypedDict):
    """The place of an account in the tree."""

    children: int
    is_parent: bool
    node: str
    parent: NotRequired[str]


class AccountRecord(TypedDict):
    """An account."""

    id: str
    shortname: str
    ingest_ip: str
    ingest_port: int
    billing: Billing
    reseller: Reseller
    # Only where the switch ``record`` is ``extended``.
    organization: NotRequired[str]
    type: NotRequired[str]
    fps: NotRequired[int]


class WholeAccount(TypedDict):
    """An account for control routes, with every field by the names of the API; ``parent`` is a shortname."""

    id: str
    shortname: str
    organization: str
    type: str
    retention: int
    rollupRetention: int
    trial: bool
    fps: int | None
    parent: str | None
    ingest_ip: str
    ingest_port: int
    allowed_ips: tuple[str, ...]


class UserRecord(TypedDict):
    """A person of an account."""

    id: str
    given_name: str
    family_name: str
    email: str
    nickname: NotRequired[str]
    picture: NotRequired[str]
    roles: list[str]


class KeyRecord(TypedDict):
    """An API key that was just created."""

    appname: str
    appkey: str
    description: NotRequired[str]
    roles: list[str]


class TypeRecord(TypedDict):
    """A type of accounts."""

    value: str
    label: str
    description: str


class ClockRecord(TypedDict):
    """The emulator's time, as text and in Unix seconds, and the seconds that it is ahead of the machine's."""

    now: str
    unix: float
    ahead: float


class HealthRecord(TypedDict):
    """A running emulator; ``uptime`` is seconds, and ``accounts`` the number of those below the root account."""

    status: Literal["ok"]
    version: str | None
    uptime: float
    accounts: int
    stored: Literal["file", "memory"]


class ErrorRecord(TypedDict):
    """A refusal."""

    status: int
    name: str
    message: str


TokenRecord = TypedDict(
    "TokenRecord",
    {
        "access_token": str,
        "expires_in": int,
        "refresh_expires_in": int,
        "refresh_token": str,
        "token_type": Literal["bearer"],
        "not-before-policy": Literal[0],
        "session-state": str,
        "scope": str,
    },
)
"""An access token; times are seconds."""


def account_record(state: State, account: Account, switches: Switches, *, below: int | None = None) -> AccountRecord:
    """Return the record of an account, as documented or extended.

    Args:
        state: The state in which the account is seen.
        account: The account.
        switches: Decide whether the record is extended.
        below: The number of sub-accounts to show; None for the true one.
    """
    below = len(children(state, account.id)) if below is None else below
    record: AccountRecord = {
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
        record["organization"] = account.organization
        record["type"] = account.type
        if account.fps is not None:
            record["fps"] = account.fps
    return record


def whole_account(account: Account, *, parent: str | None) -> WholeAccount:
    """Return an account as control routes and snapshots show it, with the name of the account above."""
    return {
        "id": account.id,
        "shortname": account.shortname,
        "organization": account.organization,
        "type": account.type,
        "retention": account.retention,
        "rollupRetention": account.rollup_retention,
        "trial": account.trial,
        "fps": account.fps,
        "parent": parent,
        "ingest_ip": account.ingest_ip,
        "ingest_port": account.ingest_port,
        "allowed_ips": account.allowed_ips,
    }


def user_record(user: User) -> UserRecord:
    """Return the record of a user."""
    record: UserRecord = {
        "id": user.id,
        "given_name": user.given_name,
        "family_name": user.family_name,
        "email": user.email,
        "roles": list(user.roles),
    }
    if user.nickname is not None:
        record["nickname"] = user.nickname
    if user.picture is not None:
        record["picture"] = user.picture
    return record


def key_record(key: ApiKey) -> KeyRecord:
    """Return the record of an API key that was just created, which is the only one with an appkey."""
    record: KeyRecord = {"appname": key.appname, "appkey": key.appkey, "roles": list(key.roles)}
    if key.description is not None:
        record["description"] = key.description
    return record


def type_records(switches: Switches) -> list[TypeRecord]:
    """Return what GET /customers/types lists."""
    return [
        {"value": value, "label": label, "description": f"Accounts of type {label}"}
        for value, label in switches.account_types.items()
    ]


def envelope(data: Record | Sequence[Record], *, code: int = 200) -> JsonObject:
    """Return the documented wrapping of every answer that has data."""
    return {"meta": {"code": code, "count": 1 if isinstance(data, Mapping) else len(data)}, "data": data}


def error(status: int, message: str) -> ErrorRecord:
    """Return the documented body of every refusal. Inference: the name is the phrase of the status."""
    try:
        name = http.HTTPStatus(status).phrase
    except ValueError:
        name = "Error"
    return {"status": status, "name": name, "message": message}
