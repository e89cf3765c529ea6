"""The rules by which accounts are found and changed; pure: each takes a state, and returns the change of it."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from secrets import token_hex

from fusion_emulator.bodies import Creation, Update
from fusion_emulator.errors import Refused
from fusion_emulator.ids import Mint
from fusion_emulator.state import FIRST_PORT, LAST_PORT, Account, Change, State, User
from fusion_emulator.switches import Switches
from fusion_emulator.users import invitation, require_free_email

__all__ = ["absent", "children", "create", "delete", "find", "lineage", "require", "subtree", "update", "within"]


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
        raise absent(shortname, switches)
    return account


def absent(shortname: str, switches: Switches) -> Refused:
    """Return the refusal of a request for an account that doesn't exist or may not be seen."""
    return Refused(switches.absence, f"No account {shortname!r}")


def create(state: State, parent: str, wanted: Creation, switches: Switches, *, mint: Mint) -> tuple[Change, Account]:
    """Add an account below ``parent`` with its first administrator, who would get a mail.

    Args:
        state: The state before.
        parent: The id of the account above.
        wanted: The body of the request.
        switches: The rules that the vendor does not publish.
        mint: Returns the id of a number.

    Returns:
        The change and the account.

    Raises:
        Refused: A rule forbids it.
    """
    if switches.parents == "reseller" and state.accounts[parent].type != "reseller":
        raise Refused(403, "Only an account of type reseller has sub-accounts")
    if switches.unique_shortnames and any(each.shortname == wanted.shortname for each in state.accounts.values()):
        raise Refused(switches.duplicate, f"Account {wanted.shortname!r} already exists")
    require_free_email(state, wanted.username, switches)
    account = Account(
        id=mint(state.minted),
        shortname=wanted.shortname,
        organization=wanted.organization,
        type=wanted.type,
        retention=wanted.retention,
        rollup_retention=wanted.rollup_retention,
        trial=wanted.trial,
        fps=wanted.fps,
        parent=parent,
        ingest_port=_free_port(state),
        sharedsecret=token_hex(24),
    )
    admin_id = mint(state.minted + 1)
    admin = User(admin_id, account.id, wanted.username, wanted.given_name, wanted.family_name, ("admin",))
    change = Change(
        accounts={account.id: account},
        users={admin.id: admin},
        mails=invitation(state, admin),
        next_port=max(state.next_port, account.ingest_port + 1),
        minted=state.minted + 2,
    )
    return change, account


def _free_port(state: State) -> int:
    """Return the next port that no account had or, once there is none, one that no account has."""
    used = {each.ingest_port for each in state.accounts.values()}
    new = range(max(state.next_port, FIRST_PORT), LAST_PORT + 1)
    ports = itertools.chain(new, range(FIRST_PORT, LAST_PORT + 1))
    free = next((port for port in ports if port not in used), None)
    if free is None:
        raise Refused(403, "No ingest port is left")
    return free


def update(account: Account, wanted: Update, switches: Switches) -> tuple[Change, Account]:
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
    return Change(accounts={account.id: changed}), changed


def delete(state: State, account: Account, switches: Switches) -> Change:
    """Remove the account with its users and keys and, if the switches say so, its descendants.

    Raises:
        Refused: The account has sub-accounts.
    """
    if switches.delete_parent == "refused" and children(state, account.id):
        # 409 as DELETE /roles/{id} documents it for a role in use; nothing is documented here.
        raise Refused(409, f"Account {account.shortname!r} has sub-accounts")
    gone = {each.id for each in subtree(state, account.id)}
    keys = {id_ for id_, each in state.keys.items() if each.account in gone}
    return Change(
        accounts=dict.fromkeys(gone),
        users=dict.fromkeys(id_ for id_, each in state.users.items() if each.account in gone),
        keys=dict.fromkeys(keys),
        sessions=dict.fromkeys(id_ for id_, each in state.sessions.items() if each.account in gone or each.key in keys),
    )
