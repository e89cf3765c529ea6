"""Snapshots: the accounts of an emulator with their users and API keys as JSON, without secrets.

A loaded state is checked as that of a state file.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, ClassVar, Final, Literal

from fusion_emulator.documents import InvalidStateError, first_object, refuse, typed
from fusion_emulator.records import whole_account
from fusion_emulator.state import FIRST_PORT, Account, ApiKey, State, User

__all__ = ["Snapshot", "SnapshotAccount", "read_snapshot", "restored", "snapshot_of", "snapshot_text"]

FORMAT: Final = 1


class _Written:
    """What a snapshot has. pydantic refuses other fields."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}


@dataclass(frozen=True)
class SnapshotUser(_Written):
    """A user of an account."""

    id: str
    email: str
    given_name: str
    family_name: str
    roles: tuple[str, ...]
    nickname: str | None = None
    picture: str | None = None


@dataclass(frozen=True)
class SnapshotKey(_Written):
    """An API key of an account, without its secret."""

    id: str
    appname: str
    roles: tuple[str, ...]
    description: str | None = None


@dataclass(frozen=True)
class SnapshotAccount(_Written):
    """An account by the names of the API; ``parent`` is a shortname, or an id where several accounts have that name."""

    id: str
    shortname: str
    organization: str
    type: str
    retention: int
    rollupRetention: int  # noqa: N815  # the name in the API
    trial: bool
    fps: int | None
    parent: str | None
    ingest_ip: str
    ingest_port: int
    allowed_ips: tuple[str, ...] = ()
    users: tuple[SnapshotUser, ...] = ()
    keys: tuple[SnapshotKey, ...] = ()


@dataclass(frozen=True)
class Snapshot(_Written):
    """The accounts in order of creation, the root account included.

    ``snapshot`` is the format, ``minted`` the number of ids given so far, and ``next_port`` the ingest port of the next
    account. The API key in the emulator's own credential is not part of it.
    """

    snapshot: Literal[1]
    accounts: tuple[SnapshotAccount, ...]
    minted: int = 0
    next_port: int = FIRST_PORT


def snapshot_of(state: State) -> Snapshot:
    """Return the snapshot of a state."""
    names = Counter(each.shortname for each in state.accounts.values())
    references = {id_: each.shortname if names[each.shortname] == 1 else id_ for id_, each in state.accounts.items()}
    users: dict[str, list[SnapshotUser]] = {}
    for user in state.users.values():
        users.setdefault(user.account, []).append(_without_account(SnapshotUser, user))
    keys: dict[str, list[SnapshotKey]] = {}
    for key in state.keys.values():
        if key.id != state.own_key:
            keys.setdefault(key.account, []).append(_without_account(SnapshotKey, key))
    accounts = tuple(
        SnapshotAccount(
            **whole_account(each, parent=None if each.parent is None else references[each.parent]),
            users=tuple(users.get(each.id, ())),
            keys=tuple(keys.get(each.id, ())),
        )
        for each in state.accounts.values()
    )
    return Snapshot(FORMAT, accounts, minted=state.minted, next_port=state.next_port)


def snapshot_text(snapshot: Snapshot) -> str:
    """Return a snapshot as JSON, indented for people and for comparisons by line."""
    text = json.dumps(dataclasses.asdict(snapshot, dict_factory=_shown), indent=2, ensure_ascii=False)
    lines = text.split("\n")
    # A terminal or an editor would act on some characters, or hide them.
    return "".join(f"{line if line.isprintable() else _escaped(line)}\n" for line in lines)


def read_snapshot(content: bytes) -> Snapshot:
    """Return the snapshot in the content of a file.

    Raises:
        InvalidStateError: The content is something else.
    """
    document, rest = first_object(content)
    format_ = document.get("snapshot")
    if "format" in document:
        raise InvalidStateError(
            "It is a state file, which has secrets. Start an emulator with --state and a copy, and save a snapshot."
        )
    if type(format_) is not int or format_ < 1:
        raise InvalidStateError("It is not a snapshot of this emulator. Choose another file.")
    if format_ > FORMAT:
        raise InvalidStateError(
            f"It has format {format_}, and this version reads formats up to {FORMAT}. Update pulumi-fusion."
        )
    if rest.strip():
        raise InvalidStateError("It has more after the end of the snapshot. Remove it.")
    snapshot = typed(Snapshot, document)
    refuse([*_repeated_ids(snapshot), *_roots(snapshot)])
    return snapshot


def restored(snapshot: Snapshot, present: State) -> State:
    """Return the state of a snapshot, in which the present credentials stay valid; ``checks`` decides about it.

    The emulator's own API key is kept, and so are the secrets of accounts and keys whose ids the present state has.
    Others get new ones. Access tokens end.

    Raises:
        InvalidStateError: The root account has another name than in the emulator's credential, or a key has the id of
            the emulator's own.
    """
    names = Counter(each.shortname for each in snapshot.accounts)
    ids = {each.shortname: each.id for each in snapshot.accounts if names[each.shortname] == 1}
    [(root, name)] = ((each.id, each.shortname) for each in snapshot.accounts if each.parent is None)
    if name != present.accounts[present.root].shortname:
        raise InvalidStateError(
            f"Its root account is {name!r}, and that of the emulator's credential is "
            f"{present.accounts[present.root].shortname!r}. Rename the one in the snapshot."
        )
    if any(each.id == present.own_key for account in snapshot.accounts for each in account.keys):
        refuse([f"keys: {present.own_key!r} is the id of the emulator's own API key, which no snapshot has"])
    secrets = {each.id: each.sharedsecret for each in present.accounts.values() if each.id != present.root}
    # Of its credential, whatever its id, and of no other account.
    secrets[root] = present.accounts[present.root].sharedsecret
    accounts = {
        each.id: Account(
            id=each.id,
            shortname=each.shortname,
            organization=each.organization,
            type=each.type,
            retention=each.retention,
            rollup_retention=each.rollupRetention,
            trial=each.trial,
            fps=each.fps,
            parent=ids.get(each.parent, each.parent) if each.parent is not None else None,
            ingest_port=each.ingest_port,
            sharedsecret=secrets.get(each.id) or token_hex(24),
            ingest_ip=each.ingest_ip,
            allowed_ips=each.allowed_ips,
        )
        for each in snapshot.accounts
    }
    own = dataclasses.replace(present.keys[present.own_key], account=root)
    return dataclasses.replace(
        present,
        root=root,
        accounts=accounts,
        users={each.id: each for account in snapshot.accounts for each in _users(account)},
        keys={**{each.id: each for account in snapshot.accounts for each in _keys(account, present)}, own.id: own},
        mails={},
        sessions={},
        minted=snapshot.minted,
        next_port=snapshot.next_port,
    )


def _escaped(text: str) -> str:
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)


def _shown(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the fields of a value without the optional ones that it doesn't have."""
    return {name: value for name, value in fields if value is not None or name in ("fps", "parent")}


def _without_account(kind: Any, value: Any) -> Any:
    return kind(**{field.name: getattr(value, field.name) for field in dataclasses.fields(kind)})


def _users(account: SnapshotAccount) -> Iterator[User]:
    for each in account.users:
        yield User(account=account.id, **vars(each))


def _keys(account: SnapshotAccount, present: State) -> Iterator[ApiKey]:
    for each in account.keys:
        known = present.keys.get(each.id)
        yield ApiKey(account=account.id, appkey=known.appkey if known else token_hex(16), **vars(each))


def _roots(snapshot: Snapshot) -> list[str]:
    roots = [each.shortname for each in snapshot.accounts if each.parent is None]
    return [] if len(roots) == 1 else [f"accounts: {len(roots)} have no parent, which only the root account has"]


def _repeated_ids(snapshot: Snapshot) -> list[str]:
    tables = {
        "accounts": Counter(each.id for each in snapshot.accounts),
        "users": Counter(each.id for account in snapshot.accounts for each in account.users),
        "keys": Counter(each.id for account in snapshot.accounts for each in account.keys),
    }
    return [
        f"{name}: {count} have the id {id_!r}"
        for name, ids in tables.items()
        for id_, count in ids.items()
        if count > 1
    ]
