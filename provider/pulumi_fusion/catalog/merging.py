"""Decide what an export changes in a catalog that exists. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pulumi_fusion.catalog.entries import FLOWS, Catalog, Value
from pulumi_fusion.catalog.live import Difference, Live, type_fields
from pulumi_fusion.catalog.writing import BLANK, Scalar
from pulumi_fusion.customer.model import Account

__all__ = ["Changes", "applied", "changes", "new_entries"]


@dataclass(frozen=True)
class Changes:
    """What the service has and a catalog hasn't.

    Args:
        defaults: The values of defaults that are to be filled in: what most of the customers have.
        added: The fields of customers that the catalog lacks, without those of its defaults, by shortname.
        changed: The fields to set in its entries, by shortname.
        different: What differs in its entries, by shortname. What the service lacks isn't changed.
        absent: The customers of the catalog that aren't among those of the account.
    """

    defaults: Mapping[str, Scalar]
    added: Mapping[str, Mapping[str, Scalar]]
    changed: Mapping[str, Mapping[str, Scalar]]
    different: Mapping[str, Sequence[Difference]]
    absent: Sequence[str]


def new_entries(live: Live, *, adopt: bool) -> dict[str, dict[str, Scalar]]:
    """Return the fields of all customers of an account for a new catalog, by shortname."""
    return {name: {**live.fields(each), **_adopted(each, adopt)} for name, each in live.customers.items()}


def changes(catalog: Catalog, live: Live, *, adopt: bool) -> Changes:
    """Return what makes the catalog agree with the service.

    A field is only changed if the catalog manages it and the service shows it.

    Args:
        catalog: The catalog.
        live: The customers of the account.
        adopt: Whether each customer gets the option that adopts it.
    """
    filled = _filled(catalog, live)
    catalog = _with_defaults(catalog, filled)
    declared = {entry.shortname: catalog.fields(entry) for entry in catalog.entries}
    defaults = {name: each.value for name, each in catalog.defaults.items()}
    changed: dict[str, dict[str, Scalar]] = {}
    different: dict[str, Sequence[Difference]] = {}
    for name, account in live.customers.items():
        if name in declared:
            fields = declared[name]
            if found := live.differences(fields, account):
                different[name] = found
            adopted = {key: value for key, value in _adopted(account, adopt).items() if fields.get(key) != value}
            if wanted := {**_corrected(found, account, fields, live), **adopted}:
                changed[name] = wanted
    added = {
        name: {**_without_defaults(live, account, defaults), **_adopted(account, adopt)}
        for name, account in live.customers.items()
        if name not in declared
    }
    return Changes(filled, added, changed, different, [name for name in declared if name not in live.customers])


def applied(catalog: Catalog, found: Changes) -> dict[str, dict[str, Scalar]]:
    """Return the fields of all customers after these changes of the catalog, with the defaults, by shortname."""
    catalog = _with_defaults(catalog, found.defaults)
    defaults = {name: each.value for name, each in catalog.defaults.items()}
    return {
        **{
            each.shortname: {**catalog.fields(each), **found.changed.get(each.shortname, {})}
            for each in catalog.entries
        },
        **{name: {**defaults, **fields, "shortname": name} for name, fields in found.added.items()},
    }


def _with_defaults(catalog: Catalog, values: Mapping[str, Scalar]) -> Catalog:
    """Return the catalog with other values of defaults that it has."""
    changed = {name: Value(value, catalog.defaults[name].place) for name, value in values.items()}
    return replace(catalog, defaults={**catalog.defaults, **changed})


def _filled(catalog: Catalog, live: Live) -> dict[str, Scalar]:
    """Return what the service shows most often for each default that is to be filled in, if all customers have it."""
    shown = [live.shown(each) for each in live.customers.values()]
    values = {
        name: Counter(fields[name] for fields in shown if name in fields)
        for name, each in catalog.defaults.items()
        if each.value == BLANK
    }
    # Customers without a value must not get one.
    return {name: found.most_common(1)[0][0] for name, found in values.items() if shown and found.total() == len(shown)}


def _corrected(
    found: Sequence[Difference], account: Account, declared: Mapping[str, Scalar], live: Live
) -> dict[str, Scalar]:
    """Return the fields to set in an entry, so that it agrees with the service."""
    fields = {each.field: each.live for each in found if each.field != "type" and each.live is not None}
    if any(each.field == "type" for each in found):
        fields |= type_fields(account, declared, live.types)
    return fields


def _without_defaults(live: Live, account: Account, defaults: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the fields of a new entry.

    A default also replaces a value that the service doesn't show, apart from the type of a customer with customers of
    its own, and from flows that the customer doesn't have.
    """
    fields = live.fields(account)
    if any(each.field == "type" for each in live.differences(defaults, account)):
        fields |= type_fields(account, defaults, live.types)
    elif "type" in defaults:
        fields.pop("type", None)
    own = {
        name: value for name, value in fields.items() if name not in defaults or value not in (BLANK, defaults[name])
    }
    if defaults.get(FLOWS, BLANK) != BLANK and live.lacks_flows(account):
        own[FLOWS] = BLANK
    # An update would send the type of the defaults, and so change that of a reseller.
    if account.shortname in live.parents_without_type() and "type" not in live.without:
        own["type"] = BLANK
    return own


def _adopted(account: Account, adopt: bool) -> dict[str, Scalar]:
    return {"adopt": account.id} if adopt and account.id is not None else {}
