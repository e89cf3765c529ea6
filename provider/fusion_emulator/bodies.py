"""The bodies of requests, validated strictly: exact JSON types, no unknown field.

Not by pydantic: an answer names the field and what it expects, and to translate the errors of pydantic into these
sentences takes more code than this table.
"""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fusion_emulator.errors import Refused
from fusion_emulator.fields import SPACE, Field, object_schema, require_object
from fusion_emulator.json_numbers import LARGEST, NUMBERS
from fusion_emulator.roles import ROLES
from fusion_emulator.state import Account
from fusion_emulator.switches import Switches

__all__ = [
    "PARTS",
    "Creation",
    "Update",
    "parse_addition",
    "parse_creation",
    "parse_edit",
    "parse_faults",
    "parse_json",
    "parse_key",
    "parse_reset",
    "parse_update",
    "parse_user",
    "read_json",
    "request_token",
    "require_json",
    "schemas",
]

RETENTIONS: Final = (7, 45, 90, 180)
ROLLUP_RETENTIONS: Final = (7, 90, 180, 365)

# RFC 3986 section 3.3: pchar without percent-encoding. The Add Customer form excludes "+" by name.
_SHORTNAME: Final = r"^[A-Za-z0-9\-._~!$&'()*,;=:@]{5,16}$"
_SHORTNAME_EXPECTS: Final = "5-16 characters of RFC 3986 without '+'"


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


# Inference: a blank text is not a value; the vendor's document has no minLength anywhere.
_TEXT: Final = Field({"type": "string", "pattern": rf"^[\s\S]*[^{SPACE}][\s\S]*$"}, expects="a text that is not blank")
_OPTIONAL_TEXT: Final = Field({"type": "string"}, required=False)
_EMAIL: Final = Field({"type": "string", "pattern": f"^[^@{SPACE}]+@[^@{SPACE}]+$"}, expects="an email address")
_ROLES: Final = Field(
    {"type": "array", "maxItems": 1, "items": {"type": "string", "enum": tuple(ROLES)}},
    expects=f"at most one of {', '.join(ROLES)}",
)
_RETENTION: Final = Field({"type": "integer", "enum": RETENTIONS}, expects=f"one of {RETENTIONS}")
_ROLLUP: Final = Field({"type": "integer", "enum": ROLLUP_RETENTIONS}, expects=f"one of {ROLLUP_RETENTIONS}")
# Inference: a rate is not negative and has 64 bits; the document names no bounds.
_FPS: Final = Field(
    {"type": "integer", "minimum": 0, "maximum": LARGEST}, expects=f"a whole number from 0 to {LARGEST}", required=False
)


def _update_fields(switches: Switches) -> Mapping[str, Field]:
    types = tuple(switches.account_types)
    return {
        "organization": _TEXT,
        "type": Field({"type": "string", "enum": types}, expects=f"one of {', '.join(types)}"),
        "retention": _RETENTION,
        "rollupRetention": _ROLLUP,
        "trial": Field({"type": "boolean"}, required=False),
        "fps": _FPS,
    }


def _creation_fields(switches: Switches) -> Mapping[str, Field]:
    return {
        "shortname": Field({"type": "string", "pattern": _SHORTNAME}, _SHORTNAME_EXPECTS),
        **_update_fields(switches),
        "username": _EMAIL,
        "given_name": _TEXT,
        "family_name": _TEXT,
    }


_ANY: Final = Field({}, required=False)
_ADDRESSES: Final = {"type": "array", "items": {"type": "string", "format": "network"}}


def _edit_fields(switches: Switches) -> Mapping[str, Field]:
    """Return the fields that a control route changes: those of the API, and what the service decides itself."""
    return {
        "shortname": Field({"type": "string", "pattern": _SHORTNAME}, _SHORTNAME_EXPECTS, required=False),
        **{name: dataclasses.replace(field, required=False) for name, field in _update_fields(switches).items()},
        "fps": dataclasses.replace(_FPS, expects=f"{_FPS.expects}, or null", nullable=True),
        "parent": Field({"type": "string"}, required=False),
        "ingest_ip": Field({"type": "string", "format": "ip"}, "an IP address", required=False),
        "ingest_port": Field({"type": "integer", "minimum": 1, "maximum": 65535}, "a port", required=False),
        "allowed_ips": Field(_ADDRESSES, "IP addresses or networks", required=False),
    }


def _seed_fields(switches: Switches) -> Mapping[str, Field]:
    """Return the fields of an account that a control route creates: all but its name have a default."""
    fields = {**_creation_fields(switches), "parent": Field({"type": "string"})}
    return {name: dataclasses.replace(field, required=name == "shortname") for name, field in fields.items()}


_USER: Final[Mapping[str, Field]] = {
    "given_name": _TEXT,
    "family_name": _TEXT,
    "email": _EMAIL,
    "roles": _ROLES,
    "nickname": _OPTIONAL_TEXT,
    "picture": _OPTIONAL_TEXT,
}
_KEY: Final[Mapping[str, Field]] = {"appname": _TEXT, "roles": _ROLES, "description": _OPTIONAL_TEXT}
_FAULTS: Final[Mapping[str, Field]] = {
    "faults": Field({"type": "array", "items": {"type": "string"}}, "a list of lines")
}
PARTS: Final = ("accounts", "faults", "switches", "requests", "clock")
"""The parts of an emulator that are reset."""

_RESET: Final = {
    "only": Field(
        {"type": "array", "items": {"type": "string", "enum": PARTS}}, f"a list of {', '.join(PARTS)}", required=False
    )
}
_REQUEST_TOKEN: Final[Mapping[str, Field]] = {"jwt": Field({"type": "string"})}

# "Should be >= retention."
_ROLLUPS: Final = {days: tuple(each for each in ROLLUP_RETENTIONS if each >= days) for days in RETENTIONS}
_ROLLUP_RULE: Final = [
    {"properties": {"retention": {"const": days}, "rollupRetention": {"enum": rollups}}}
    for days, rollups in _ROLLUPS.items()
]


def schemas(switches: Switches) -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of every body, by name."""
    return {
        "RequestToken": object_schema(_REQUEST_TOKEN),
        "NewCustomer": {**object_schema(_creation_fields(switches)), "anyOf": _ROLLUP_RULE},
        "CustomerChange": {**object_schema(_update_fields(switches)), "anyOf": _ROLLUP_RULE},
        "NewUser": object_schema(_USER),
        "NewKey": object_schema(_KEY),
        "Addresses": dict(_ADDRESSES),
        "NewFaults": object_schema(_FAULTS),
        "NewAccount": {**object_schema(_seed_fields(switches)), "anyOf": _ROLLUP_RULE},
        "AccountChange": {**object_schema(_edit_fields(switches)), "anyOf": _ROLLUP_RULE},
        "Reset": object_schema(_RESET),
    }


def require_json(mimetype: str) -> None:
    """Raise Refused(400) for a body of another media type."""
    if mimetype != "application/json":
        raise Refused(400, "Content-Type: expected application/json")


def read_json(mimetype: str, body: bytes) -> Any:
    """Return the value of a JSON body.

    Raises:
        Refused: The body is of another media type, or not JSON.
    """
    require_json(mimetype)
    try:
        return parse_json(body)
    except ValueError as problem:
        raise Refused(400, f"The body is not JSON: {problem}") from None


def parse_json(data: bytes) -> Any:
    """Return the value of JSON in UTF-8 whose texts can be written in UTF-8 and whose numbers are finite.

    Raises:
        ValueError: It is something else, or nested too deeply.
    """
    try:
        # Not from bytes, from which json would also read UTF-16 and UTF-32, whatever RFC 8259 section 8.1 requires.
        text = data.decode("utf-8-sig")
        document = json.loads(text, **NUMBERS)
        if rb"\u" in data:
            json.dumps(document, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError as error:
        raise ValueError(f"it has half of a surrogate pair: {error.object[error.start]!a}") from None
    return document


def request_token(body: object) -> str:
    """Return the request token in the body of POST /auth/token, or raise Refused(400)."""
    token: str = require_object(body, _REQUEST_TOKEN)["jwt"]
    return token


def parse_creation(body: object, switches: Switches) -> Creation:
    """Return the body of POST /customer, or raise Refused(400)."""
    return _creation(require_object(body, _creation_fields(switches)), switches)


def parse_addition(fields: Mapping[str, Any], switches: Switches) -> tuple[Creation, str | None]:
    """Return the fields of an account that a control route creates, and the shortname of the account above.

    Raises:
        Refused: A field is missing, unknown or not valid (400).
    """
    valid = require_object(fields, _seed_fields(switches))
    return _creation(valid, switches), valid.get("parent")


def _creation(fields: dict[str, Any], switches: Switches) -> Creation:
    _require_rollup(fields)
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
    fields = require_object(body, _update_fields(switches))
    _require_rollup(fields)
    return Update(
        organization=_stored(fields["organization"], switches),
        type=fields["type"],
        retention=fields["retention"],
        rollup_retention=fields["rollupRetention"],
        trial=fields.get("trial"),
        fps=fields.get("fps"),
    )


def parse_edit(account: Account, fields: Mapping[str, Any], switches: Switches, *, rules: bool) -> dict[str, Any]:
    """Return the fields of an account that a control route or a program changes, by the names of ``Account``.

    Args:
        account: The account before.
        fields: The fields by the names of the API. A parent is a shortname.
        switches: The rules that the vendor does not publish.
        rules: Whether the values must be those that the API allows.

    Raises:
        Refused: There is no such field, or a value is not allowed (400).
    """
    known = _edit_fields(switches)
    require_object(fields, known if rules else dict.fromkeys(known, _ANY))
    if rules and ("retention" in fields or "rollupRetention" in fields):
        _require_rollup({"retention": account.retention, "rollupRetention": account.rollup_retention, **fields})
    names = {"rollupRetention": "rollup_retention"}
    return {names.get(name, name): tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def parse_reset(body: object) -> list[str]:
    """Return the parts that the body of POST /_emulator/reset names, else all, or raise Refused(400)."""
    found: list[str] = require_object(body, _RESET).get("only", list(PARTS))
    return found


def parse_user(body: object) -> dict[str, Any]:
    """Return the body of POST /user as fields of ``User``, or raise Refused(400)."""
    return _as_stored(require_object(body, _USER))


def parse_key(body: object) -> dict[str, Any]:
    """Return the body of POST /api-keys as fields of ``ApiKey``, or raise Refused(400)."""
    return _as_stored(require_object(body, _KEY))


def parse_faults(body: object) -> list[str]:
    """Return the lines in the body of POST /_emulator/faults, or raise Refused(400)."""
    lines: list[str] = require_object(body, _FAULTS)["faults"]
    return lines


def _stored(text: str, switches: Switches) -> str:
    """Return the text as the service stores it."""
    return text if switches.texts == "kept" else " ".join(unicodedata.normalize(switches.texts, text).split())


def _require_rollup(fields: Mapping[str, Any]) -> None:
    if fields["rollupRetention"] not in _ROLLUPS.get(fields["retention"], ROLLUP_RETENTIONS):
        raise Refused(400, "rollupRetention: expected at least retention")


def _as_stored(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "roles": tuple(fields["roles"])}
