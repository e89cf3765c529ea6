"""The content of a catalog: customers by shortname, with the places of their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pulumi_fusion.catalog.findings import Finding, Place, Rule
from pulumi_fusion.customer.names import label

__all__ = ["FLOWS", "VERSION", "Catalog", "Entry", "Value", "is_csv"]

VERSION: Final = 1
"""The version of the format."""

FLOWS: Final = "contractual_flows_per_second"
"""The field that only some customers have, so that a default may be wrong for one."""


def is_csv(path: str) -> bool:
    """Return whether a file is read as CSV, which its name decides."""
    return path.lower().endswith(".csv")


class Value(NamedTuple):
    """The value of a field, and where it is."""

    value: str | int | float | bool
    place: Place


@dataclass(frozen=True)
class Entry:
    """One customer: its shortname and where it is, and its fields by Python name, without those of the defaults."""

    shortname: str
    place: Place
    own: Mapping[str, Value]


@dataclass(frozen=True)
class Catalog:
    """The customers of a file, in its order.

    Args:
        path: The path as it was given.
        defaults: The fields of every customer that doesn't have them, by Python name.
        entries: The customers. Each shortname is there once.
    """

    path: str
    defaults: Mapping[str, Value] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()

    def fields(self, entry: Entry) -> dict[str, str | int | float | bool]:
        """Return the values of a customer by Python name: the defaults, its own, and its shortname."""
        values = {name: each.value for name, each in {**self.defaults, **entry.own}.items()}
        return {**values, "shortname": entry.shortname}

    def missing(self, entry: Entry, name: str) -> Finding:
        """Return the finding that a customer lacks a required field."""
        where = "here" if is_csv(self.path) else "here or to defaults"
        why = f"{label(name)} is required: add {name} {where}"
        return Finding(self.path, entry.place, why, Rule.MISSING_FIELD, entry.shortname, name)
