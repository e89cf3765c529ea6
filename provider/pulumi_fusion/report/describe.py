"""The texts of a report, in plain characters. The formats escape them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pulumi_fusion.characters import printable
from pulumi_fusion.customer.names import label, state_key
from pulumi_fusion.report.plan import ADMIN, FIELDS, Change, Customer, Failure, Op, Plan
from pulumi_fusion.report.values import Special, Value

__all__ = ["brief", "counted", "details", "line", "others", "property_name", "retained", "shown", "some", "title"]

_LONGEST: Final = 100
"""Characters of a value in a table; JSON has all of it."""

_WORD: Final = 40
"""Characters of a word in a table: a longer one hides the columns after it."""

_NAMES: Final = 10
"""Names in a sentence."""

_PYTHON_NAMES: Final = {state_key(name): name for name in FIELDS}

_TO: Final = {
    Op.CREATE: "to create",
    Op.ADOPT: "to adopt",
    Op.IMPORT: "to import",
    Op.UPDATE: "to update",
    Op.REPLACE: "to replace",
    Op.DELETE: "to delete",
    Op.FORGET: "to remove from the state",
    Op.UNCHANGED: "unchanged",
}


def line(text: str, longest: int = _LONGEST) -> str:
    """Return foreign text on one line, without control characters and of limited length."""
    text = " ".join(printable(text).split())
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def brief(text: str) -> str:
    """Return foreign text for a cell: on one line, where a text or a word that is cut ends with …."""
    words = line(text).split(" ")
    return " ".join(word if len(word) <= _WORD else f"{word[: _WORD - 1]}…" for word in words)


def shown(field: str, value: Value) -> str:
    """Return a value as a person reads it."""
    if value is None:
        return "unset"
    if isinstance(value, Special):
        return value.value
    if isinstance(value, bool):
        return "on" if value else "off"
    return brief(str(value)) or '""'


def property_name(failure: Failure) -> str:
    """Return the Python name of the property of a failure, which a catalog has, too, or its key if there is none."""
    return _PYTHON_NAMES.get(failure.property, failure.property)


def some(names: Sequence[str]) -> str:
    """Return the names, or how many there are and the first of them."""
    text = ", ".join(map(brief, names[:_NAMES]))
    if len(names) == 1:
        return text
    return f"{len(names)} customers ({text}{', …' if len(names) > _NAMES else ''})"


def title(plan: Plan) -> str:
    """Return the names of project and stack."""
    return " / ".join(line(each) for each in (plan.project, plan.stack) if each) or "stack"


def counted(plan: Plan) -> str:
    """Return how many customers have which operation."""
    counts = ", ".join(f"{plan.count(op)} {text}" for op, text in _TO.items() if plan.count(op))
    if plan.customers:
        return counts
    nothing = "incomplete" if plan.failures else "no changes"
    return f"{nothing}, {counts}" if counts else nothing


def others(plan: Plan) -> str:
    """Return a sentence about all other resources, or an empty text."""
    changed = [f"{number} {op}" for op, number in sorted(plan.others.items()) if op not in ("same", "read")]
    same = sum(plan.others.get(op, 0) for op in ("same", "read"))
    parts = [*changed, *([f"{same} unchanged"] if same else [])]
    sentences = [f"Other resources: {', '.join(parts)}."] if parts else []
    if plan.unlisted:
        sentences.append(
            f"{plan.unlisted} unchanged resources aren't listed; `pulumi preview --show-sames` shows which of them are "
            "customers."
            if plan.unlisted > 1
            else "1 unchanged resource isn't listed; `pulumi preview --show-sames` shows whether it is a customer."
        )
    return " ".join(sentences)


def retained(plan: Plan) -> str:
    """Return a sentence about how much the customers retain, or an empty text if that doesn't change or isn't known."""
    found = plan.flow_days
    if plan.failures or found.before == found.after:
        return ""
    percent = "" if found.percent is None or plan.unlisted else f" ({found.percent:+,.1f} %)"
    unknown = found.left_out - found.without_flows
    left_out = [f"{found.without_flows} without flows"] if found.without_flows else []
    left_out += [f"{unknown} with an unknown value"] if unknown else []
    left_out += ["the unchanged ones, which aren't listed"] if plan.unlisted else []
    what = "Retained flow-days (flows/s \N{MULTIPLICATION SIGN} days)"
    customers = f"{found.customers} customer{'s' if found.customers > 1 else ''}"
    sentence = f"{what}: {found.before:,} → {found.after:,}{percent}, for {customers}."
    return f"{sentence} Left out: {', '.join(left_out)}." if left_out else sentence


def details(customer: Customer) -> str:
    """Return what changes of a customer, or what it has if it is created or deleted."""
    return ", ".join(_details(customer))


def _details(customer: Customer) -> Iterator[str]:
    if customer.op in (Op.UPDATE, Op.REPLACE):
        # The removal of adopt changes nothing.
        changes = [each for each in customer.changes if not (each.field == "adopt" and each.new is None)]
        yield from map(_change, changes)
        if not changes:
            yield "only the state changes"
        return
    fields = customer.new or customer.old
    if customer.op is Op.ADOPT:
        yield f"id {shown('adopt', fields.get('adopt'))}"
    yield from (shown(name, fields[name]) for name in ("type", "status") if name in fields)
    yield from _retention(fields)
    yield from _switches(fields)
    admin = [shown(name, fields[name]) for name in ("given_name", "family_name", "email") if _is_open(fields, name)]
    if admin:
        yield f"first admin {' '.join(admin)}"


def _retention(fields: Mapping[str, Value]) -> Iterator[str]:
    retention = [fields.get(name) for name in ("data_retention", "rollup_retention")]
    if retention != [None, None]:
        yield f"{'/'.join(shown('data_retention', each) for each in retention)} days"
    if (flows := fields.get("contractual_flows_per_second")) is not None:
        yield f"{shown('contractual_flows_per_second', flows)} flows/s"


def _switches(fields: Mapping[str, Value]) -> Iterator[str]:
    for name in ("multi_account", "internal"):
        if fields.get(name) not in (None, False):
            yield f"{label(name)} {shown(name, fields[name])}"
    if (protection := fields.get("deletion_protection")) is not None:
        yield f"deletion protection {shown('deletion_protection', protection)}"


def _is_open(fields: Mapping[str, Value], name: str) -> bool:
    return name in fields and fields[name] is not Special.HIDDEN


def _change(change: Change) -> str:
    name = label(change.field)
    if change.field in ADMIN and Special.HIDDEN in (change.old, change.new):
        return f"{name} (hidden)"
    if change.old is Special.SECRET and change.new is Special.SECRET:
        return f"{name} (secret) may change"
    unit = " days" if change.field.endswith("_retention") and isinstance(change.new, int) else ""
    return f"{name} {shown(change.field, change.old)} → {shown(change.field, change.new)}{unit}"
