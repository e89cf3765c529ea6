"""The differences between the state and a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pulumi_fusion.customer.mapping import same_text, same_type
from pulumi_fusion.customer.model import FIELDS, Kind, State
from pulumi_fusion.customer.names import label, state_key

__all__ = ["Change", "changes", "history_lost", "is_imported", "may_be_unapplied"]


class Change(NamedTuple):
    """A field whose value in the program differs: its Python name, what the change does, the old and new value."""

    field: str
    kind: Kind
    old: Any
    new: Any


def changes(old: State, new: Mapping[str, Any]) -> list[Change]:
    """Return what differs between the state and the checked inputs of a program, which are by state key.

    An unset field is not managed, so it is never a change; an unknown one (``UNKNOWN``) is always one. What an imported
    customer's state lacks, because the service does not show it, is taken as true from the program without a change.
    So is the form's name for the type that the API shows.
    """
    found = []
    imported = is_imported(old)
    for name, spec in FIELDS.items():
        before, after = getattr(old, name), _whole(new.get(state_key(name)))
        if spec.kind is Kind.CREATE_OPTION or after is None or (before is None and imported):
            continue
        if name == "type" and imported and same_type(old, State.recall(new)):
            continue
        if not same_text(before, after):
            found.append(Change(name, spec.kind, before, after))
    return found


def is_imported(known: State) -> bool:
    """Return whether the state is that of an import: it lacks the create-only fields, which no record shows."""
    return known.shortname is not None and all(
        getattr(known, name) is None for name, spec in FIELDS.items() if spec.kind is Kind.CREATE_ONLY
    )


def may_be_unapplied(known: State, asked: State) -> bool:
    """Return whether the last update may have failed: the inputs last applied differ from the state."""
    return any(
        change.old is not None and change.kind is Kind.UPDATE
        for change in changes(known, asked.model_dump(by_alias=True, exclude_none=True))
    )


def _whole(value: Any) -> Any:
    """Return a whole float as an integer: the engine sends every number as a double."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def history_lost(found: list[Change]) -> list[str]:
    """Return a warning for a replacement, and one for each retention that becomes shorter."""
    replaced = [
        f"{label(change.field)} changes: the customer is deleted with its data, and an empty one is created."
        for change in found
        if change.kind is Kind.REPLACE and change.old is not None
    ]
    return replaced + [
        f"{label(change.field)} goes from {change.old} to {change.new} days: the service drops what is older than "
        f"{change.new} days, and raising it again does not bring it back."
        for change in found
        if change.field in ("data_retention", "rollup_retention")
        and isinstance(change.old, int)
        and isinstance(change.new, int)
        and change.new < change.old
    ]
