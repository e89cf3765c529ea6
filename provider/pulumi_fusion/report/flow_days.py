"""Sum up how much the customers of a plan retain, since a preview has no prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeGuard

from pulumi_fusion.report.plan import Customer, FlowDays, Op
from pulumi_fusion.report.values import Value

__all__ = ["flow_days"]

# A larger number isn't one of the service, and too large for a share of it.
_LARGEST: Final = 2**31 - 1


def flow_days(customers: Iterable[Customer]) -> FlowDays:
    """Return the sums over the customers, the unchanged ones included."""
    known: list[tuple[int, int]] = []
    left_out: list[Customer] = []
    for each in customers:
        before, after = _before(each), _after(each)
        if before is None or after is None:
            left_out.append(each)
        else:
            known.append((before, after))
    return FlowDays(
        before=sum(before for before, _ in known),
        after=sum(after for _, after in known),
        customers=len(known),
        left_out=len(left_out),
        without_flows=sum(map(_has_no_flows, left_out)),
    )


def _before(customer: Customer) -> int | None:
    if customer.op is Op.CREATE:
        return 0
    # A preview doesn't show the values of a customer that is adopted or imported.
    return None if customer.op in (Op.ADOPT, Op.IMPORT) else _product(customer.old or customer.new)


def _after(customer: Customer) -> int | None:
    if customer.op is Op.DELETE:
        return 0
    if customer.op in (Op.FORGET, Op.UNCHANGED):
        return _before(customer)
    # A field that the program doesn't set keeps its value in an update.
    return _product({**customer.old, **customer.new} if customer.op is Op.UPDATE else customer.new)


def _has_no_flows(customer: Customer) -> bool:
    """Return whether the flows are unset, before or after. Those of a customer that is adopted aren't known."""
    if customer.op in (Op.ADOPT, Op.IMPORT):
        return False
    both = (customer.old, customer.new) if customer.op is Op.REPLACE else (customer.old or customer.new,)
    return any(fields.get("contractual_flows_per_second") is None for fields in both)


def _product(fields: Mapping[str, Value]) -> int | None:
    flows, days = fields.get("contractual_flows_per_second"), fields.get("data_retention")
    return flows * days if _is_number(flows) and _is_number(days) else None


def _is_number(value: Value) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= _LARGEST
