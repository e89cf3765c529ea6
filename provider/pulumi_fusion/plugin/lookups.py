"""What a program or `pulumi do` may look up without managing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from pulumi_fusion.customer.changes import UNKNOWN
from pulumi_fusion.customer.check import sentence
from pulumi_fusion.customer.mapping import merge, same_text
from pulumi_fusion.customer.model import FIELDS, Account, State, state_key
from pulumi_fusion.customer.rules import Failure, nearest, text
from pulumi_fusion.errors import NotFound
from pulumi_fusion.operations.cache import LONGEST_LIST
from pulumi_fusion.operations.service import Service
from pulumi_fusion.plugin import schema

__all__ = ["LOOKUPS", "matching", "wrong_filters"]

Warn = Callable[[str], None]


def _shown(account: Account) -> dict[str, Any]:
    shown = merge(account, State()).properties()
    return shown if account.children is None else {**shown, "children": account.children}


def _get_customer(gateway: Service, arguments: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    try:
        return _shown(gateway.get_customer(arguments["shortname"]))
    except NotFound as absent:
        advice = "`pulumi-fusion customers` lists the shortnames that there are."
        raise absent.during("look up the customer").advising(advice) from None


def _get_customers(gateway: Service, arguments: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    return {"customers": list(matching(gateway, arguments, warn))}


def _get_customer_types(gateway: Service, arguments: Mapping[str, Any], warn: Warn) -> dict[str, Any]:
    return {"types": [each.model_dump(exclude_none=True) for each in gateway.list_customer_types()]}


LOOKUPS: Final[Mapping[str, Callable[[Service, Mapping[str, Any], Warn], dict[str, Any]]]] = {
    schema.GET_CUSTOMER: _get_customer,
    schema.GET_CUSTOMERS: _get_customers,
    schema.GET_CUSTOMER_TYPES: _get_customer_types,
}


def matching(gateway: Service, filters: Mapping[str, Any], warn: Warn) -> Iterator[dict[str, Any]]:
    """The customers that the service lists and that have every value of ``filters`` (keys of the state), by shortname.

    What the service does not show of a customer matches nothing.
    """
    listed = gateway.list_customers()
    if len(listed) >= LONGEST_LIST:
        warn(f"the service lists {LONGEST_LIST} customers at most, so there may be more than the ones found.")
    for account in sorted(listed, key=lambda account: account.shortname):
        shown = _shown(account)
        if all(same_text(shown.get(key), value) for key, value in filters.items()):
            yield shown


def wrong_filters(token: str, arguments: Mapping[str, Any]) -> list[Failure]:
    """What is wrong with the arguments of a look-up; a value that is not known yet passes."""
    allowed = {schema.GET_CUSTOMER: ("shortname",), schema.GET_CUSTOMER_TYPES: ()}.get(token, schema.FILTERS)
    keys = {state_key(name): name for name in allowed}
    failures = []
    for key, value in arguments.items():
        if key not in keys:
            failures.append(
                Failure(
                    key, f"{key!r} isn't an argument here{nearest(key, keys)}; there are {', '.join(keys) or 'none'}"
                )
            )
        elif value is not UNKNOWN:
            try:
                # A parent may be an account with a shorter name than a customer can have.
                text(value) if key == "parent" else FIELDS[keys[key]].validate_python(value)
            except ValidationError as broken:
                # Its own text quotes the whole value, whatever it holds.
                failures += [Failure(key, f"{key} {sentence(error)}") for error in broken.errors()]
            except ValueError as wrong:
                failures.append(Failure(key, f"{key} {wrong}"))
    if token == schema.GET_CUSTOMER and "shortname" not in arguments:
        failures.append(Failure("shortname", "shortname is required"))
    return failures
