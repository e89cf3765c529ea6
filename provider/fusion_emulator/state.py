"""The data of the service, as immutable values."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

__all__ = ["FIRST_PORT", "LAST_PORT", "TABLES", "Account", "ApiKey", "Change", "Mail", "Session", "State", "User"]

T = TypeVar("T")

# A documentation address (RFC 5737): the vendor's table shows one address shared by all customers, and nobody's
# exporter must send flows to a real host because of a rehearsal.
INGEST_IP: Final = "203.0.113.19"
FIRST_PORT: Final = 2000
LAST_PORT: Final = 65535


class _Stored:
    """What a state file has. pydantic, which checks files, refuses fields that it doesn't know."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}


@dataclass(frozen=True)
class Account(_Stored):
    """One tenant. ``parent`` is the id of the account above, None for the root; retentions are days."""

    id: str
    shortname: str
    organization: str
    type: str
    retention: int
    rollup_retention: int
    trial: bool
    fps: int | None
    parent: str | None
    ingest_port: int
    sharedsecret: str = field(repr=False)
    ingest_ip: str = INGEST_IP
    allowed_ips: tuple[str, ...] = ()


@dataclass(frozen=True)
class User(_Stored):
    """A person of an account."""

    id: str
    account: str
    email: str
    given_name: str
    family_name: str
    roles: tuple[str, ...]
    nickname: str | None = None
    picture: str | None = None


@dataclass(frozen=True)
class ApiKey(_Stored):
    """A credential of an account; its request tokens are signed with the account's shared secret."""

    id: str
    account: str
    appname: str
    appkey: str = field(repr=False)
    roles: tuple[str, ...]
    description: str | None = None


@dataclass(frozen=True)
class Mail(_Stored):
    """An invitation that the real service would have sent."""

    account: str
    to: str


@dataclass(frozen=True)
class Session(_Stored):
    """One issued access token.

    ``account`` is the account in which it acts, ``key`` the id of its API key, ``expires`` its end in Unix seconds, and
    ``number`` counts the tokens from 1.
    """

    account: str
    key: str
    role: str
    expires: float
    number: int


@dataclass(frozen=True)
class State(_Stored):
    """All that the service remembers. The tables map ids to values, in the order in which these were added.

    ``root`` is the id of the account at the top, ``own_key`` that of the API key in the credential that the emulator
    gives to its user. ``seen`` maps the request tokens that were used to their time of issue, in Unix seconds. With a
    new token, those in ``sessions`` and ``seen`` end that are not valid any more; of ``mails`` the last 1 000 are kept.
    ``next_port`` is the ingest port of the next account, unless another one was given it; ``minted`` is the number of
    ids given so far, ``issued`` that of access tokens. ``unique_shortnames`` is the switch at the last change: a state
    with two accounts of a shortname is valid if it was off.
    """

    root: str
    own_key: str
    signing_key: str = field(repr=False)
    accounts: Mapping[str, Account]
    users: Mapping[str, User]
    keys: Mapping[str, ApiKey]
    mails: Mapping[str, Mail] = field(default_factory=dict)
    sessions: Mapping[str, Session] = field(default_factory=dict, repr=False)
    seen: Mapping[str, float] = field(default_factory=dict, repr=False)
    next_port: int = FIRST_PORT
    minted: int = 0
    issued: int = 0
    unique_shortnames: bool = True

    def after(self, change: Change) -> State:
        """Return the state that a change makes of this one."""
        new: dict[str, Any] = {}
        for name, value in change.items():
            new[name] = _changed(getattr(self, name), value) if name in TABLES else value
        return dataclasses.replace(self, **new)


TABLES: Final = ("accounts", "users", "keys", "mails", "sessions", "seen")
"""The fields of ``State`` that map ids to values."""


@dataclass(frozen=True)
class Change:
    """What a request changes: by table, the new value of an id, or None for one that is deleted; and new counts."""

    accounts: Mapping[str, Account | None] = field(default_factory=dict)
    users: Mapping[str, User | None] = field(default_factory=dict)
    keys: Mapping[str, ApiKey | None] = field(default_factory=dict)
    mails: Mapping[str, Mail | None] = field(default_factory=dict)
    sessions: Mapping[str, Session | None] = field(default_factory=dict, repr=False)
    seen: Mapping[str, float | None] = field(default_factory=dict, repr=False)
    next_port: int | None = None
    minted: int | None = None
    issued: int | None = None
    unique_shortnames: bool | None = None

    def items(self) -> list[tuple[str, Any]]:
        """Return the names of the fields of ``State`` that change, each with its change."""
        fields = ((each.name, getattr(self, each.name)) for each in dataclasses.fields(self))
        return [(name, value) for name, value in fields if value is not None and value != {}]

    def then(self, later: Change) -> Change:
        """Return this change and a later one as a single change."""
        both = dict(self.items())
        for name, value in later.items():
            both[name] = {**both.get(name, {}), **value} if name in TABLES else value
        return Change(**both)


def _changed(table: Mapping[str, T], change: Mapping[str, T | None]) -> dict[str, T]:
    gone = [id_ for id_, value in change.items() if value is None]
    changed = {**table, **{id_: value for id_, value in change.items() if value is not None}}
    for id_ in gone:
        changed.pop(id_, None)
    return changed
