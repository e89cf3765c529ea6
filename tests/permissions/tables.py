"""The tables of the page about permissions, from what the last run wrote."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from fusion_emulator.roles import ROLES
from tests.docs.tables import table
from tests.permissions.commands import COMMANDS
from tests.permissions.outcomes import PARTLY, WORKS, recorded

__all__ = ["needed", "outcomes_by_role"]

# As the vendor's form names them.
_ACTIONS: Final = {"fetch": "Read", "create": "Create", "update": "Update", "delete": "Delete"}
_CATEGORIES: Final = {"customers": "Customers", "users": "Users", "masquerade": "Masquerading"}


def needed() -> str:
    """Return the table of the permissions that each command needs."""
    rows = recorded()
    return table(
        ("Command", "Permissions of the role"),
        ((command.title, "; ".join(_permissions(rows[command.key].needs)) or "none") for command in COMMANDS),
    )


def outcomes_by_role() -> str:
    """Return the table of how each command ends under each role; roles without a difference share a column."""
    rows = recorded()
    columns: dict[tuple[str, ...], list[str]] = {}
    for role in ROLES:
        cells = tuple(_shown(rows[command.key].outcomes.get(role, "not run")) for command in COMMANDS)
        columns.setdefault(cells, []).append(f"`{role}`")
    return table(
        ("Command", *(", ".join(roles) for roles in columns.values())),
        ((command.title, *cells) for command, *cells in zip(COMMANDS, *columns, strict=True)),
    )


def _permissions(needs: tuple[str, ...]) -> Iterator[str]:
    """Yield a text for each category, such as "Customers: Read, Create"."""
    for resource, each in groupby(needs, lambda need: need.partition(": ")[0]):
        wanted = {need.partition(": ")[2] for need in each}
        actions = [label for action, label in _ACTIONS.items() if action in wanted]
        yield f"{_CATEGORIES[resource]}{': ' if actions else ''}{', '.join(actions)}"


def _shown(outcome: str) -> str:
    if outcome == WORKS:
        return WORKS
    return f"in part, no `{outcome.removeprefix(PARTLY)}`" if outcome.startswith(PARTLY) else f"no `{outcome}`"
