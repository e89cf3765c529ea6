"""The customers as the vendor's page shows them (Settings > Customers), and the tree of accounts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from fusion_emulator.page.texts import counted, visible
from fusion_emulator.state import Account, State
from fusion_emulator.switches import Switches

__all__ = ["Branch", "Customer", "Customers", "Search", "customers", "tree"]

PER_PAGE: Final = 200
_BRANCHES: Final = 200
_BELOW: Final = 50
_DEPTH: Final = 8
"""The most accounts in the tree, those that are shown below one account, and levels."""


@dataclass(frozen=True)
class Search:
    """What a reader of the page asked for: a text, and the number of a page from 1."""

    text: str = ""
    page: int = 1


@dataclass(frozen=True)
class Customer:
    """A row of the table, as texts."""

    id: str
    organization: str
    shortname: str
    reseller: str
    type: str
    status: str
    ingest: str
    retention: str
    rollup: str


@dataclass(frozen=True)
class Customers:
    """A page of the table. ``found`` customers of ``total`` match the search; ``page`` of ``pages`` is shown."""

    rows: tuple[Customer, ...]
    total: int
    found: int
    search: Search
    pages: int

    @property
    def page(self) -> int:
        """The number of the page, from 1."""
        return min(self.search.page, self.pages)

    @property
    def summary(self) -> str:
        """How many customers there are, and which are shown."""
        if self.search.text:
            return f"{self.found:,} of {counted(self.total, 'customer')} match"
        return counted(self.total, "customer")


def customers(state: State, switches: Switches, search: Search) -> Customers:
    """Return a page of the customers that match, the newest first."""
    wanted = search.text.casefold()
    found = [
        account
        for account in state.accounts.values()
        if account.id != state.root
        and (not wanted or wanted in account.shortname.casefold() or wanted in account.organization.casefold())
    ]
    found.reverse()
    pages = max(1, -(-len(found) // PER_PAGE))
    first = (min(search.page, pages) - 1) * PER_PAGE
    rows = tuple(_customer(state, account, switches) for account in found[first : first + PER_PAGE])
    return Customers(rows, len(state.accounts) - 1, len(found), search, pages)


def _customer(state: State, account: Account, switches: Switches) -> Customer:
    reseller = state.accounts.get(account.parent or "")
    return Customer(
        id=account.id,
        organization=visible(account.organization, 200),
        shortname=visible(account.shortname),
        reseller=visible(reseller.shortname) if reseller else "",
        type=visible(switches.account_types.get(account.type, account.type)),
        status="Trial Active" if account.trial else "Active",
        ingest=visible(f"{account.ingest_ip}:{account.ingest_port}"),
        retention=str(account.retention),
        rollup=str(account.rollup_retention),
    )


@dataclass
class Branch:
    """An account in the tree; ``count`` sub-accounts are below it, of which ``below`` has those that are shown."""

    id: str
    shortname: str
    type: str
    count: int
    depth: int
    below: list[Branch] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """How many sub-accounts it has."""
        return counted(self.count, "sub-account")

    @property
    def hidden(self) -> int:
        """The number of sub-accounts that are not shown."""
        return self.count - len(self.below)


def tree(state: State, switches: Switches) -> Branch:
    """Return the root with the accounts below it, level by level up to a limit, the oldest first."""
    below: dict[str, list[Account]] = {}
    for account in state.accounts.values():
        if account.parent is not None:
            below.setdefault(account.parent, []).append(account)

    def branch(account: Account, depth: int) -> Branch:
        label = visible(switches.account_types.get(account.type, account.type))
        return Branch(account.id, visible(account.shortname), label, len(below.get(account.id, ())), depth)

    root = branch(state.accounts[state.root], 1)
    waiting, left = deque([root]), _BRANCHES
    while waiting:
        above = waiting.popleft()
        if above.depth == _DEPTH:
            continue
        shown: Iterator[Account] = islice(below.get(above.id, ()), min(_BELOW, left))
        above.below = [branch(account, above.depth + 1) for account in shown]
        left -= len(above.below)
        waiting.extend(above.below)
    return root
