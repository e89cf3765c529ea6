"""The bodies of requests, validated strictly: exact JSON types, no unknown field.

Not by pydantic: an answer names the field and what it expects, and to translate the errors of pydantic into these
sentences takes more code than this table.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from fusion_emulator.errors import Refused
from fusion_emulator.roles import ROLES
from fusion_emulator.state import User
from fusion_emulator.switches import Switches

__all__ = [
    "Creation",
    "Update",
    "parse_creation",
    "parse_key",
    "parse_update",
    "parse_user",
    "read_json",
    "request_token",
]

# RFC 3986 section 3.3: pchar without percent-encoding. The Add Customer form excludes "+" by name.
SHORTNAME: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*,;=:@]{5,16}")
EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
RETENTIONS: Final = (7, 45, 90, 180)
ROLLUP_RETENTIONS: Final = (7, 90, 180, 365)


@dataclass(frozen=True)
class Creation:
    """A valid create body."""

    shortname: str
    organization: str
    type: str
    retention: int
    rollup_retention: int
    trial: bool
    fps: int | None
    username: str
    given_name: str
    family_name: str


@dataclass(frozen=True)
class Update:
    """A valid update body; None is an omitted field."""

    organization: str
    type: str
    retention: int
    rollup_retention: int
    trial: bool | None
    fps: int | None


@dataclass(frozen=True)
class _Field:
    """One field of a body: its exact JSON type, whether it is required, and a further rule."""

    type: type
    required: bool = True
    rule: Callable[[Any], object] | None = None
    expects: str = ""


# Inference: a blank text is not a value; the vendor's document has no minLength anywhere.
_TEXT: Final = _Field(str, rule=str.strip, expects="a text that is not blank")
_OPTIONAL_TEXT: Final = _Field(str, required=False)
_EMAIL: Final = _Field(str, rule=EMAIL.fullmatch, expects="an email address")
_ROLES: Final = _Field(
    list,
    rule=lambda value: len(value) <= 1 and all(type(each) is str for each in value),
    expects="at most one role name",
)

_UPDATE: Final[Mapping[str, _Field]] = {
    "organization": _TEXT,
    "type": _TEXT,
    "retention": _Field(int, rule=RETENTIONS.__contains__, expects=f"one of {RETENTIONS}"),
    "rollupRetention": _Field(int, rule=ROLLUP_RETENTIONS.__contains__, expects=f"one of {ROLLUP_RETENTIONS}"),
    "trial": _Field(bool, required=False),
    # Inference: a rate cannot be negative; the document names no bounds.
    "fps": _Field(int, required=False, rule=lambda value: value >= 0, expects="a whole number from 0"),
}
_CREATION: Final[Mapping[str, _Field]] = {
    "shortname": _Field(str, rule=SHORTNAME.fullmatch, expects="5-16 characters of RFC 3986 without '+'"),
    **_UPDATE,
    "username": _EMAIL,
    "given_name": _TEXT,
    "family_name": _TEXT,
}
_USER: Final[Mapping[str, _Field]] = {
    "given_name": _TEXT,
    "family_name": _TEXT,
    "email": _EMAIL,
    "roles": _ROLES,
    "nickname": _OPTIONAL_TEXT,
    "picture": _OPTIONAL_TEXT,
}
_KEY: Final[Mapping[str, _Field]] = {"appname": _TEXT, "roles": _ROLES, "description": _OPTIONAL_TEXT}


def read_json(mimetype: str, body: bytes) -> Any:
    """Return the value of a JSON body.

    Raises:
        Refused: The body is of another media type, or not JSON.
    """
    if mimetype != "application/json":
        raise Refused(400, "Content-Type: expected application/json")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not JSON") from None


def request_token(body: object) -> str:
    """Return the request token in the body of POST /auth/token, or raise Refused(400)."""
    token: str = _strict(body, {"jwt": _Field(str)})["jwt"]
    return token


def parse_creation(body: object, switches: Switches) -> Creation:
    """Return the body of POST /customer, or raise Refused(400)."""
    fields = _strict(body, _CREATION)
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
    """Return the body of PUT /customer/{shortname}, or raise Refused(400)."""
    fields = _strict(body, _UPDATE)
    _require_type_and_retention(fields, switches)
    return Update(
        organization=_stored(fields["organization"], switches),
        type=fields["type"],
        retention=fields["retention"],
        rollup_retention=fields["rollupRetention"],
        trial=fields.get("trial"),
        fps=fields.get("fps"),
    )


def parse_user(body: object, *, id_: str, account: str) -> User:
    """Return the body of POST /user as a user of the account, or raise Refused(400)."""
    fields = _strict(body, _USER)
    _require_known_roles(fields)
    return User(**{**fields, "id": id_, "account": account, "roles": tuple(fields["roles"])})


def parse_key(body: object) -> dict[str, Any]:
    """Return the body of POST /api-keys, or raise Refused(400)."""
    fields = _strict(body, _KEY)
    _require_known_roles(fields)
    return fields


def _refuse_constant(name: str) -> NoReturn:
    # RFC 8259 section 6: NaN and Infinity are not JSON, whatever Python accepts.
    raise ValueError(name)


def _strict(body: object, shape: Mapping[str, _Field]) -> dict[str, Any]:
    """Return the body if it has all required fields, no unknown one, and exact types, or raise Refused(400)."""
    if not isinstance(body, dict):
        raise Refused(400, "The body is not a JSON object")
    for name in body:
        if name not in shape:
            raise Refused(400, f"{name}: no such field")
    for name, field in shape.items():
        if name in body:
            _require_valid(name, body[name], field)
        elif field.required:
            raise Refused(400, f"{name}: required")
    return body


def _require_valid(name: str, value: object, field: _Field) -> None:
    # Exact types: in Python, True is an int; in JSON, 7.0 is not a number that the service documents.
    if type(value) is not field.type:
        raise Refused(400, f"{name}: expected {field.type.__name__}")
    if field.rule is not None and not field.rule(value):
        raise Refused(400, f"{name}: expected {field.expects}")


def _stored(text: str, switches: Switches) -> str:
    """Return the text as the service stores it."""
    return text if switches.texts == "kept" else " ".join(unicodedata.normalize(switches.texts, text).split())


def _require_type_and_retention(fields: Mapping[str, Any], switches: Switches) -> None:
    if fields["type"] not in switches.account_types:
        raise Refused(400, f"type: expected one of {', '.join(switches.account_types)}")
    if fields["rollupRetention"] < fields["retention"]:
        raise Refused(400, "rollupRetention: expected at least retention")


def _require_known_roles(fields: Mapping[str, Any]) -> None:
    for name in fields["roles"]:
        if name not in ROLES:
            raise Refused(400, f"roles: no role {name!r}")
