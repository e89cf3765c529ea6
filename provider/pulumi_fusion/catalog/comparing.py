"""Compare the customers of a catalog with those of an account, without a state. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pulumi_fusion.catalog.entries import Catalog, Entry
from pulumi_fusion.catalog.live import Difference, Live
from pulumi_fusion.customer.model import FIELDS, Account

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """How a catalog and an account differ.

    Args:
        missing: Customers of the catalog that the account doesn't have.
        elsewhere: Customers of the catalog that exist and aren't direct ones, with their parent if it is shown.
        unmanaged: Customers of the account that the catalog doesn't have.
        case_twins: Such pairs whose shortnames differ only in case; they are in neither of these lists.
        different: Customers with other values.
        equal: The number of customers with the same values.
        not_compared: The Python names of fields that the catalog manages and the service doesn't show.
    """

    missing: Sequence[Entry]
    elsewhere: Sequence[tuple[Entry, str | None]]
    unmanaged: Sequence[Account]
    case_twins: Sequence[tuple[Entry, Account]]
    different: Sequence[tuple[Entry, Sequence[Difference]]]
    equal: int
    not_compared: Sequence[str]

    @property
    def has_differences(self) -> bool:
        """Whether anything differs."""
        return bool(self.missing or self.elsewhere or self.unmanaged or self.case_twins or self.different)


def compare(catalog: Catalog, live: Live) -> Comparison:
    """Return how the customers of a catalog and those of an account differ."""
    entries = {entry.shortname: entry for entry in catalog.entries}
    unmanaged = {name: each for name, each in live.customers.items() if name not in entries}
    folded = {name.casefold(): each for name, each in unmanaged.items()}
    missing, elsewhere, twins, different = [], [], [], []
    equal = 0
    not_compared: set[str] = set()
    for name, entry in entries.items():
        account, fields = live.customers.get(name), catalog.fields(entry)
        if account is None:
            twin = folded.get(name.casefold())
            if name in live.elsewhere:
                elsewhere.append((entry, live.elsewhere[name]))
            elif twin is None:
                missing.append(entry)
            else:
                twins.append((entry, twin))
                unmanaged.pop(twin.shortname, None)
            continue
        if found := live.differences(fields, account):
            different.append((entry, found))
        else:
            equal += 1
        shown = {*live.shown(account), *(each.field for each in found)}
        not_compared |= {each for each in fields if FIELDS[each].sent and each != "shortname" and each not in shown}
    return Comparison(
        missing,
        elsewhere,
        [*unmanaged.values()],
        twins,
        different,
        equal,
        [each for each in FIELDS if each in not_compared],
    )
