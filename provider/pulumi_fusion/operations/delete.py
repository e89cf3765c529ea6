"""Delete a customer: GET, DELETE, GET until it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pulumi_fusion.customer.model import Account, State
from pulumi_fusion.errors import FusionError, HasSubAccounts, InDoubt, NotFound, RequestFailed
from pulumi_fusion.operations.change import send
from pulumi_fusion.operations.deletions import Limit
from pulumi_fusion.operations.operation import Operation
from pulumi_fusion.operations.read import get_or_confirm_missing

__all__ = ["delete"]

# Seconds to wait for the number of sub-accounts to become 0 where they can't be listed.
COUNT_SECONDS: Final = 3.0

# How many of the listed sub-accounts are read, each by a GET.
_READ_BELOW: Final = 5


def delete(op: Operation, state: State, limit: Limit) -> None:
    """Delete the customer; it is a success if it is missing already.

    Raises:
        TooManyDeletes, NotOurs, HasSubAccounts, AbsenceNotProved: Nothing was sent.
        OutcomeUnknown, RequestFailed, Cancelled, DeadlineExceeded: The state is kept.
    """
    with op.run.deletions.reserve(limit, op.deadline) as note_sent:
        live = get_or_confirm_missing(op, state)
        if live is not None:
            try:
                live = _wait_until_childless(op, state, live)
                _send_delete(op, state, live, note_sent)
                _wait_until_gone(op, live.id)
            except NotFound:
                pass
    op.run.cache.note(op.shortname, None)


def _send_delete(op: Operation, state: State, live: Account, note_sent: Callable[[], None]) -> None:
    """Send the DELETE; verify the id and that there are no sub-accounts, now and before it is sent again."""

    def require(account: Account) -> None:
        op.require_same(account, state)
        _require_childless(op, account)

    def request(recheck: Callable[[], None]) -> None:
        try:
            op.service.delete_customer(op.shortname, recheck=recheck)
        except (InDoubt, NotFound):
            # A 404 right after a GET that found it: a proxy may have sent the DELETE twice.
            note_sent()
            raise
        # Any other error means that the service has not processed it.
        note_sent()

    require(live)
    send(op, live.id, request, require=require)


def _wait_until_gone(op: Operation, customer_id: str | None) -> None:
    """Wait until a GET no longer shows the customer. An accepted DELETE may have had no effect.

    Raises:
        OutcomeUnknown: The customer is still there after the consistency timeout, or all that answers is a gateway.
        Cancelled, DeadlineExceeded: The wait ended, and the customer was still there.
    """
    shown = ""
    try:
        for answer in op.poll(op.consistency):
            if isinstance(answer, Account):
                if answer.id not in (None, customer_id):
                    return  # another one with this shortname was created since
                shown = "the customer is still there"
            elif _is_from_a_gateway(answer):
                shown = f"since then {answer.came_back}"
            else:
                return  # it is gone, or it can't be seen, which does not contradict the accepted DELETE
    except FusionError:  # the deadline or an interrupt
        if not shown:
            return
        raise
    raise op.outcome_unknown(f"the deletion was accepted, but {shown}")


def _is_from_a_gateway(failure: RequestFailed) -> bool:
    """Return whether a gateway that accepts every request may have answered."""
    return isinstance(failure, InDoubt) and failure.status is not None and failure.status < 400


def _wait_until_childless(op: Operation, state: State, live: Account) -> Account:
    """Return the account once its number of sub-accounts shows that they were deleted.

    That number may be outdated where the same run has just deleted them.

    Raises:
        NotOurs, RequestFailed
    """
    op.require_same(live, state)
    if live.is_childless or (live.children, live.is_parent) == (None, None):
        return live
    has_sub_accounts = _has_sub_accounts(op)
    if has_sub_accounts:
        return live
    window = op.consistency if has_sub_accounts is False else min(COUNT_SECONDS, op.consistency)
    for answer in op.poll(window):
        if not isinstance(answer, Account):
            raise answer
        live = answer
        op.require_same(live, state)
        if live.is_childless:
            break
    return live


def _has_sub_accounts(op: Operation) -> bool | None:
    """Return whether the account has sub-accounts, or None where that can't be read."""
    try:
        inside = op.service.inside(op.shortname)
        listed = {account.shortname: account for account in inside.list_customers()}
        # If the service ignores the account of the token, it lists the customers of the parent.
        is_of_parent = listed.pop(op.shortname, None) is not None
        below = [name for name, account in listed.items() if account.parent in (None, op.shortname)]
        for name in below[:_READ_BELOW]:
            try:
                inside.get_customer(name)
            except NotFound:  # deleted, and the list is outdated
                continue
            return True
    except FusionError:
        return None
    return None if is_of_parent else False


def _require_childless(op: Operation, live: Account) -> None:
    if live.is_childless:
        return
    if live.children is None and live.is_parent is None:
        # A list can't show that there are none, and a service that cascades would delete all of them.
        raise HasSubAccounts(
            op.attempted,
            "the service does not show whether it has sub-accounts",
            next_step="Nothing was deleted. Delete it in Fusion; `pulumi refresh` then removes it from the state.",
        )
    raise HasSubAccounts(
        op.attempted,
        f"it has {_count(live.children)}",
        next_step="Nothing was deleted. Delete them first: their data would be lost with it.",
    )


def _count(children: int | None) -> str:
    if children == 1:
        return "1 sub-account"
    return f"{children} sub-accounts" if children else "sub-accounts"
