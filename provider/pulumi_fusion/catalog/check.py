"""Apply the rules of the provider to every customer of a catalog. Needs no network, no engine and no credential."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from pulumi_fusion.catalog.entries import FLOWS, Catalog, Entry, Value
from pulumi_fusion.catalog.findings import Finding, Rule
from pulumi_fusion.catalog.loading import load
from pulumi_fusion.customer.check import check
from pulumi_fusion.customer.mapping import API_TYPES
from pulumi_fusion.customer.model import FIELDS, AccountType, value_type
from pulumi_fusion.customer.names import label, state_key
from pulumi_fusion.customer.rules import Failure, quoted
from pulumi_fusion.report.plan import ADMIN
from pulumi_fusion.report.privacy import without_quotes

__all__ = ["findings", "validate"]

_PYTHON_NAMES = {state_key(name): name for name in FIELDS}


def validate(path: str, *, types: Sequence[str] = (), without: Collection[str] = ()) -> list[Finding]:
    """Return everything that is wrong with the file, in the order of its lines.

    Args:
        path: The file.
        types: Account types that the service has in addition to the documented ones.
        without: The Python names of fields that the program sets.

    Raises OSError if the file can't be read.
    """
    catalog, structure = load(path, FIELDS)
    # A field that can't be read, in the entry or in the defaults, isn't missing as well.
    unreadable = {(each.shortname, each.field) for each in structure}
    found = [
        each
        for each in findings(catalog, types=types, without=without)
        if each.rule is not Rule.MISSING_FIELD or not unreadable & {(each.shortname, each.field), (None, each.field)}
    ]
    return sorted([*structure, *found], key=lambda each: each.place)


def findings(catalog: Catalog, *, types: Sequence[str] = (), without: Collection[str] = ()) -> list[Finding]:
    """Return the values of a catalog that break a rule. The arguments are those of :func:`validate`."""
    listed = [AccountType(value=each, label=each) for each in (*API_TYPES, *types)]
    # A wrong default is one problem, not one of each customer.
    of_defaults = {
        failure: _PYTHON_NAMES[failure.property]
        for failure in check(_raw(catalog.defaults), None, listed).failures
        if _PYTHON_NAMES[failure.property] in catalog.defaults
    }
    found = []
    for failure, name in of_defaults.items():
        value = catalog.defaults[name]
        reason = _reason(name, value.value, failure)
        found.append(Finding(catalog.path, value.place, reason, Rule.INVALID_FIELD, field=name))
    for entry in catalog.entries:
        values = {**catalog.defaults, **entry.own}
        for failure in check({**_raw(values), "shortname": entry.shortname}, None, listed).failures:
            name = _PYTHON_NAMES[failure.property]
            missing_on_purpose = name in without and name not in values
            if not missing_on_purpose and (name in entry.own or failure not in of_defaults):
                found.append(_in_entry(catalog, entry, values, name, failure))
    return [*found, *_case_twins(catalog), *_same_adopts(catalog)]


def _raw(values: Mapping[str, Value]) -> dict[str, Any]:
    return {state_key(name): each.value for name, each in values.items()}


def _in_entry(catalog: Catalog, entry: Entry, values: Mapping[str, Value], name: str, failure: Failure) -> Finding:
    if name == "shortname":
        return Finding(catalog.path, entry.place, failure.reason, Rule.SHORTNAME, entry.shortname)
    if name not in values:
        return catalog.missing(entry, name)
    place = entry.own[name].place if name in entry.own else entry.place
    reason = _reason(name, values[name].value, failure)
    if name == FLOWS and name in entry.own and name in catalog.defaults:
        # Without the line, the default would apply.
        what, *advice = re.split("; leave it out|, or remove it", reason, maxsplit=1)
        if advice:
            default = quoted(catalog.defaults[name].value)
            reason = f"{what}; if the contract has none, move the default {default} to the customers that have it"
    return Finding(catalog.path, place, reason, Rule.INVALID_FIELD, entry.shortname, name)


def _reason(name: str, value: object, failure: Failure) -> str:
    # A log may be read by more people than the catalog, which has the first admin at the place of the finding.
    if value == "":
        return f"{label(name)} is empty: fill it in{'' if FIELDS[name].required else ', or remove it'}"
    if value_type(name) is str and not isinstance(value, str):
        return f"{label(name)} must be a text: put {'it' if name in ADMIN else quoted(value)} in quotes"
    return without_quotes(failure.reason) if name in ADMIN else failure.reason


def _case_twins(catalog: Catalog) -> Iterator[Finding]:
    """Yield a finding for each shortname that differs only in case from one before it."""
    names: dict[str, Entry] = {}
    for entry in catalog.entries:
        first = names.setdefault(entry.shortname.casefold(), entry)
        if first is not entry:
            why = (
                f"it differs only in upper and lower case from {first.shortname} in line {first.place.line}: for "
                "Fusion these are two customers. Rename or remove one, or move it to a catalog of its own if both exist"
            )
            yield Finding(catalog.path, entry.place, why, Rule.CASE_TWINS, entry.shortname)


def _same_adopts(catalog: Catalog) -> Iterator[Finding]:
    """Yield a finding for each customer that adopts the same account as one before it."""
    adopted: dict[object, Entry] = {}
    for entry in catalog.entries:
        if adopt := entry.own.get("adopt"):
            first = adopted.setdefault(adopt.value, entry)
            if first is not entry:
                why = f"{first.shortname} in line {first.place.line} adopts the same account: remove one of the two"
                yield Finding(catalog.path, adopt.place, why, Rule.SAME_ADOPT, entry.shortname, "adopt")
