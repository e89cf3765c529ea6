"""The functions that a program can call, and the list for `pulumi do`. They read customers without managing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pulumi_fusion.customer.mapping import merge, same_text
from pulumi_fusion.customer.model import FIELDS, Account, State
from pulumi_fusion.customer.names import UNKNOWN, state_key
from pulumi_fusion.customer.rules import Failure, nearest, text
from pulumi_fusion.errors import NotFound
from pulumi_fusion.operations.cache import LONGEST_LIST
from pulumi_fusion.operations.service import Service
from pulumi_fusion.plugin import schema

__all__ = ["FUNCTIONS", "argument_failures", "matching"]

Warn = Callable[[str], None]


def _properties(account: Account) -> dict[str, Any]:
    known = merge(account, State()).properties()
    return known if account.children is None else {**known, "children": account.children}


def _get_customer(service: Service, arguments: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    try:
        return _properties(service.get_customer(arguments["shortname"]))
    except NotFound as absent:
        advice = "`pulumi-fusion customers` lists the existing shortnames."
        raise absent.during("look up the customer").advising(advice) from None


def _get_customers(service: Service, arguments: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    return {"customers": list(matching(service, arguments, warn))}


def _get_customer_types(service: Service, arguments: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    return {"types": [each.model_dump(exclude_none=True) for each in service.list_customer_types()]}


FUNCTIONS: Final[Mapping[str, Callable[[Service, Mapping[str, Any], Warn], dict[str, Any]]]] = {
    schema.GET_CUSTOMER: _get_customer,
    schema.GET_CUSTOMERS: _get_customers,
    schema.GET_CUSTOMER_TYPES: _get_customer_types,
}


def matching(service: Service, filters: Mapping[str, Any], warn: Warn) -> Iterator[dict[str, Any]]:
    """Yield the listed customers that have every value of ``filters``, which are by state key, sorted by shortname.

    A field that the service does not show matches no filter.
    """
    listed = service.list_customers()
    if len(listed) >= LONGEST_LIST:
        warn(f"the service lists {LONGEST_LIST} customers at most, so there may be more than the ones found.")
    for account in sorted(listed, key=lambda account: account.shortname):
        known = _properties(account)
        if all(same_text(known.get(key), value) for key, value in filters.items()):
            yield known


def argument_failures(token: str, arguments: Mapping[str, Any]) -> list[Failure]:
    """Return the failures of the arguments of a function or a list. Unknown values pass."""
    allowed = {schema.GET_CUSTOMER: ("shortname",), schema.GET_CUSTOMER_TYPES: ()}.get(token, schema.FILTERS)
    names = {state_key(name): name for name in allowed}
    failures = []
    for key, value in arguments.items():
        if key not in names:
            failures.append(
                Failure(
                    key, f"{key!r} isn't an argument here{nearest(key, names)}; there are {', '.join(names) or 'none'}"
                )
            )
        elif value is not UNKNOWN:
            # The parent is an output without a rule; its shortname may be shorter than that of a customer.
            rule = FIELDS[names[key]].rule if names[key] in FIELDS else text
            try:
                rule(value)
            except ValueError as wrong:
                failures.append(Failure(key, f"{key} {wrong}"))
    if token == schema.GET_CUSTOMER and "shortname" not in arguments:
        failures.append(Failure("shortname", "shortname is required"))
    return failures
