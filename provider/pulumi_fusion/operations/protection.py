"""Refuse a deletion before the service is reached: deletion protection, and other resources of the stack."""

from __future__ import annotations

from typing import Final

from pulumi_fusion.customer.model import State
from pulumi_fusion.customer.stack import Stack
from pulumi_fusion.errors import Protected, StillManaged
from pulumi_fusion.operations.operation import Call

__all__ = ["require_deletable"]

_ATTEMPTED: Final = "delete the customer"


def require_deletable(call: Call, shortname: str, state: State) -> None:
    """Raise StillManaged or Protected for a customer that must not be deleted. Nothing is sent."""
    _require_sole(call.run.stack, call.urn, shortname, state)
    if state.is_protected:
        raise Protected(
            _ATTEMPTED,
            "deletion protection is on, and a deletion destroys the customer's data",
            shortname=shortname,
            next_step=f"To delete it, set {call.hints.unprotected}, run `pulumi up`, then delete again.",
        )


def _require_sole(stack: Stack, urn: str, shortname: str, state: State) -> None:
    """Raise StillManaged where another resource manages the customer, or where that can't be seen."""
    others = stack.other_managers(urn, shortname, state.customer_id)
    own = f"'{urn}'" if urn else "<URN of this resource, see pulumi stack --show-urns>"
    if others:
        raise StillManaged(
            _ATTEMPTED,
            f"another resource of the stack manages the same customer, or reads it ({', '.join(others)})",
            shortname=shortname,
            next_step="Nothing was deleted. If the resource was renamed or moved, make the stack forget the old "
            f"one: `pulumi state delete {own}`. If the other one isn't applied yet, give it the old URN as an "
            "alias instead. The customer stays on the service in both cases.",
        )
    if stack.is_unverified(shortname, state.customer_id):
        raise StillManaged(
            _ATTEMPTED,
            "the state of the stack, by `pulumi stack export`, couldn't be read or lacks the customer, so it can't "
            "be seen whether another resource manages it",
            shortname=shortname,
            next_step="Nothing was deleted. Check that `pulumi stack export` works here, name the stack by "
            "--stack, and run `pulumi up` again.",
        )
    if stack.may_be_declared_elsewhere(urn, shortname, state.customer_id):
        raise StillManaged(
            _ATTEMPTED,
            "this run is limited to a part of the program or goes on after errors, so it can't be seen whether "
            "another resource declares the same customer",
            shortname=shortname,
            next_step="Nothing was deleted. If the resource was renamed or moved, add its old URN as an alias. Run "
            "`pulumi up` without --target, --exclude, --continue-on-error and the variables that set them. "
            "Only if the customer is to be deleted, use `pulumi destroy --target`.",
        )
