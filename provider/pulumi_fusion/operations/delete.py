"""Delete a customer: GET, DELETE, GET until it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pulumi_fusion.customer.model import Account, State
from pulumi_fusion.customer.names import CustomerStatus
from pulumi_fusion.customer.stack import Stack
from pulumi_fusion.errors import FusionError, HasSubAccounts, InDoubt, NotFound, Protected, RequestFailed, StillManaged
from pulumi_fusion.operations.change import send
from pulumi_fusion.operations.operation import Operation
from pulumi_fusion.operations.read import get_or_confirm_missing

__all__ = ["delete", "require_deletable"]

_ATTEMPTED: Final = "delete the customer"

# Seconds to wait for the number of customers to become 0 where it can't be seen whether there are any.
COUNT_SECONDS: Final = 3.0

# How many of the customers that are listed below one are read, each by a GET.
_READ_BELOW: Final = 5


def delete(op: Operation, state: State) -> None:
    """Delete the customer; one that is missing already is a success.

    Raises:
        NotOurs, HasSubAccounts: Nothing was sent.
        OutcomeUnknown, RequestFailed: The state is kept.
    """

    def require(account: Account) -> None:
        op.require_same(account, state)
        _require_childless(op, account)

    live = get_or_confirm_missing(op, state)
    if live is not None:
        try:
            live = _wait_until_childless(op, state, live)
            require(live)
            send(
                op, live.id, lambda recheck: op.service.delete_customer(op.shortname, recheck=recheck), require=require
            )
            _wait_until_gone(op, live.id)
        except NotFound:
            pass
    op.run.cache.note(op.shortname, None)


def _request(op: Operation, recheck: Callable[[], None]) -> None:
    op.service.delete_customer(op.shortname, recheck=recheck)


def require_deletable(stack: Stack, urn: str, shortname: str, state: State) -> None:
    """Raise StillManaged or Protected for a customer that must not be deleted. The service isn't asked."""
    _require_sole(stack, urn, shortname, state)
    protected = state.deletion_protection
    # A state that does not hold the field is read as the default would be.
    if protected or (protected is None and state.status != CustomerStatus.TRIAL_ACTIVE.value):
        raise Protected(
            _ATTEMPTED,
            "deletion protection is on, and a deletion destroys the customer's data",
            shortname=shortname,
            next_step="If that is meant, set deletionProtection=false, run `pulumi up`, then delete again.",
        )


def _wait_until_gone(op: Operation, customer_id: str | None) -> None:
    """Wait until a GET no longer shows the customer, for an accepted DELETE may have had no effect.

    Raises:
        OutcomeUnknown: The customer is still there after the consistency timeout.
    """
    shown = ""
    try:
        for answer in op.poll(op.consistency):
            if isinstance(answer, Account):
                if answer.id != customer_id:
                    return  # another one was created under the name since
                shown = "the customer is still there"
            elif _is_answer_of_something_else(answer):
                shown = f"since then {answer.came_back}"
            else:
                return  # it is gone, or it can't be seen, which does not contradict the accepted DELETE
    except FusionError:  # the deadline or an interrupt
        if not shown:
            return
        raise
    raise op.outcome_unknown(f"the deletion was accepted, but {shown}")


def _is_answer_of_something_else(failure: RequestFailed) -> bool:
    """Return whether a gateway may have answered that accepts everything, deletions as well."""
    return isinstance(failure, InDoubt) and failure.status is not None and failure.status < 400


def _wait_until_childless(op: Operation, state: State, live: Account) -> Account:
    """Return the account once its number of customers no longer lags behind their deletion.

    Raises:
        NotFound, NotOurs.
    """
    op.require_same(live, state)
    if live.is_childless or (live.children, live.is_parent) == (None, None):
        return live
    below = _has_customers(op)
    if below:
        return live
    window = op.consistency if below is False else min(COUNT_SECONDS, op.consistency)
    for answer in op.poll(window):
        if not isinstance(answer, Account):
            raise answer
        live = answer
        op.require_same(live, state)
        if live.is_childless:
            break
    return live


def _has_customers(op: Operation) -> bool | None:
    """Return whether the account has customers, or None where that cannot be read."""
    try:
        inside = op.service.inside(op.shortname)
        listed = {account.shortname: account for account in inside.list_customers()}
        # A service that ignores which account the token is for lists the customers of our own account.
        is_doubtful = listed.pop(op.shortname, None) is not None
        below = [name for name, account in listed.items() if account.parent in (None, op.shortname)]
        for name in below[:_READ_BELOW]:
            try:
                inside.get_customer(name)
            except NotFound:  # the list lags behind its deletion
                continue
            return True
    except FusionError:
        return None
    return None if is_doubtful else False


def _require_childless(op: Operation, live: Account) -> None:
    if live.is_childless:
        return
    if live.children is None and live.is_parent is None:
        # A list would not show that there are none, and a service that cascades deletes all that are below.
        raise HasSubAccounts(
            op.attempted,
            "the service does not show whether it has customers of its own",
            next_step="Nothing was deleted. Delete it in Fusion; `pulumi refresh` then removes it from the state.",
        )
    raise HasSubAccounts(
        op.attempted,
        f"it has {live.children or 'some'} customers of its own",
        next_step="Nothing was deleted. Delete them first: their data would be lost with it.",
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
