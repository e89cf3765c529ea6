"""What a stack's state holds of customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.engine.machine.program import GROUP, TYPES, Frontend, Place


@dataclass(frozen=True)
class Row:
    """One customer in the state. ``customer_id`` is None while the outcome of its creation is unknown."""

    urn: str
    place: Place
    shortname: str
    customer_id: str | None
    email: str | None
    protect: bool
    retained: bool
    deletion_protection: bool
    tainted: bool
    replaced: bool
    """Whether it was replaced and waits for its deletion."""


def rows(resources: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The customers of a state."""
    found = []
    for each in resources:
        frontend = _frontend(each["type"])
        if frontend is None:
            continue
        _, _, types, name = each["urn"].split("::", 3)
        outputs = each.get("outputs") or {}
        found.append(
            Row(
                urn=each["urn"],
                place=Place(frontend, name, types.startswith(f"{GROUP}$")),
                shortname=str(outputs.get("shortname") or each.get("id")),
                customer_id=outputs.get("customerId"),
                email=outputs.get("email"),
                protect=bool(each.get("protect")),
                retained=bool(each.get("retainOnDelete")),
                deletion_protection=bool(outputs.get("deletionProtection")),
                tainted=bool(each.get("taint")),
                replaced=bool(each.get("delete")),
            )
        )
    # The engine writes them in the order in which they were done, which differs from run to run.
    return sorted(found, key=lambda row: (row.urn, row.replaced))


def _frontend(token: str) -> Frontend | None:
    return next((frontend for frontend in _FRONTENDS if TYPES[frontend] == token), None)


_FRONTENDS: tuple[Frontend, ...] = ("plugin", "dynamic")
