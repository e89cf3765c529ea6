"""What a reviewer must not overlook in a plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pulumi_fusion.customer.names import CustomerStatus, label
from pulumi_fusion.customer.rules import is_dns_label
from pulumi_fusion.report.describe import shown, some
from pulumi_fusion.report.plan import Change, Customer, Op, Plan
from pulumi_fusion.report.values import Special, Value

__all__ = ["PlanWarning", "WarningKind", "created", "grouped", "warnings"]


class WarningKind(str, Enum):
    """What a warning is about, the most dangerous first. The values are those of ``--deny``."""

    DELETION = "deletion"
    REPLACEMENT = "replacement"
    RETENTION_CUT = "retention-cut"
    PROTECTION_LOWERED = "protection-lowered"
    TYPE_CHANGE = "type-change"
    TRIAL_ENDS = "trial-ends"
    SHORTNAME = "shortname"
    ADOPTION = "adoption"
    STATE_REMOVAL = "state-removal"


@dataclass(frozen=True)
class PlanWarning:
    """A warning about one customer: a text to follow its name and a colon."""

    kind: WarningKind
    customer: Customer
    text: str


def warnings(plan: Plan) -> list[PlanWarning]:
    """Return the warnings, the most dangerous kind first, then by customer."""
    order = list(WarningKind)
    others = created(plan)
    found = [each for customer in plan.customers for each in _of_customer(customer, others)]
    return sorted(found, key=lambda each: (order.index(each.kind), each.customer.name))


def grouped(found: Sequence[PlanWarning]) -> list[tuple[str, str]]:
    """Return the customers and the text of each warning; those of one kind with the same text are one."""
    groups: dict[tuple[WarningKind, str], list[str]] = defaultdict(list)
    for each in found:
        groups[each.kind, each.text].append(each.customer.name)
    return [(some(names), text) for (_, text), names in groups.items()]


def created(plan: Plan) -> Mapping[Value, Sequence[str]]:
    """Return the names of the customers that are created, by organization."""
    found: dict[Value, list[str]] = defaultdict(list)
    for each in plan.customers:
        organization = each.new.get("organization")
        if each.op is Op.CREATE and isinstance(organization, str):
            found[organization].append(each.name)
    return found


def _of_customer(customer: Customer, others: Mapping[Value, Sequence[str]]) -> Iterator[PlanWarning]:
    if customer.op is Op.DELETE:
        same = others.get(customer.old.get("organization"), ())
        yield PlanWarning(WarningKind.DELETION, customer, _deletion(customer, same))
    if found := _WHOLE.get(customer.op):
        kind, describe = found
        yield PlanWarning(kind, customer, describe(customer))
    yield from _of_adoption(customer)
    yield from _of_shortname(customer)
    for change in customer.changes:
        if rule := _CHANGES.get(change.field):
            kind, sentence = rule
            if text := sentence(change, customer):
                yield PlanWarning(kind, customer, text)


def _of_adoption(customer: Customer) -> Iterator[PlanWarning]:
    """Yield what the adoption changes, of which the preview has the labels and the sentences about retentions."""
    labels, _, sentences = customer.adoption.partition(".")
    changed = {each.strip() for each in labels.split(",")}
    if sentences.strip():
        yield PlanWarning(WarningKind.RETENTION_CUT, customer, f"the adoption shortens a retention.{sentences}")
    if types := changed & {label("type"), label("multi_account"), label("internal")}:
        yield PlanWarning(WarningKind.TYPE_CHANGE, customer, f"the adoption changes {', '.join(sorted(types))}.")
    if label("status") in changed and customer.new.get("status") != CustomerStatus.TRIAL_ACTIVE.value:
        yield PlanWarning(WarningKind.TRIAL_ENDS, customer, "the adoption ends the trial.")


def _of_shortname(customer: Customer) -> Iterator[PlanWarning]:
    """Yield a warning if a new customer gets a shortname that its portal may not have as a part of its address."""
    name = customer.new.get("shortname")
    is_new = customer.op is Op.CREATE or (customer.op is Op.REPLACE and name != customer.shortname)
    if is_new and isinstance(name, str) and not is_dns_label(name):
        yield PlanWarning(
            WarningKind.SHORTNAME,
            customer,
            "the new shortname isn't a DNS label (lower-case letters, digits, hyphens inside): the address of the "
            "portal may not work. A later change deletes the customer and creates another one.",
        )


def _deletion(customer: Customer, others: Sequence[str]) -> str:
    if customer.is_protected_deletion:
        text = "to be deleted, but deletion protection is on: the update will refuse that."
    else:
        text = "deleted, with all data and users. Nothing in the API restores them."
    if not others:
        return text
    is_one = len(others) == 1
    return (
        f"{text} {some(others)} {'is' if is_one else 'are'} created with the same organization: a rename in the "
        "catalog or program doesn't move the data."
    )


def _replacement(customer: Customer) -> str:
    after = shown("shortname", customer.new.get("shortname"))
    return f"replaced by a new customer, {after}. This one is deleted, with its data and users."


def _adoption(customer: Customer) -> str:
    if changed := customer.adoption.partition(".")[0]:
        effect = f"That changes {changed}."
    elif Special.UNKNOWN in customer.new.values():
        effect = "What that changes is known after apply."
    else:
        # The provider warns of what an adoption changes, unless it doesn't read the service.
        effect = (
            "Nothing that the service returns changes, if the preview read it. What it doesn't return (organization, "
            "type and flows on a documented record) isn't compared, and the next update sends it as declared."
        )
    return f"adopted from the service, and managed from now on. {effect}"


def _removal(customer: Customer) -> str:
    return "removed from the state. The service keeps the customer, unmanaged."


_WHOLE: Final[dict[Op, tuple[WarningKind, Callable[[Customer], str]]]] = {
    Op.REPLACE: (WarningKind.REPLACEMENT, _replacement),
    Op.ADOPT: (WarningKind.ADOPTION, _adoption),
    Op.FORGET: (WarningKind.STATE_REMOVAL, _removal),
}


def _retention(change: Change, customer: Customer) -> str | None:
    name, old, new = label(change.field), change.old, change.new
    if isinstance(old, int) and isinstance(new, int):
        if new >= old:
            return None
        return f"{name} {old} → {new} days: the service drops what is older than {new} days. Nothing restores it."
    return None if old is None or new is None else f"{name} may become shorter: {_why_unclear(change)}."


def _protection(change: Change, customer: Customer) -> str | None:
    if change.old in (True, Special.SECRET) and change.new is False:
        return "deletion protection is turned off. A later update may delete the customer."
    if change.old in (True, Special.SECRET) and isinstance(change.new, Special):
        return f"deletion protection may be turned off: {_why_unclear(change)}."
    return None


def _type(change: Change, customer: Customer) -> str | None:
    if change.new is None or (change.old is None and change.field == "type"):
        return None
    return f"{label(change.field)} changes: {shown(change.field, change.old)} → {shown(change.field, change.new)}."


def _status(change: Change, customer: Customer) -> str | None:
    if change.old == CustomerStatus.ACTIVE.value or change.new in (None, CustomerStatus.TRIAL_ACTIVE.value):
        return None
    if isinstance(change.old, Special) or isinstance(change.new, Special):
        return f"the trial may end: {_why_unclear(change)}."
    if change.old is None:
        return None
    protected = customer.new.get("deletion_protection") is True
    return f"the trial ends: the customer becomes Active, with deletion protection {'on' if protected else 'off'}."


def _why_unclear(change: Change) -> str:
    if Special.SECRET in (change.old, change.new):
        return f"the preview shows {label(change.field)} as a secret"
    return f"the new {label(change.field)} is known after apply"


_Rule = tuple[WarningKind, Callable[[Change, Customer], str | None]]

_CHANGES: Final[dict[str, _Rule]] = {
    "data_retention": (WarningKind.RETENTION_CUT, _retention),
    "rollup_retention": (WarningKind.RETENTION_CUT, _retention),
    "deletion_protection": (WarningKind.PROTECTION_LOWERED, _protection),
    "type": (WarningKind.TYPE_CHANGE, _type),
    "multi_account": (WarningKind.TYPE_CHANGE, _type),
    "internal": (WarningKind.TYPE_CHANGE, _type),
    "status": (WarningKind.TRIAL_ENDS, _status),
}
