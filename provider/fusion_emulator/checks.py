"""Whether a state is one that the service can work with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from fusion_emulator.fields import is_network
from fusion_emulator.json_numbers import LARGEST
from fusion_emulator.state import LAST_PORT, Account, State

__all__ = ["problems"]

_SECRET: Final = re.compile(r"[0-9a-f]{32,}")
_TABLES_BY_ID: Final = ("accounts", "users", "keys")
_NUMBERS: Final = ("fps", "retention", "rollup_retention")


def problems(state: State) -> list[str]:
    """Return a sentence per rule that a state breaks.

    The accounts are a tree below the root, ids and ingest ports are unique, shortnames too unless the switch was off,
    everything belongs to an account that exists, and the emulator's own API key is one of the root account. Secrets can
    sign, and addresses can be compared.
    """
    return [
        *_misplaced_ids(state),
        *_tree(state),
        *_owners(state),
        *_own_key(state),
        *_ports(state),
        *_repeated(state),
        *_accounts(state),
        *_secrets(state),
        *_counts(state),
    ]


def _misplaced_ids(state: State) -> Iterator[str]:
    for table in _TABLES_BY_ID:
        for id_, value in getattr(state, table).items():
            if not id_:
                yield f"{table}: an id is empty"
            elif value.id != id_:
                yield f"{table}.{id_}: its id is {value.id!r}"


def _tree(state: State) -> Iterator[str]:
    root = state.accounts.get(state.root)
    if root is None:
        yield f"root: no account has the id {state.root!r}"
    elif root.parent is not None:
        yield f"accounts.{root.id}: the root account has no parent"
    # Accounts whose parents lead to the root.
    reached = {state.root}
    for account in state.accounts.values():
        path: set[str] = set()
        above: Account | None = account
        while above is not None and above.id not in reached and above.id not in path:
            path.add(above.id)
            above = state.accounts.get(above.parent) if above.parent is not None else None
        if above is not None and above.id in reached:
            reached |= path
        elif account.parent is None:
            yield f"accounts.{account.id}: {account.shortname!r} has no parent, but it is not the root account"
        elif account.parent not in state.accounts:
            yield f"accounts.{account.id}: the parent {account.parent!r} of {account.shortname!r} does not exist"
        elif above is not None:
            yield f"accounts.{account.id}: {account.shortname!r} is below itself"


def _owners(state: State) -> Iterator[str]:
    for table in ("users", "keys", "sessions"):
        for id_, value in getattr(state, table).items():
            if value.account not in state.accounts:
                yield f"{table}.{_shown(table, id_)}: the account {value.account!r} does not exist"
    for id_, session in state.sessions.items():
        if session.key not in state.keys:
            yield f"sessions.{_shown('sessions', id_)}: the API key {session.key!r} does not exist"


def _own_key(state: State) -> Iterator[str]:
    own = state.keys.get(state.own_key)
    if own is None:
        yield f"own_key: no API key has the id {state.own_key!r}"
    elif own.account != state.root:
        yield f"keys.{own.id}: the emulator's own API key belongs to another account than the root"


def _ports(state: State) -> Iterator[str]:
    for account in state.accounts.values():
        if not 1 <= account.ingest_port <= LAST_PORT:
            yield f"accounts.{account.id}: the ingest port {account.ingest_port} is not between 1 and {LAST_PORT}"


def _repeated(state: State) -> Iterator[str]:
    accounts = state.accounts.values()
    for port, count in Counter(each.ingest_port for each in accounts).items():
        if count > 1:
            yield f"accounts: {count} have the ingest port {port}"
    names = Counter(each.shortname for each in accounts) if state.unique_shortnames else Counter[str]()
    for name, count in names.items():
        if count > 1:
            yield f"accounts: {count} have the shortname {name!r}, which unique_shortnames=true forbids"
    for (account, name), count in Counter((each.account, each.appname) for each in state.keys.values()).items():
        if count > 1:
            yield f"keys: {count} API keys of the account {account!r} have the name {name!r}"


def _accounts(state: State) -> Iterator[str]:
    for account in state.accounts.values():
        if not account.shortname:
            yield f"accounts.{account.id}: the shortname is empty"
        for name in _NUMBERS:
            if abs(getattr(account, name) or 0) > LARGEST:
                yield f"accounts.{account.id}: {name} has more than 64 bits"
        for address in account.allowed_ips:
            if not is_network(address):
                yield f"accounts.{account.id}: {address!r} in allowed_ips isn't an IP address or network"


def _secrets(state: State) -> Iterator[str]:
    secrets = {
        "signing_key": state.signing_key,
        **{f"accounts.{id_}.sharedsecret": account.sharedsecret for id_, account in state.accounts.items()},
        **{f"keys.{id_}.appkey": key.appkey for id_, key in state.keys.items()},
    }
    for place, secret in secrets.items():
        if not _SECRET.fullmatch(secret):
            yield f"{place}: it does not have at least 32 hexadecimal digits"


def _counts(state: State) -> Iterator[str]:
    for name in ("next_port", "minted", "issued"):
        if getattr(state, name) < 0:
            yield f"{name}: it is negative"


def _shown(table: str, id_: str) -> str:
    """Return an id for a message; that of an access token is secret."""
    return "..." if table == "sessions" else id_
