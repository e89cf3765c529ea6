"""The accounts of the service and the rules that change them; pure: a state goes in, a new one comes out."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from fusion_emulator.switches import Switches

__all__ = [
    "Account",
    "ApiKey",
    "Creation",
    "Mail",
    "Permission",
    "Refused",
    "Role",
    "Session",
    "State",
    "Update",
    "User",
]

Action = Literal["fetch", "create", "update", "delete"]
Mint = Callable[[], str]

# A documentation address (RFC 5737): the vendor's table shows one address shared by all customers, and a
# rehearsal must not make anybody's exporter send flows to a real host.
INGEST_IP: Final = "203.0.113.19"
FIRST_PORT: Final = 2000

# RFC 3986 section 3.3: pchar without percent-encoding. The Add Customer form excludes "+" by name.
SHORTNAME: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*,;=:@]{5,16}")
ROLE_NAME: Final = re.compile(r"[0-9A-Za-z_.\-]{1,32}")


class Refused(Exception):
    """The service says no: the status and the documented error body, with headers where one matters."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


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
    """A person of an account; ``password`` is a hash, None until one is set."""

    id: str
    account: str
    email: str
    given_name: str
    family_name: str
    roles: tuple[str, ...]
    nickname: str | None = None
    picture: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ApiKey:
    """A credential of an account; signed with the account's shared secret."""

    account: str
    appname: str
    appkey: str = field(repr=False)
    roles: tuple[str, ...]
    description: str | None = None
    last_login: float | None = None
    last_ip: str | None = None


@dataclass(frozen=True)
class Permission:
    """What a role may do with one resource; None is a right that was not mentioned, so not given."""

    resource: str
    description: str | None = None
    fetch: bool | None = None
    create: bool | None = None
    update: bool | None = None
    delete: bool | None = None


@dataclass(frozen=True)
class Role:
    """A named set of rights inside one account."""

    id: str
    account: str
    name: str
    description: str | None
    can_masquerade: bool
    can_send_flow: bool
    system: bool
    permissions: tuple[Permission, ...]

    def may(self, resource: str, action: Action) -> bool:
        """Whether this role gives the right."""
        return any(getattr(each, action) is True for each in self.permissions if each.resource == resource)


@dataclass(frozen=True)
class Mail:
    """An invitation that the real service would have sent."""

    account: str
    to: str


@dataclass(frozen=True)
class Session:
    """One issued token: who holds it, in which account it acts, until when (Unix seconds)."""

    kind: Literal["access", "refresh"]
    account: str
    role: str
    expires: float
    appname: str | None = None
    key_account: str | None = None
    user: str | None = None


@dataclass(frozen=True)
class State:
    """All that the service remembers. ``root`` is the id of the account at the top."""

    root: str
    signing_key: str = field(repr=False)
    accounts: Mapping[str, Account]
    users: Mapping[str, User]
    keys: tuple[ApiKey, ...]
    roles: Mapping[str, Role]
    mails: tuple[Mail, ...] = ()
    sessions: Mapping[str, Session] = field(default_factory=dict, repr=False)
    seen: Mapping[str, float] = field(default_factory=dict, repr=False)
    next_port: int = FIRST_PORT


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


RESOURCES: Final[Mapping[str, str]] = {
    "account": "Account: Overview",
    "customers": "Account: Customers",
    "users": "Users",
    "roles": "Roles",
    "api-keys": "API Keys",
    "security": "Security",
    "flow": "Flow and detections",
}
"""Inference: the resource strings; the vendor names the categories of the form only."""


def _permissions(**rights: str) -> tuple[Permission, ...]:
    """Rights as letters of f, c, u, d by resource; ``every`` is the default."""
    every = rights.pop("every", "")
    chosen = {name: rights.get(name.replace("-", "_"), every) for name in RESOURCES}
    return tuple(
        Permission(name, RESOURCES[name], "f" in letters, "c" in letters, "u" in letters, "d" in letters)
        for name, letters in chosen.items()
    )


AVAILABLE: Final = _permissions(every="fcud")
"""What GET /roles/permissions lists: every action of every resource."""

# https://docs.netography.com/docs/roles-rbac: four of the five masquerade for resellers; neto_flow only sends flow.
SYSTEM_ROLES: Final[tuple[Role, ...]] = (
    Role("", "", "admin", "System Administrator", True, False, True, _permissions(every="fcud")),
    Role(
        "",
        "",
        "operational_manager",
        "Operational Manager",
        True,
        False,
        True,
        _permissions(every="fcud", account="f", customers="f", security="f"),
    ),
    Role("", "", "report_user", "Report User", True, False, True, _permissions(every="f")),
    Role("", "", "readonly", "Read-only user", True, False, True, _permissions(every="f")),
    Role("", "", "neto_flow", "Sends flow", False, True, True, _permissions()),
)


def found(*, root: Account, admin: User, key: ApiKey, signing_key: str) -> State:
    """A service with nothing but its root account, that account's administrator and one API key."""
    return State(
        root=root.id,
        signing_key=signing_key,
        accounts={root.id: root},
        users={admin.id: admin},
        keys=(key,),
        roles={},
        next_port=FIRST_PORT + 1,
    )


def within(state: State, account: Account, top: str) -> bool:
    """Whether ``account`` is ``top`` or stands somewhere below it."""
    current: Account | None = account
    while current is not None:
        if current.id == top:
            return True
        current = state.accounts.get(current.parent) if current.parent else None
    return False


def subtree(state: State, top: str) -> Iterator[Account]:
    """The account ``top`` and all below it, in order of creation."""
    return (account for account in state.accounts.values() if within(state, account, top))


def find(state: State, shortname: str, *, top: str) -> Account | None:
    """The account of that name that ``top`` may see; the oldest where names are not unique."""
    named = (account for account in state.accounts.values() if account.shortname == shortname)
    return next((account for account in named if within(state, account, top)), None)


def children(state: State, account: str) -> tuple[Account, ...]:
    """The direct sub-accounts."""
    return tuple(each for each in state.accounts.values() if each.parent == account)


def lineage(state: State, account: Account) -> tuple[str, ...]:
    """The shortnames from the root down to the account."""
    names: list[str] = []
    current: Account | None = account
    while current is not None:
        names.append(current.shortname)
        current = state.accounts.get(current.parent) if current.parent else None
    return tuple(reversed(names))


def missing(shortname: str, switches: Switches) -> Refused:
    """The answer for an account that is not there, or not there for this caller."""
    return Refused(switches.absence, f"No account {shortname!r}")


def require(state: State, shortname: str, *, top: str, switches: Switches) -> Account:
    """The account of that name; raises Refused as the ``absence`` switch says."""
    account = find(state, shortname, top=top)
    if account is None:
        raise missing(shortname, switches)
    return account


def create(state: State, parent: str, wanted: Creation, switches: Switches, *, mint: Mint) -> tuple[State, Account]:
    """A new account below ``parent`` with its first administrator, who would get a mail. Raises Refused."""
    if switches.parents == "reseller" and state.accounts[parent].type != "reseller":
        raise Refused(403, "Only an account of type reseller has sub-accounts")
    if switches.unique_shortnames and any(each.shortname == wanted.shortname for each in state.accounts.values()):
        raise Refused(switches.duplicate, f"Account {wanted.shortname!r} already exists")
    _require_free_email(state, wanted.username, switches)
    account = Account(
        id=mint(),
        shortname=wanted.shortname,
        organization=wanted.organization,
        type=wanted.type,
        retention=wanted.retention,
        rollup_retention=wanted.rollup_retention,
        trial=wanted.trial,
        fps=wanted.fps,
        parent=parent,
        ingest_port=state.next_port,
        sharedsecret=mint() + mint(),
    )
    admin = User(mint(), account.id, wanted.username, wanted.given_name, wanted.family_name, ("admin",))
    return (
        dataclasses.replace(
            state,
            accounts={**state.accounts, account.id: account},
            users={**state.users, admin.id: admin},
            mails=(*state.mails, Mail(account.id, admin.email)),
            next_port=state.next_port + 1,
        ),
        account,
    )


def update(state: State, account: Account, wanted: Update, switches: Switches) -> tuple[State, Account]:
    """The account with every field of the body; omitted ones as the ``put_omitted`` switch says."""
    keeps = switches.put_omitted == "keeps"
    changed = dataclasses.replace(
        account,
        organization=wanted.organization,
        type=wanted.type,
        retention=wanted.retention,
        rollup_retention=wanted.rollup_retention,
        trial=wanted.trial if wanted.trial is not None else (account.trial if keeps else False),
        fps=wanted.fps if wanted.fps is not None else (account.fps if keeps else None),
    )
    return put(state, changed), changed


def put(state: State, account: Account) -> State:
    """The state with this account as it is given."""
    return dataclasses.replace(state, accounts={**state.accounts, account.id: account})


def delete(state: State, account: Account, switches: Switches) -> State:
    """The state without the account, its users, keys and roles, and where it cascades without all below it."""
    if switches.delete_parent == "refused" and children(state, account.id):
        # 409 as DELETE /roles/{id} documents it for a role in use; nothing is documented here.
        raise Refused(409, f"Account {account.shortname!r} has sub-accounts")
    gone = {each.id for each in subtree(state, account.id)}
    return dataclasses.replace(
        state,
        accounts={id_: each for id_, each in state.accounts.items() if id_ not in gone},
        users={id_: each for id_, each in state.users.items() if each.account not in gone},
        roles={id_: each for id_, each in state.roles.items() if each.account not in gone},
        keys=tuple(each for each in state.keys if each.account not in gone),
        sessions={id_: each for id_, each in state.sessions.items() if each.account not in gone},
    )


def roles_of(state: State, account: str) -> tuple[Role, ...]:
    """The five system roles of the account, then its own."""
    system = (
        dataclasses.replace(
            role,
            id=f"{account}-{role.name}",
            account=account,
            # "(resellers only)", says the role schema.
            can_masquerade=role.can_masquerade and state.accounts[account].type == "reseller",
        )
        for role in SYSTEM_ROLES
    )
    return (*system, *(role for role in state.roles.values() if role.account == account))


def role_named(state: State, account: str, name: str) -> Role | None:
    """The role of that name in the account."""
    return next((role for role in roles_of(state, account) if role.name == name), None)


def add_user(state: State, user: User, switches: Switches) -> State:
    """The state with a new user, who would get a mail. Raises Refused."""
    _require_free_email(state, user.email, switches)
    if any(each.email == user.email for each in state.users.values() if each.account == user.account):
        raise Refused(400, "A user with this email exists")
    return dataclasses.replace(_with_user(state, user), mails=(*state.mails, Mail(user.account, user.email)))


def change_user(state: State, user: User) -> State:
    """The state with the user as given; the email stays what it is. Raises Refused."""
    if state.users[user.id].email != user.email:
        raise Refused(400, "The email of a user cannot be changed")
    changed = _with_user(state, user)
    _require_admin(changed, user.account)
    return changed


def remove_user(state: State, user: User) -> State:
    """The state without the user. Raises Refused for the last administrator."""
    changed = dataclasses.replace(state, users={id_: each for id_, each in state.users.items() if id_ != user.id})
    _require_admin(changed, user.account)
    return changed


def put_role(state: State, role: Role) -> State:
    """The state with a custom role as given; the name is unique in the account. Raises Refused."""
    if role.system:
        raise Refused(400, "A system role cannot be changed")
    old = state.roles.get(role.id)
    if old is not None and old.name != role.name:
        raise Refused(400, "The name of a role cannot be edited once created")
    if not ROLE_NAME.fullmatch(role.name):
        raise Refused(400, "name: up to 32 characters of 0-9 a-z A-Z _ - .")
    if any(each.name == role.name and each.id != role.id for each in roles_of(state, role.account)):
        raise Refused(400, f"A role {role.name!r} exists")
    return dataclasses.replace(state, roles={**state.roles, role.id: role})


def remove_role(state: State, role: Role) -> State:
    """The state without a custom role; 409 while a user or key holds it, as documented. Raises Refused."""
    if role.system:
        raise Refused(400, "A system role cannot be deleted")
    holders = [
        *(user for user in state.users.values() if user.account == role.account and role.name in user.roles),
        *(key for key in state.keys if key.account == role.account and role.name in key.roles),
    ]
    if holders:
        raise Refused(409, f"Role {role.name!r} is in use")
    return dataclasses.replace(state, roles={id_: each for id_, each in state.roles.items() if id_ != role.id})


def put_key(state: State, key: ApiKey) -> State:
    """The state with the API key as given, in place of one of the same name in the same account."""
    others = tuple(each for each in state.keys if (each.account, each.appname) != (key.account, key.appname))
    return dataclasses.replace(state, keys=(*others, key))


def remove_key(state: State, key: ApiKey) -> State:
    """The state without the API key; its tokens end with it."""
    return dataclasses.replace(
        state, keys=tuple(each for each in state.keys if (each.account, each.appname) != (key.account, key.appname))
    )


def _with_user(state: State, user: User) -> State:
    return dataclasses.replace(state, users={**state.users, user.id: user})


def _require_free_email(state: State, email: str, switches: Switches) -> None:
    if switches.unique_emails and any(user.email == email for user in state.users.values()):
        raise Refused(switches.duplicate, "A user with this email already exists")


def _require_admin(state: State, account: str) -> None:
    # https://docs.netography.com/docs/roles-rbac: at least one System Administrator must exist.
    if not any("admin" in user.roles for user in state.users.values() if user.account == account):
        raise Refused(400, "At least one System Administrator must exist")
