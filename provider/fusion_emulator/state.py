"""The data of the service, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = ["FIRST_PORT", "Account", "ApiKey", "Mail", "Session", "State", "User"]

# A documentation address (RFC 5737): the vendor's table shows one address shared by all customers, and nobody's
# exporter must send flows to a real host because of a rehearsal.
INGEST_IP: Final = "203.0.113.19"
FIRST_PORT: Final = 2000


@dataclass(frozen=True)
class Account:
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
class User:
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
class ApiKey:
    """A credential of an account; its request tokens are signed with the account's shared secret."""

    account: str
    appname: str
    appkey: str = field(repr=False)
    roles: tuple[str, ...]
    description: str | None = None


@dataclass(frozen=True)
class Mail:
    """An invitation that the real service would have sent."""

    account: str
    to: str


@dataclass(frozen=True)
class Session:
    """One issued access token: its key, the account in which it acts, and its end in Unix seconds."""

    account: str
    role: str
    expires: float
    appname: str
    key_account: str


@dataclass(frozen=True)
class State:
    """All that the service remembers. ``root`` is the id of the account at the top.

    ``seen`` maps the request tokens that were used to their time of issue, in Unix seconds.
    """

    root: str
    signing_key: str = field(repr=False)
    accounts: Mapping[str, Account]
    users: Mapping[str, User]
    keys: tuple[ApiKey, ...]
    mails: tuple[Mail, ...] = ()
    sessions: Mapping[str, Session] = field(default_factory=dict, repr=False)
    seen: Mapping[str, float] = field(default_factory=dict, repr=False)
    next_port: int = FIRST_PORT
