"""The rules by which accounts are found and changed; pure: each change takes a state and returns a new one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import TypeAlias

from fusion_emulator.bodies import Creation, Update
from fusion_emulator.errors import Refused
from fusion_emulator.state import Account, Mail, State, User
from fusion_emulator.switches import Switches
from fusion_emulator.users import require_free_email

__all__ = ["children", "create", "delete", "find", "lineage", "put", "require", "subtree", "update", "within"]

Mint: TypeAlias = Callable[[], str]


def within(state: State, account: Account, top: str) -> bool:
    """Return whether the account is ``top`` or a descendant of it."""
    current: Account | None = account
    while current is not None:
        if current.id == top:
            return True
        current = state.accounts.get(current.parent) if current.parent else None
    return False


def subtree(state: State, top: str) -> Iterator[Account]:
    """Return the account ``top`` and all its descendants, in order of creation."""
    return (account for account in state.accounts.values() if within(state, account, top))


def find(state: State, shortname: str, *, top: str) -> Account | None:
    """Return the account of that name that ``top`` may see; the oldest where names are not unique."""
    named = (account for account in state.accounts.values() if account.shortname == shortname)
    return next((account for account in named if within(state, account, top)), None)


def children(state: State, account: str) -> tuple[Account, ...]:
    """Return the direct sub-accounts."""
    return tuple(each for each in state.accounts.values() if each.parent == account)


def lineage(state: State, account: Account) -> tuple[str, ...]:
    """Return the shortnames from the root down to the account."""
    names: list[str] = []
    current: Account | None = account
    while current is not None:
        names.append(current.shortname)
        current = state.accounts.get(current.parent) if current.parent else None
    return tuple(reversed(names))


def require(state: State, shortname: str, *, top: str, switches: Switches) -> Account:
    """Return the account of that name that ``top`` may see.

    Raises:
        Refused: There is none. The status is that of the ``absence`` switch.
    """
    account = find(state, shortname, top=top)
    if account is None:
        raise Refused(switches.absence, f"No account {shortname!r}")
    return account


def create(state: State, parent: str, wanted: Creation, switches: Switches, *, mint: Mint) -> tuple[State, Account]:
    """Add an account below ``parent`` with its first administrator, who would get a mail.

    Args:
        state: The state before.
        parent: The id of the account above.
        wanted: The body of the request.
        switches: The rules that the vendor does not publish.
        mint: Returns a new id.

    Returns:
        The new state and the account.

    Raises:
        Refused: A rule forbids it.
    """
    if switches.parents == "reseller" and state.accounts[parent].type != "reseller":
        raise Refused(403, "Only an account of type reseller has sub-accounts")
    if switches.unique_shortnames and any(each.shortname == wanted.shortname for each in state.accounts.values()):
        raise Refused(switches.duplicate, f"Account {wanted.shortname!r} already exists")
    require_free_email(state, wanted.username, switches)
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
    state = dataclasses.replace(
        state,
        accounts={**state.accounts, account.id: account},
        users={**state.users, admin.id: admin},
        mails=(*state.mails, Mail(account.id, admin.email)),
        next_port=state.next_port + 1,
    )
    return state, account


def update(state: State, account: Account, wanted: Update, switches: Switches) -> tuple[State, Account]:
    """Set every field of the body; the ``put_omitted`` switch decides about omitted ones."""
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
    """Return the state with this account in place of the one with its id."""
    return dataclasses.replace(state, accounts={**state.accounts, account.id: account})


def delete(state: State, account: Account, switches: Switches) -> State:
    """Remove the account with its users and keys and, if the switches say so, its descendants.

    Raises:
        Refused: The account has sub-accounts.
    """
    if switches.delete_parent == "refused" and children(state, account.id):
        # 409 as DELETE /roles/{id} documents it for a role in use; nothing is documented here.
        raise Refused(409, f"Account {account.shortname!r} has sub-accounts")
    gone = {each.id for each in subtree(state, account.id)}
    return dataclasses.replace(
        state,
        accounts={id_: each for id_, each in state.accounts.items() if id_ not in gone},
        users={id_: each for id_, each in state.users.items() if each.account not in gone},
        keys=tuple(each for each in state.keys if each.account not in gone),
        sessions={id_: each for id_, each in state.sessions.items() if each.account not in gone},
    )
