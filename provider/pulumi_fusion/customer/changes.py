"""A change is a value. What each field's change means is one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from pulumi_fusion.customer.mapping import same_text, same_type
from pulumi_fusion.customer.model import State
from pulumi_fusion.customer.words import UNKNOWN, Unknown, state_key

__all__ = ["KINDS", "UNKNOWN", "Change", "Kind", "Unknown", "changes", "history_lost", "is_imported", "unsettled"]


class Kind(Enum):
    """What the change of a field leads to."""

    UPDATE = "update"
    """a PUT"""
    REPLACE = "replace"
    """a new customer, then the deletion of the old one"""
    RECORD = "record"
    """nothing on the service: the value is written to the state"""
    NONE = "none"
    """nothing at all"""


KINDS: Final[Mapping[str, Kind]] = {
    "shortname": Kind.REPLACE,  # the key of every path: the API cannot rename
    "organization": Kind.UPDATE,
    "type": Kind.UPDATE,
    "status": Kind.UPDATE,
    "contractual_flows_per_second": Kind.UPDATE,
    "multi_account": Kind.UPDATE,
    "internal": Kind.UPDATE,
    "data_retention": Kind.UPDATE,
    "rollup_retention": Kind.UPDATE,
    # The first admin exists in POST alone; a known value that differs fails the check before it gets here.
    "email": Kind.RECORD,
    "given_name": Kind.RECORD,
    "family_name": Kind.RECORD,
    "deletion_protection": Kind.RECORD,
    "adopt": Kind.NONE,  # speaks of the moment of creation only
}


_FREE_TEXTS: Final = frozenset({"organization", "given_name", "family_name"})


class Change(NamedTuple):
    """One field that the program wants otherwise: its Python name, what that leads to, old and new value."""

    field: str
    kind: Kind
    old: Any
    new: Any


def changes(old: State, new: Mapping[str, Any]) -> list[Change]:
    """What differs between the state and the checked inputs of a program (keys of the state).

    A field that the program does not set is not managed and so never a change; one that is not known yet
    (``UNKNOWN``) counts as one. Of an imported customer the program tells what the service does not: that is no
    change either, for it is taken as true, and the form's word for the type is the same as the API's.
    """
    found = []
    told_by_program = is_imported(old)
    for field, kind in KINDS.items():
        before, after = getattr(old, field), _whole(new.get(state_key(field)))
        if kind is Kind.NONE or after is None or (before is None and told_by_program):
            continue
        if field == "type" and told_by_program and same_type(old, State.recall(new)):
            continue
        if not (same_text(before, after) if field in _FREE_TEXTS else before == after):
            found.append(Change(field, kind, before, after))
    return found


def is_imported(known: State) -> bool:
    """Whether a customer came from the service alone: nobody has told its first admin yet, as every program does."""
    return known.shortname is not None and (known.email, known.given_name, known.family_name) == (None, None, None)


def unsettled(known: State, asked: State) -> bool:
    """Whether an update may have come to nothing: the inputs last applied differ from what the state shows."""
    return any(
        change.old is not None and change.kind is Kind.UPDATE
        for change in changes(known, asked.model_dump(by_alias=True, exclude_none=True))
    )


def _whole(value: Any) -> Any:
    """A number as the integer it stands for: the engine hands every number over as a double."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def history_lost(found: list[Change]) -> list[str]:
    """A sentence for each retention that shrinks: the days beyond it are gone for good."""
    return [
        f"{label} goes from {change.old} to {change.new} days: the service drops what is older than "
        f"{change.new} days, and raising it again does not bring it back."
        for change in found
        if (label := _RETENTIONS.get(change.field))
        and isinstance(change.old, int)
        and isinstance(change.new, int)
        and change.new < change.old
    ]


_RETENTIONS: Final[Mapping[str, str]] = {
    "data_retention": "Data Retention",
    "rollup_retention": "Rollup Retention",
}
