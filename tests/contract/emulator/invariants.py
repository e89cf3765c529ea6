"""What is true of every state: written a second time, so that the emulator's own checks are checked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

__all__ = ["broken"]

Document = dict[str, Any]


def broken(state: Document) -> list[str]:
    """Return the names of what is not true of a state, as it is in a state file."""
    accounts, users, keys = state["accounts"], state["users"], state["keys"]
    sessions = list(state["sessions"].values())
    own = keys.get(state["own_key"], {})
    facts = {
        "one own key": own.get("account") == state["root"],
        "a tree": is_tree({id_: each["parent"] for id_, each in accounts.items()}, state["root"]),
        "unique names": not state["unique_shortnames"] or unique(each["shortname"] for each in accounts.values()),
        "unique ports": unique(each["ingest_port"] for each in accounts.values()),
        "ids": all(id_ == each["id"] for table in (accounts, users, keys) for id_, each in table.items()),
        "owners": all(each["account"] in accounts for each in (*users.values(), *keys.values(), *sessions)),
        "keys of tokens": all(each["key"] in keys for each in sessions),
        "names of keys": unique((each["account"], each["appname"]) for each in keys.values()),
    }
    return [name for name, holds in facts.items() if not holds]


def unique(values: Any) -> bool:
    """Return whether no value appears twice."""
    found = list(values)
    return len(set(found)) == len(found)


def is_tree(parents: dict[str, str | None], root: str) -> bool:
    """Return whether each account is reached from the root, level by level, and only the root has no parent."""
    level: Collection[str | None] = {root} if parents.get(root, "") is None else set()
    reached = 0
    while level:
        reached += len(level)
        level = {id_ for id_, parent in parents.items() if parent in level}
    return reached == len(parents)
