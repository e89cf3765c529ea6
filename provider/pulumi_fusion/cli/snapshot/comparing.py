"""The comparison of two snapshots."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fusion_emulator.snapshots import Snapshot

__all__ = ["HIDDEN", "Difference", "compared"]

HIDDEN: Final = ("users", "keys")
"""Fields whose values are not shown: users have names and e-mail addresses."""


@dataclass(frozen=True)
class Difference:
    """What the second snapshot has that differs; ``changed`` has the fields of each shortname, before and after."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, Mapping[str, tuple[Any, Any]]]
    equal: int

    def __bool__(self) -> bool:
        """Return whether there are differences."""
        return bool(self.added or self.removed or self.changed)


def compared(before: Snapshot, after: Snapshot, *, without: Collection[str] = ()) -> Difference:
    """Compare the accounts of two snapshots by their shortnames.

    Args:
        before: The first one.
        after: The second one.
        without: Fields to leave out; ``id`` also leaves out those of users and API keys.
    """
    first, second = _by_name(before, without), _by_name(after, without)
    changed = {name: fields for name in first if name in second and (fields := _differences(first[name], second[name]))}
    return Difference(
        added=tuple(name for name in second if name not in first),
        removed=tuple(name for name in first if name not in second),
        changed=changed,
        equal=len(first.keys() & second.keys()) - len(changed),
    )


def _by_name(snapshot: Snapshot, without: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the fields of the accounts by their shortnames, of which a second one of a name gets a number."""
    found: dict[str, dict[str, Any]] = {}
    for account in snapshot.accounts:
        fields = dataclasses.asdict(account)
        if "id" in without:
            for value in (*fields["users"], *fields["keys"]):
                del value["id"]
        name, number = account.shortname, 2
        while name in found:
            name, number = f"{account.shortname} ({number})", number + 1
        found[name] = {field: value for field, value in fields.items() if field not in without}
    return found


def _differences(first: dict[str, Any], second: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {field: (value, second[field]) for field, value in first.items() if value != second[field]}
