"""The digest of a plan, by which a pipeline applies what was reviewed and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Final

from pulumi_fusion.report.plan import Customer, Op, Plan
from pulumi_fusion.report.values import Special, Value

__all__ = ["SHORT", "digest"]

SHORT: Final = 12
"""Characters of the digest in a heading."""


def digest(plan: Plan) -> str:
    """Return the SHA-256 of the operations on customers, sorted, with all values, and of those on other resources.

    It depends on the project, the stack and its account, not on the frontend, the names of the resources of customers,
    or their order. A plan with admins' data has another digest than the one without.
    """
    customers = sorted(json.dumps(_customer(each), sort_keys=True) for each in plan.customers)
    others = sorted(map(list, plan.other_changes))
    text = json.dumps([plan.project, plan.stack, dict(plan.settings), customers, others])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _customer(customer: Customer) -> list[object]:
    changes = {each.field: [_plain(each.old), _plain(each.new)] for each in customer.changes}
    new = {name: _plain(value) for name, value in customer.new.items()}
    # What a deletion destroys. An update contains the old values of what changes.
    old = {} if customer.op is Op.UPDATE else {name: _plain(value) for name, value in customer.old.items()}
    return [
        customer.op.value,
        _plain(customer.shortname),
        _plain(customer.customer_id),
        changes,
        old,
        new,
        customer.adoption,
        customer.provider,
    ]


def _plain(value: Value) -> object:
    """Return the value in JSON, in which a text differs from what replaces a value."""
    return {"special": value.value} if isinstance(value, Special) else value
