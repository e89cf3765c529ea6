"""The plan of a preview: what happens to each customer. It is independent of the frontend that the program uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pulumi_fusion.customer.names import CustomerStatus
from pulumi_fusion.report.values import Value

__all__ = ["ADMIN", "FIELDS", "Change", "Customer", "Failure", "FlowDays", "Op", "Plan"]

FIELDS: Final = (
    "shortname",
    "organization",
    "type",
    "multi_account",
    "internal",
    "status",
    "data_retention",
    "rollup_retention",
    "contractual_flows_per_second",
    "deletion_protection",
    "adopt",
    "email",
    "given_name",
    "family_name",
)
"""All fields of a customer, in the order of the report."""

ADMIN: Final = frozenset({"email", "given_name", "family_name"})
"""The fields about the first admin, a person."""


class Op(str, Enum):
    """What happens to a customer, the most dangerous first."""

    DELETE = "delete"
    REPLACE = "replace"
    FORGET = "forget"
    """It is removed from the state and stays on the service (``retainOnDelete``)."""
    UPDATE = "update"
    ADOPT = "adopt"
    IMPORT = "import"
    CREATE = "create"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Change:
    """A field, by its Python name, whose input differs. None is unset; two secrets may be equal."""

    field: str
    old: Value
    new: Value


@dataclass(frozen=True)
class Customer:
    """One customer of the plan.

    Args:
        op: What happens to it.
        resource: The name of the resource in the program.
        old: The values in the state by Python name, empty for a new customer.
        new: The inputs of the program, empty for a deletion.
        customer_id: The immutable id in the state.
        changes: What differs between both, for an update or a replacement.
        adoption: What an adoption changes on the service, as the preview's warning has it.
        provider: The name of the explicit provider, "" for a default one.
    """

    op: Op
    resource: str
    old: Mapping[str, Value] = field(default_factory=dict)
    new: Mapping[str, Value] = field(default_factory=dict)
    customer_id: Value = None
    changes: tuple[Change, ...] = ()
    adoption: str = ""
    provider: str = ""

    @property
    def shortname(self) -> Value:
        """The shortname before the change, or the new one if there is none."""
        return self.old.get("shortname") or self.new.get("shortname")

    @property
    def name(self) -> str:
        """The shortname, or the name of the resource if the preview doesn't show it."""
        shortname = self.shortname
        return shortname if isinstance(shortname, str) and shortname.strip() else self.resource

    @property
    def is_protected_deletion(self) -> bool:
        """Whether the update refuses the deletion, since deletion protection is on."""
        protection = self.old.get("deletion_protection")
        # A state without the field is read as the default.
        is_default = protection is None and self.old.get("status") != CustomerStatus.TRIAL_ACTIVE.value
        return self.op in (Op.DELETE, Op.REPLACE) and (protection is True or is_default)

    def now(self, name: str) -> Value:
        """Return the value of a field after the change, or before a deletion."""
        return (self.new or self.old).get(name)


@dataclass(frozen=True)
class Failure:
    """An error of the preview: the name of the resource, the property by its key in the state, and the reason.

    Resource and property are empty if the error is about none.
    """

    resource: str
    property: str
    reason: str


@dataclass(frozen=True)
class FlowDays:
    """Contractual Flows per Second times the days of Data Retention, summed over customers.

    Args:
        before: The sum of those in the state.
        after: The sum after the plan.
        customers: How many customers have both values before and after.
        left_out: How many don't.
        without_flows: How many of those that are left out have no flows.
    """

    before: int
    after: int
    customers: int
    left_out: int
    without_flows: int = 0

    @property
    def percent(self) -> float | None:
        """The change in percent, None if there was nothing before, or a customer is left out."""
        if self.left_out or not self.before:
            return None
        return 100 * (self.after - self.before) / self.before


@dataclass(frozen=True)
class Plan:
    """What a preview showed.

    Args:
        project: The name of the Pulumi project.
        stack: The name of the stack.
        settings: What the stack's configuration and explicit providers have about the account, by key.
        customers: The customers that change, the most dangerous operation first, then by name.
        unchanged: How many customers are unchanged, as far as the preview lists them.
        unlisted: How many unchanged resources the preview doesn't list: customers or others.
        others: How many other resources each operation of the engine has.
        other_changes: The operation and the URN of each other resource that isn't unchanged.
        failures: The errors; the plan is incomplete if there is one.
        notes: The warnings of the preview.
        flow_days: How much the customers retain, those that the preview doesn't list left out.
    """

    project: str
    stack: str
    settings: tuple[tuple[str, str], ...] = ()
    customers: tuple[Customer, ...] = ()
    unchanged: int = 0
    unlisted: int = 0
    others: Mapping[str, int] = field(default_factory=dict)
    other_changes: tuple[tuple[str, str], ...] = ()
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    flow_days: FlowDays = FlowDays(0, 0, 0, 0)

    def count(self, op: Op) -> int:
        """Return how many customers have this operation."""
        if op is Op.UNCHANGED:
            return self.unchanged
        return sum(customer.op is op for customer in self.customers)

    @property
    def deletions(self) -> int:
        """How many customers are deleted on the service: a replacement deletes one, too."""
        return self.count(Op.DELETE) + self.count(Op.REPLACE)
