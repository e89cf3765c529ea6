"""What one list of customers is evidence of. Pure: it was asked for elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pulumi_fusion.customer.model import Account

__all__ = ["LONGEST_LIST", "WITNESS_SECONDS", "Listing", "Written"]

# More is not listed: https://docs.netography.com/api-reference/netography-apis/resellers
LONGEST_LIST: Final = 1000

# How soon a list must show what was created or deleted, to be taken for what holds now.
WITNESS_SECONDS: Final = 1.0


class Written(NamedTuple):
    """What this process made of an account, None: deleted, and when by ``time.monotonic``.

    ``witnesses``: it was created or deleted. What an update wrote to is in every list, however old.
    """

    at: float
    account: Account | None
    witnesses: bool


class Listing:
    """The accounts that the service listed for the account ``parent``, asked for at ``asked``.

    A list tells what exists. What it does not show may be out of its scope, which is not published, beyond its end, or
    newer than it. So it stands for a look at a customer, or for one that finds none, only where it vouches for itself:
    it is whole; it agrees with everything that this process had ``written`` before, each creation with its id and as a
    direct child of the account; and some of that was written just before. A list that lags behind, is empty, filtered
    or somebody else's is found out by that.
    """

    def __init__(self, listed: Sequence[Account], parent: str, asked: float, written: Mapping[str, Written]) -> None:
        self.accounts: Mapping[str, Account] = {account.shortname: account for account in listed}
        self.is_cut = len(listed) >= LONGEST_LIST
        """Whether it may have left out customers, for it is as long as a list can be."""
        # As a service may take them that makes no difference of case; the account itself is none of its customers.
        self._spelled = Counter(name.casefold() for name in (parent, *(account.shortname for account in listed)))
        young = [each for each in written.values() if each.witnesses and asked - each.at <= WITNESS_SECONDS]
        self.agrees = not self.is_cut and all(self._shows(name, each.account, parent) for name, each in written.items())
        """Whether it is whole and contradicts nothing that this process had written."""
        self.vouches = self.agrees and bool(young)
        """Whether it can stand for a look at a customer that it shows."""
        # A customer's own customers may be missing, whose names a look would find.
        is_flat = all(account.is_childless for account in listed)
        self._vouches_for_absence = self.agrees and is_flat and any(each.account is not None for each in young)

    def _shows(self, name: str, account: Account | None, parent: str) -> bool:
        found = self.accounts.get(name)
        if account is None:
            return found is None
        return found is not None and found.id == account.id is not None and found.parent == parent

    def shown(self, shortname: str) -> Account | None:
        """The customer, where the list can stand for a look at it."""
        return self.accounts.get(shortname) if self.vouches and self._spelled[shortname.casefold()] == 1 else None

    def shows_free(self, shortname: str) -> bool:
        """Whether the list can stand for a look that finds nothing under the shortname."""
        return self._vouches_for_absence and not self._spelled[shortname.casefold()]
