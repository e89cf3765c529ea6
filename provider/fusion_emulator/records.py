"""The shapes on the wire: bodies read strictly, records written as documented."""

from __future__ import annotations

import http
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from fusion_emulator.accounts import (
    SHORTNAME,
    Account,
    ApiKey,
    Creation,
    Permission,
    Refused,
    Role,
    State,
    Update,
    User,
    children,
    lineage,
)
from fusion_emulator.switches import Switches

__all__ = [
    "account_record",
    "envelope",
    "error",
    "key_record",
    "parse_creation",
    "parse_key",
    "parse_role",
    "parse_update",
    "parse_user",
    "read_json",
    "role_record",
    "strict",
    "user_record",
]

JsonObject = dict[str, Any]

RETENTIONS: Final = (7, 45, 90, 180)
ROLLUP_RETENTIONS: Final = (7, 90, 180, 365)
EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")


@dataclass(frozen=True)
class Field:
    """One field of a body: its exact JSON type, whether it must be there, and a further rule."""

    type: type
    required: bool = True
    rule: Callable[[Any], bool] | None = None
    expects: str = ""


def _words(value: str) -> bool:
    return bool(value.strip())


# Inference: a blank text is no value; the vendor's document has no minLength anywhere.
TEXT: Final = Field(str, rule=_words, expects="a text that is not blank")
OPTIONAL_TEXT: Final = Field(str, required=False)
OPTIONAL_FLAG: Final = Field(bool, required=False)
ROLES: Final = Field(
    list,
    rule=lambda value: len(value) <= 1 and all(type(each) is str for each in value),
    expects="at most one role name",
)

_UPDATE: Final[Mapping[str, Field]] = {
    "organization": TEXT,
    "type": TEXT,
    "retention": Field(int, rule=RETENTIONS.__contains__, expects=f"one of {RETENTIONS}"),
    "rollupRetention": Field(int, rule=ROLLUP_RETENTIONS.__contains__, expects=f"one of {ROLLUP_RETENTIONS}"),
    "trial": OPTIONAL_FLAG,
    # Inference: a rate cannot be negative; the document names no bounds.
    "fps": Field(int, required=False, rule=lambda value: value >= 0, expects="a whole number from 0"),
}
_CREATION: Final[Mapping[str, Field]] = {
    "shortname": Field(
        str,
        rule=lambda value: SHORTNAME.fullmatch(value) is not None,
        expects="5-16 characters of RFC 3986 without '+'",
    ),
    **_UPDATE,
    "username": Field(str, rule=lambda value: EMAIL.fullmatch(value) is not None, expects="an email address"),
    "given_name": TEXT,
    "family_name": TEXT,
}
_USER: Final[Mapping[str, Field]] = {
    "given_name": TEXT,
    "family_name": TEXT,
    "email": Field(str, rule=lambda value: EMAIL.fullmatch(value) is not None, expects="an email address"),
    "roles": ROLES,
    "nickname": OPTIONAL_TEXT,
    "picture": OPTIONAL_TEXT,
}
_ROLE: Final[Mapping[str, Field]] = {
    "name": TEXT,
    "description": OPTIONAL_TEXT,
    "canMasquerade": OPTIONAL_FLAG,
    "canSendFlow": OPTIONAL_FLAG,
    "permissions": Field(list),
}
_PERMISSION: Final[Mapping[str, Field]] = {
    "resource": TEXT,
    "description": OPTIONAL_TEXT,
    "fetch": OPTIONAL_FLAG,
    "create": OPTIONAL_FLAG,
    "update": OPTIONAL_FLAG,
    "delete": OPTIONAL_FLAG,
}
_NEW_KEY: Final[Mapping[str, Field]] = {"appname": TEXT, "roles": ROLES, "description": OPTIONAL_TEXT}
_KEY: Final[Mapping[str, Field]] = {
    "roles": Field(list, required=False, rule=ROLES.rule, expects=ROLES.expects),
    "description": OPTIONAL_TEXT,
}


def read_json(mimetype: str, body: bytes) -> Any:
    """A JSON body sent as such. Raises Refused(400)."""
    if mimetype != "application/json":
        raise Refused(400, "Content-Type: expected application/json")
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is no JSON") from None


def _no_number(name: str) -> NoReturn:
    # RFC 8259 section 6: NaN and Infinity are no JSON, whatever Python accepts.
    raise ValueError(name)


def strict(body: object, shape: Mapping[str, Field]) -> JsonObject:
    """The body when it fits the shape exactly: no other field, no missing one, no other type. Raises Refused(400)."""
    if not isinstance(body, dict):
        raise Refused(400, "The body is no JSON object")
    for name in body:
        if name not in shape:
            raise Refused(400, f"{name}: no such field")
    for name, field in shape.items():
        if name not in body:
            if field.required:
                raise Refused(400, f"{name}: required")
            continue
        # Exact types: in Python True is an int and in JSON 7.0 is none that the service documents.
        if type(body[name]) is not field.type:
            raise Refused(400, f"{name}: expected {field.type.__name__}")
        if field.rule is not None and not field.rule(body[name]):
            raise Refused(400, f"{name}: expected {field.expects}")
    return body


def parse_creation(body: object, switches: Switches) -> Creation:
    """The body of POST /customer. Raises Refused(400)."""
    fields = strict(body, _CREATION)
    _require_type_and_retention(fields, switches)
    return Creation(
        shortname=fields["shortname"],
        organization=_stored(fields["organization"], switches),
        type=fields["type"],
        retention=fields["retention"],
        rollup_retention=fields["rollupRetention"],
        trial=fields.get("trial", False),
        fps=fields.get("fps"),
        username=fields["username"],
        given_name=_stored(fields["given_name"], switches),
        family_name=_stored(fields["family_name"], switches),
    )


def parse_update(body: object, switches: Switches) -> Update:
    """The body of PUT /customer/{shortname}. Raises Refused(400)."""
    fields = strict(body, _UPDATE)
    _require_type_and_retention(fields, switches)
    return Update(
        organization=_stored(fields["organization"], switches),
        type=fields["type"],
        retention=fields["retention"],
        rollup_retention=fields["rollupRetention"],
        trial=fields.get("trial"),
        fps=fields.get("fps"),
    )


def parse_user(body: object, *, id_: str, account: str, roles: Iterable[str]) -> User:
    """The body of POST /user and PUT /user/{id}; ``roles`` are the names that exist. Raises Refused(400)."""
    fields = strict(body, _USER)
    _require_known(fields["roles"], roles)
    return User(
        id=id_,
        account=account,
        email=fields["email"],
        given_name=fields["given_name"],
        family_name=fields["family_name"],
        roles=tuple(fields["roles"]),
        nickname=fields.get("nickname"),
        picture=fields.get("picture"),
    )


def parse_role(body: object, *, id_: str, account: str) -> Role:
    """The body of POST /roles and PUT /roles/{id}. Raises Refused(400)."""
    fields = strict(body, _ROLE)
    return Role(
        id=id_,
        account=account,
        name=fields["name"],
        description=fields.get("description"),
        can_masquerade=fields.get("canMasquerade", False),
        can_send_flow=fields.get("canSendFlow", False),
        system=False,
        permissions=tuple(Permission(**strict(each, _PERMISSION)) for each in fields["permissions"]),
    )


def parse_key(body: object, *, new: bool, roles: Iterable[str]) -> JsonObject:
    """The body of POST /api-keys (``new``) and PUT /api-keys/{appname}. Raises Refused(400)."""
    fields = strict(body, _NEW_KEY if new else _KEY)
    _require_known(fields.get("roles", ()), roles)
    return fields


def account_record(state: State, account: Account, switches: Switches, *, below: int | None = None) -> JsonObject:
    """The record of an account, as documented or extended; ``below`` takes the place of its number of sub-accounts."""
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
    """The record of a user."""
    return _present(
        id=user.id,
        given_name=user.given_name,
        family_name=user.family_name,
        email=user.email,
        nickname=user.nickname,
        picture=user.picture,
        roles=list(user.roles),
    )


def role_record(role: Role) -> JsonObject:
    """The record of a role."""
    return _present(
        id=role.id,
        name=role.name,
        description=role.description,
        canMasquerade=role.can_masquerade,
        canSendFlow=role.can_send_flow,
        system=role.system,
        permissions=[permission_record(each) for each in role.permissions],
    )


def permission_record(permission: Permission) -> JsonObject:
    """The record of a permission."""
    return _present(**vars(permission))


def key_record(key: ApiKey, *, with_appkey: bool = False) -> JsonObject:
    """The record of an API key; the appkey itself only where it was just made."""
    return _present(
        appname=key.appname,
        appkey=key.appkey if with_appkey else None,
        description=key.description,
        roles=list(key.roles),
        last_login=key.last_login,
        last_ip=key.last_ip,
    )


def type_records(switches: Switches) -> list[JsonObject]:
    """What GET /customers/types lists."""
    return [
        {"value": value, "label": label, "description": f"Accounts of type {label}"}
        for value, label in switches.account_types.items()
    ]


def envelope(data: JsonObject | list[JsonObject], *, code: int = 200) -> JsonObject:
    """The documented wrapping of every answer that has data."""
    return {"meta": {"code": code, "count": len(data) if isinstance(data, list) else 1}, "data": data}


def error(status: int, message: str) -> JsonObject:
    """The documented body of every refusal. Inference: the name is the phrase of the status."""
    try:
        name = http.HTTPStatus(status).phrase
    except ValueError:
        name = "Error"
    return {"status": status, "name": name, "message": message}


def _present(**fields: Any) -> JsonObject:
    return {name: value for name, value in fields.items() if value is not None}


def _stored(text: str, switches: Switches) -> str:
    """Return the text as the service keeps it."""
    return text if switches.texts == "kept" else " ".join(unicodedata.normalize(switches.texts, text).split())


def _require_type_and_retention(fields: JsonObject, switches: Switches) -> None:
    if fields["type"] not in switches.account_types:
        raise Refused(400, f"type: expected one of {', '.join(switches.account_types)}")
    if fields["rollupRetention"] < fields["retention"]:
        raise Refused(400, "rollupRetention: expected at least retention")


def _require_known(names: Iterable[str], roles: Iterable[str]) -> None:
    known = set(roles)
    for name in names:
        if name not in known:
            raise Refused(400, f"roles: no role {name!r}")
