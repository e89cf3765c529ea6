"""Create a customer: evidence that the shortname is available, one POST, and its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from pulumi_fusion.customer.mapping import echoes, merge, to_create
from pulumi_fusion.customer.model import Account, Inputs, State
from pulumi_fusion.errors import (
    AbsenceNotProved,
    AlreadyExists,
    BadRequest,
    Conflict,
    FusionError,
    InDoubt,
    NotFound,
    NotOurs,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RequestFailed,
)
from pulumi_fusion.operations.adopt import adopt
from pulumi_fusion.operations.operation import ADDRESS, Operation, has_address, partial_state_of, saving_partial_state

__all__ = ["create", "create_new", "require_created", "resolve", "unresolved", "with_address", "with_id"]

# Seconds before each GET for an ingest address that the answer to a create lacked.
_ADDRESS_PAUSES: Final = (0.0, 0.3, 1.0)


def create(op: Operation, inputs: Inputs) -> State:
    """Create the customer, or adopt the one that ``adopt`` names.

    Raises:
        AlreadyExists, AbsenceNotProved, NotOurs, InvalidInput, RequestFailed: Nothing was created.
        OutcomeUnknown: The customer may have been created; the next step is how the next run resolves it.
    """
    with saving_partial_state(partial_state_of(op, inputs)):
        listed = op.account_types()
        account_type = op.resolve_type(inputs, listed)
        if inputs.adopt is not None:
            account = adopt(op, inputs, account_type)
        else:
            account = create_new(op, to_create(inputs, account_type))
        return merge(account, State.recall(inputs.model_dump()), listed)


def create_new(op: Operation, body: Mapping[str, Any], *, known_available: bool = False) -> Account:
    """Create an account that does not exist yet.

    Args:
        op: The operation.
        body: What is sent.
        known_available: GETs have shown for the whole consistency timeout that there is no such account.
    """
    by_list = False
    if not known_available:
        by_list = op.run.cache.shows_available(op.service, op.shortname)
        if not by_list:
            _require_available(op)
    account = with_address(op, with_id(op, _post(op, body, by_list=by_list), body, by_list=by_list))
    op.run.cache.note(op.shortname, account)
    return account


def _require_available(op: Operation) -> None:
    try:
        account = op.get()
    except NotFound:
        return
    except BadRequest as unclear:
        raise AbsenceNotProved(
            op.attempted,
            f"when asked for this shortname, {unclear.came_back}, which does not confirm that it is available",
            next_step="Nothing was created. A customer is created only if its shortname is confirmed to be available, "
            "since it could not be distinguished from one that existed before.",
        ) from None
    raise op.already_exists(account)


def _post(op: Operation, body: Mapping[str, Any], *, by_list: bool) -> Account:
    """Send one POST, and a second one only after absence was confirmed for the whole consistency timeout."""

    def post() -> Account:
        return op.service.create_customer(body, recheck=lambda: _recheck_available(op))

    try:
        return post()
    except InDoubt as failure:
        lost = failure
    except FusionError as failure:
        raise _refused(op, failure) from None
    found = resolve(op, body, lost, by_list=by_list)
    if found is None:
        try:
            return post()
        except (InDoubt, BadRequest, Conflict, AlreadyExists):
            # The first POST may have taken effect late, and the second one was refused for that.
            found = resolve(op, body, lost, by_list=by_list)
        except FusionError:
            raise unresolved(op, lost) from None
    if found is None:
        raise unresolved(op, lost)
    return found


def _recheck_available(op: Operation) -> None:
    """Check again before a POST that had to wait, which a 429 may delay for minutes."""
    try:
        _require_available(op)
    except RequestFailed as unclear:
        raise AbsenceNotProved(
            op.attempted,
            f"the request was delayed, and it isn't known whether the shortname is still available: "
            f"{unclear.came_back}",
            next_step="Nothing was created. Run it again: it checks that first.",
        ) from None


def resolve(op: Operation, body: Mapping[str, Any], lost: InDoubt, *, by_list: bool = False) -> Account | None:
    """Find out what a POST did whose answer was lost.

    Args:
        op: The operation.
        body: What was sent.
        lost: How the answer was lost.
        by_list: A list showed before the POST that the shortname was available.

    Returns:
        The account that the POST created; None if it was absent for the whole consistency timeout.

    Raises:
        NotOurs: The account that exists now is not what was sent.
        OutcomeUnknown: Neither could be confirmed before the deadline.
    """
    absent_since: float | None = None  # the seconds that were left of the deadline then
    try:
        for answer in op.poll():
            if isinstance(answer, Account):
                require_created(op, answer, body, by_list=by_list)
                return answer
            left = op.deadline.remaining()
            if not isinstance(answer, NotFound):
                absent_since = None
                continue
            absent_since = left if absent_since is None else absent_since
            if absent_since - left >= op.consistency:
                return _listed_now(op, body, by_list=by_list)
    except NotOurs:
        raise
    except FusionError:
        pass
    raise unresolved(op, lost)


def _listed_now(op: Operation, body: Mapping[str, Any], *, by_list: bool) -> Account | None:
    """Return the account from a new list, which may be ahead of a GET. None if the list lacks it or can't be read.

    Raises:
        NotOurs: The account is not what was sent.
    """
    try:
        listed = op.service.list_customers()
    except FusionError:
        return None
    account = next((each for each in listed if each.shortname == op.shortname), None)
    if account is not None:
        require_created(op, account, body, by_list=by_list)
    return account


def require_created(op: Operation, account: Account, body: Mapping[str, Any], *, by_list: bool = False) -> None:
    """Raise NotOurs unless every field that the account shows, and its parent, match what was sent."""
    others = echoes(account, body)
    # A list may show the account's own customers only, so one of another account would not have been in it.
    if account.parent != op.service.account and (by_list or account.parent is not None):
        others.append("parent")
    if others:
        raise NotOurs(
            op.attempted,
            f"the answer with its id was lost, and the customer that has this shortname now (id {account.id}) "
            f"differs in {', '.join(others)} from what was sent, so it may have been created by something else",
            next_step=f"It was neither adopted nor changed. {op.about_existing(account.id)}",
        )


def with_id(op: Operation, created: Account, body: Mapping[str, Any], *, by_list: bool = False) -> Account:
    """Return the created account with its id, by GETs where the answer lacked it.

    The account was created, so nothing raises: after a failure Pulumi would forget the customer.
    """
    if created.id is not None:
        return created
    try:
        found = resolve(op, body, InDoubt("read the answer", "the answer has no id"), by_list=by_list)
    except FusionError:
        found = None
    if found is None or found.id is None:
        op.call.warn(f"{op.shortname}: it was created, but the service returned no id; `pulumi refresh` records it.")
        return created
    return found


def with_address(op: Operation, created: Account) -> Account:
    """Return the created account with its ingest address, by GETs where the answer lacked it. Nothing raises."""
    for pause in _ADDRESS_PAUSES:
        if has_address(created):
            return created
        with suppress(FusionError):
            op.deadline.wait(pause)
            live = op.get()
            if live.id == created.id:
                created = created.model_copy(update=live.model_dump(include=ADDRESS, exclude_none=True))
    if not has_address(created):
        op.call.warn(
            f"{op.shortname}: it was created, but the service has not assigned its ingest address yet. "
            "`pulumi refresh`, or the next `pulumi up`, records it."
        )
    return created


def _refused(op: Operation, failure: FusionError) -> FusionError:
    """Return what a refused POST means. "Exists already" has no published status, so a GET decides.

    Also for another refusal: if the service created the customer nevertheless, the error names it.
    """
    if isinstance(failure, Rejected) and not isinstance(failure, RateLimited):
        with suppress(FusionError):
            return op.already_exists(op.get())
    return failure


def unresolved(op: Operation, lost: InDoubt) -> OutcomeUnknown:
    """Return the error for a create whose outcome could not be found out."""
    return OutcomeUnknown(
        op.attempted,
        f"the request was sent, {lost.came_back}, and whether the customer exists could not be found out since",
        next_step=op.call.hints.unknown_outcome,
    )
