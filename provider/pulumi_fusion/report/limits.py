"""Limits on a plan, which a pipeline sets."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pulumi_fusion.report.describe import some
from pulumi_fusion.report.plan import Op, Plan
from pulumi_fusion.report.warnings import PlanWarning, WarningKind, created

__all__ = ["COUNTS", "Condition", "Limits", "UnclearError", "refusals"]

COUNTS: Final[dict[str, Callable[[Plan], int]]] = {
    "creates": lambda plan: plan.count(Op.CREATE),
    "adopts": lambda plan: plan.count(Op.ADOPT),
    "imports": lambda plan: plan.count(Op.IMPORT),
    "updates": lambda plan: plan.count(Op.UPDATE),
    "replaces": lambda plan: plan.count(Op.REPLACE),
    "deletes": lambda plan: plan.deletions,
    "changes": lambda plan: len(plan.customers),
}
"""What a condition counts. A replacement is a delete, too."""

_CONDITION: Final = re.compile(r"\s*([a-z]+)\s*>\s*([0-9]{1,9})\s*")


class UnclearError(ValueError):
    """The preview doesn't show whether a limit is exceeded."""


@dataclass(frozen=True)
class Condition:
    """The plan is refused if the count is above the number."""

    count: str
    above: int

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Return the condition in a text such as ``deletes>0``. Raises ValueError."""
        found = _CONDITION.fullmatch(text)
        if not found or found[1] not in COUNTS:
            raise ValueError(
                f"{text!r} isn't COUNT>NUMBER such as 'deletes>0', in quotes, with a COUNT of {', '.join(COUNTS)}"
            )
        return cls(found[1], int(found[2]))


@dataclass(frozen=True)
class Limits:
    """What a plan may do; the defaults allow everything that an update can do."""

    conditions: Sequence[Condition] = ()
    max_deletes: int | None = None
    max_delete_percent: float | None = None
    denied: Collection[WarningKind] = ()


def refusals(plan: Plan, found: Sequence[PlanWarning], limits: Limits) -> list[str]:
    """Return a sentence for what the update would refuse, and for each limit that the plan exceeds.

    Raises UnclearError.
    """
    return list(_refusals(plan, found, limits))


def _refusals(plan: Plan, found: Sequence[PlanWarning], limits: Limits) -> Iterator[str]:
    yield from _protected(plan)
    for condition in limits.conditions:
        count = COUNTS[condition.count](plan)
        if count > condition.above:
            yield f"The plan has {count} {condition.count}; --fail-on {condition.count}>{condition.above} refuses that."
    if limits.max_deletes is not None and plan.deletions > limits.max_deletes:
        yield f"The plan deletes {plan.deletions} customers; --max-deletes allows {limits.max_deletes}."
    if limits.max_delete_percent is not None:
        yield from _percent(plan, limits.max_delete_percent)
    for kind in WarningKind:
        names = [each.customer for each in found if each.kind is kind]
        if kind in limits.denied and names:
            yield f"The plan has {len(names)} x {kind.value}; --deny {kind.value} refuses that."


def _protected(plan: Plan) -> Iterator[str]:
    """Yield a sentence for the deletions that the update refuses, and before it one for those that may be renames."""
    others = created(plan)
    protected = [each for each in plan.customers if each.is_protected_deletion]
    renamed = [each.name for each in protected if each.old.get("organization") in others]
    removed = [each.name for each in protected if each.old.get("organization") not in others]
    if renamed:
        yield (
            f"The plan deletes {some(renamed)}, with deletion protection on, and creates a customer with the same "
            "organization. A shortname can't be changed: restore it, and change organization if the name is meant. "
            "To delete the customer with all data, apply deletion_protection: false for it in a separate update first."
        )
    if removed:
        yield (
            f"The plan deletes {some(removed)}, with deletion protection on: the update would fail after other "
            "changes. Keep the customer, or apply deletion_protection: false for it in a separate update first."
        )


def _percent(plan: Plan, allowed: float) -> Iterator[str]:
    """Compare the share of the customers in the state that are deleted, as far as their number is known."""
    in_state = [each for each in plan.customers if each.op not in (Op.CREATE, Op.ADOPT, Op.IMPORT)]
    fewest = len(in_state) + plan.unchanged
    most = fewest + plan.unlisted
    if 100 * plan.deletions <= allowed * fewest:
        return
    if 100 * plan.deletions > allowed * most:
        share = 100 * plan.deletions / most
        yield (
            f"The plan deletes {plan.deletions} of {most} customers, {share:.3g} %; --max-delete-percent allows "
            f"{allowed:g} %."
        )
        return
    raise UnclearError(
        f"--max-delete-percent can't be checked: {plan.deletions} of at least {fewest} customers are deleted, and the "
        "preview doesn't list the unchanged ones. Use `pulumi preview --json --show-sames`."
    )
