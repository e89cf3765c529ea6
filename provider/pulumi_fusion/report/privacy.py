"""Remove the first admins' names and e-mail addresses from a plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from pulumi_fusion.customer.names import state_key
from pulumi_fusion.report.plan import ADMIN, Change, Customer, Failure, Plan
from pulumi_fusion.report.values import Special, Value

__all__ = ["without_admins", "without_emails", "without_quotes"]

# RFC 5321 limits the part before the @ to 64 characters, and that limits the time on a long text.
_EMAIL: Final = re.compile(r"[^\s@<>()'\"]{1,64}@[^\s@<>()'\"]+")
# A text as repr writes it: an apostrophe inside of a word doesn't start one. The end is missing if it was cut.
_QUOTED: Final = re.compile(r"(?<!\w)(?P<quote>['\"])(?:\\.|(?!(?P=quote))[^\\])*(?:(?P=quote)|\\?\Z)", re.DOTALL)
_MASK: Final = "(hidden)"
_ADMIN_KEYS: Final = frozenset(map(state_key, ADMIN))


def without_admins(plan: Plan) -> Plan:
    """Return the plan without the values of the fields about the first admin, also where a text quotes them."""
    values = {
        value
        for customer in plan.customers
        for fields in (customer.old, customer.new)
        for name, value in fields.items()
        if name in ADMIN and isinstance(value, str) and value.strip()
    }
    emails = {value for value in values if "@" in value}
    hide_all, hide_any_email = _hiding(values), _hiding(emails)

    def hide_emails(text: str) -> str:
        return hide_any_email(text) if "@" in text else text

    return replace(
        plan,
        customers=tuple(_customer(each, hide_emails) for each in plan.customers),
        failures=tuple(_failure(each, hide_all, hide_emails) for each in plan.failures),
        notes=tuple(without_emails(hide_all(each)) for each in plan.notes),
        other_changes=tuple((op, hide_emails(urn)) for op, urn in plan.other_changes),
    )


def without_emails(text: str) -> str:
    """Return a text without anything that has the form of an e-mail address."""
    return _EMAIL.sub(_MASK, text) if "@" in text else text


def without_quotes(text: str) -> str:
    """Return a text without what it quotes."""
    return _QUOTED.sub(_MASK, text)


def _hiding(values: set[str]) -> Callable[[str], str]:
    """Return a function that replaces the values in a text; names only where they aren't parts of a word."""

    def hide(text: str) -> str:
        # Most texts have none of the values, so that a search for each of them is the fastest.
        for value in sorted((each for each in values if each in text), key=len, reverse=True):
            bounds = ("", "") if "@" in value else (r"(?<!\w)", r"(?!\w)")
            text = re.sub(f"{bounds[0]}{re.escape(value)}{bounds[1]}", _MASK, text)
        return text

    return hide


def _customer(customer: Customer, hide: Callable[[str], str]) -> Customer:
    def fields(values: Mapping[str, Value]) -> dict[str, Value]:
        return {name: _value(name, value, hide) for name, value in values.items()}

    return replace(
        customer,
        resource=hide(customer.resource),
        old=fields(customer.old),
        new=fields(customer.new),
        changes=tuple(
            Change(each.field, _value(each.field, each.old, hide), _value(each.field, each.new, hide))
            for each in customer.changes
        ),
    )


def _value(name: str, value: Value, hide: Callable[[str], str]) -> Value:
    if name in ADMIN and value is not None and value is not Special.UNKNOWN:
        return Special.HIDDEN
    return hide(value) if isinstance(value, str) else value


def _failure(failure: Failure, hide_all: Callable[[str], str], hide_emails: Callable[[str], str]) -> Failure:
    reason = failure.reason
    if failure.property in _ADMIN_KEYS:
        # What follows "such as" is an example, and then details.
        reason = without_quotes(reason.partition(" such as ")[0])
    return Failure(hide_emails(failure.resource), failure.property, without_emails(hide_all(reason)))
