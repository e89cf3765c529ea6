"""Read a customer of the state, and confirm that one is missing."""

from __future__ import annotations

from typing import Final

from pulumi_fusion.customer.mapping import from_state, merge
from pulumi_fusion.customer.model import Account, State
from pulumi_fusion.errors import AbsenceNotProved, NotFound, RequestFailed
from pulumi_fusion.operations.create import require_created
from pulumi_fusion.operations.importing import require_shortname
from pulumi_fusion.operations.operation import Operation, has_address

__all__ = ["get_or_confirm_missing", "read", "require_same_parent"]

NOT_FOUND_CHECKS: Final = 3
"""How many 404s in a row confirm that a customer of the state is missing. After an accepted DELETE one is enough."""

# Seconds between them at least: two GETs at once may be answered from the same cache.
PAUSE: Final = 0.2


def read(op: Operation, state: State) -> State | None:
    """Return the state with what the service shows of the customer; None if it is confirmed to be missing.

    Raises:
        NotOurs: Another account has the shortname.
        RequestFailed: The customer can't be read.
    """
    if state.shortname is None:
        require_shortname(op)
    if op.run.mode != "off":
        op.run.cache.prefetch_types(op.service)
    account = _listed(op)
    if account is None or not (has_address(account) or has_address(state)):
        account = get_or_confirm_missing(op, state)
    if account is None:
        return None
    listed = op.account_types()
    if state.customer_id is not None:
        op.require_same(account, state)
    elif state.shortname is not None:
        # A state without an id is that of a create whose answer was lost.
        require_created(op, account, from_state(state, listed))
    if state.customer_id is None:
        op.run.stack.note_managed(account.id, op.shortname, op.call.urn)
    return merge(account, state, listed)


def _listed(op: Operation) -> Account | None:
    try:
        return op.find_listed()
    except RequestFailed:
        return None


def get_or_confirm_missing(op: Operation, state: State) -> Account | None:
    """Return the account by a GET, or None if it is confirmed to be missing.

    It counts as missing when several GETs in a row return a 404, the last one after the consistency timeout of an
    earlier run, and the list does not show it. Only its parent account can confirm that: any other one gets the same
    404.
    """
    is_consistent = op.run.lagging.remaining() <= 0
    for number, answer in enumerate(op.poll(pause=PAUSE), start=1):
        if isinstance(answer, Account):
            return answer
        if not isinstance(answer, NotFound):
            raise answer
        if number >= NOT_FOUND_CHECKS and is_consistent:
            break
        is_consistent = op.run.lagging.remaining() <= 0
    require_same_parent(op, state)
    return op.run.cache.find(op.service, op.shortname)


def require_same_parent(op: Operation, state: State) -> None:
    """Raise AbsenceNotProved where the customer was created below another account than the one of this run."""
    if state.parent not in (None, op.service.account):
        raise AbsenceNotProved(
            op.attempted,
            f"the account {op.service.account!r} has no such customer, but it was created below "
            f"{state.parent!r}, so it may exist and not be visible here",
            next_step=f"The state was not changed. Work in the account {state.parent!r} (fusion:account, or its own "
            "netosecret) and run `pulumi up` first, since refresh and destroy use the provider as the last run "
            "stored it. If the customer is gone, remove it from the state by `pulumi state delete`.",
        ) from None
