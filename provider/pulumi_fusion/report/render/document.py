"""The report as a JSON document, which has all of it."""

from __future__ import annotations

from typing import Any, Final

from pulumi_fusion.report.describe import counted
from pulumi_fusion.report.plan import FIELDS, Customer, Op, Plan
from pulumi_fusion.report.render.contents import Contents
from pulumi_fusion.report.values import Special, Value

__all__ = ["VERSION", "document"]

VERSION: Final = 1
"""Of the format. A new key doesn't change it."""


def document(contents: Contents) -> dict[str, Any]:
    """Return the report as JSON values."""
    plan = contents.plan
    return {
        "version": VERSION,
        "project": plan.project,
        "stack": plan.stack,
        "summary": counted(plan),
        "digest": contents.digest,
        "counts": {op.value: plan.count(op) for op in Op},
        "unlisted": plan.unlisted,
        "flow_days": _flow_days(plan),
        "refused": list(contents.refused),
        "warnings": [
            {"kind": each.kind.value, "shortname": each.customer.name, "text": each.text} for each in contents.warnings
        ],
        "customers": [_customer(each) for each in plan.customers],
        "failures": [
            {"resource": each.resource, "property": each.property, "reason": each.reason} for each in plan.failures
        ],
        "messages": list(plan.notes),
        "others": dict(plan.others),
    }


def _flow_days(plan: Plan) -> dict[str, Any]:
    found = plan.flow_days
    return {
        "before": found.before,
        "after": found.after,
        "percent": None if found.percent is None or plan.unlisted else round(found.percent, 1),
        "customers": found.customers,
        "left_out": found.left_out,
        "without_flows": found.without_flows,
    }


def _customer(customer: Customer) -> dict[str, Any]:
    known = [name for name in FIELDS if name in customer.old or name in customer.new]
    return {
        "op": customer.op.value,
        "shortname": customer.name,
        "resource": customer.resource,
        "customer_id": _plain(customer.customer_id),
        "old": {name: _plain(customer.old[name]) for name in known if name in customer.old},
        "new": {name: _plain(customer.new[name]) for name in known if name in customer.new},
        "changes": {each.field: {"old": _plain(each.old), "new": _plain(each.new)} for each in customer.changes},
    }


def _plain(value: Value) -> object:
    """Return the value, or an object with what replaces it."""
    return {"not_shown": value.value} if isinstance(value, Special) else value
